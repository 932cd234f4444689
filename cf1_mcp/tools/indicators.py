"""Looking up many indicators at once."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import anyio
from pydantic import Field

from cf1_mcp.answers.columns import resolve_columns
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.rows import Rows
from cf1_mcp.context import Client, Now, ToolContext
from cf1_mcp.contracts.arguments import Cursor, DatasetIds, Fields, Limit, Since
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import INDICATORS
from cf1_mcp.errors import BadArgument
from cf1_mcp.lookups.lookup import Lookup
from cf1_mcp.lookups.lookup_answer import COLUMNS, DEFAULT_COLUMNS, render_answer, render_row
from cf1_mcp.lookups.lookup_pages import Only, decode_position, encode_position, read_page
from cf1_mcp.lookups.targets import LookupInput, read_list, read_text
from cf1_mcp.policy.dataset_scope import ReadScope
from cf1_mcp.search.conditions import resolve_period
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.plurals import plural


@INDICATORS.tool("Look up indicators", ToolEffect.READ)
async def lookup_indicators(
    client: Client,
    scope: ReadScope,
    now: Now,
    context: ToolContext,
    paging: CurrentPaging,
    indicators: Annotated[Words | None, Field(description="Up to 10,000, of any kind, defanged or not")] = None,
    text: Annotated[str | None, Field(description="Instead: the text that contains them, up to 1 MB")] = None,
    since: Since = None,
    only: Annotated[Only, Field(description="known: leave the unknown ones out")] = "all",
    dataset_ids: DatasetIds = None,
    fields: Fields = None,
    limit: Limit = 40,
    cursor: Cursor = None,
) -> Rows:
    """Check many indicators (IOCs) at once: which of these IPs, domains, URLs, hashes, emails or CVEs are known, since
    when, from whom. Give a list, or paste a whole report, mail or log: indicators are found in it, refanged, without
    duplicates. One row each, known ones first. For one indicator's events use search_threat_events.
    """
    columns = resolve_columns(fields, COLUMNS, DEFAULT_COLUMNS)
    lookup_input = await _read_input(indicators, text)
    identity = {"indicators": indicators, "text": text, "since": since, "only": only, "scope": scope.ids}
    start = decode_position(paging, identity)

    async def report(done: int, total: int) -> None:
        await context.report_progress(done, total, f"{done} of {plural(total, 'value')} looked up")

    lookup = Lookup(client, scope, lookup_input.targets, resolve_period(since, None, now)[0], report)
    if paging.is_first:
        await lookup.run(0, len(lookup_input.targets))
    datasets = {dataset.uuid: dataset.name for dataset in scope.policy.datasets}
    page = await read_page(lookup, start, limit, only, partial(render_row, datasets=datasets, columns=columns))
    next_cursor = encode_position(page, paging, identity)
    return render_answer(lookup_input, lookup, page, scope, next_cursor, columns if fields else None)


async def _read_input(indicators: Sequence[str] | None, text: str | None) -> LookupInput:
    # A model that has to fill in every argument leaves the unused one empty.
    if indicators and text is not None and not text.strip():
        text = None
    elif text and indicators is not None and not indicators:
        indicators = None
    if (indicators is None) == (text is None):
        problem = "neither is given" if text is None else "both are given"
        raise BadArgument("indicators, text", problem, "one of the two")
    # In a thread: reading a text of the maximum size takes up to a second.
    read = partial(read_list, indicators) if indicators is not None else partial(read_text, text or "")
    return await anyio.to_thread.run_sync(read)

"""Looking up many indicators at once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal

import anyio
from pydantic import Field, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH, Cell, resolve_columns, shorten
from cf1_mcp.answers.cursors import Position, decode_cursor, encode_cursor
from cf1_mcp.answers.fitting import count_fitting, size_for_rows
from cf1_mcp.answers.pages import ABSENCE, dataset_names, withheld_facts
from cf1_mcp.answers.rows import Rows
from cf1_mcp.context import Client, Now, ToolContext
from cf1_mcp.contracts.arguments import Cursor, DatasetIds, Fields, Limit, Since
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import INDICATORS
from cf1_mcp.errors import BadArgument
from cf1_mcp.lookups.input import Intake, read_list, read_text
from cf1_mcp.lookups.lookup import MAX_CONCURRENT, STATUSES, Finding, Lookup
from cf1_mcp.policy.reading import ReadScope, Scope
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH, period
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

COLUMNS: Final = (
    "indicator",
    "kind",
    "status",
    "events",
    "first_seen",
    "last_seen",
    "attackers",
    "categories",
    "tlp",
    "matched_as",
    "why",
    "event_ids",
    "datasets",
)
DEFAULT: Final = COLUMNS[:-1]
MAX_WORDS: Final = 4
MAX_EXAMPLES: Final = 5
# How many indicators a later answer looks up at a time until it has its rows: one round of requests.
SLICE: Final = MAX_CONCURRENT * 100
# What there is something to tell of comes first, in the order of the input, and then the unknown.
TELLING, UNKNOWN = 1, 2
_COUNTS: Final = re.compile(r"\d{1,5}(?:\.\d{1,5}){4}")

NOTHING: Final = "Nothing in it has the form of an indicator."
WIDER: Final = "matched_as: only the host or domain of the URL is known, and a shared host serves many strangers."
MORE: Final = "events with + were not all counted, and first_seen may be earlier."
BULK: Final = (
    "In a look-up of over 100 values an event counts for the indicators that it shows; its others may stand as unknown "
    "here. At most 100 at once are looked into further."
)

Only = Literal["all", "known"]
Row = Callable[[Finding], Sequence[Cell]]


@INDICATORS.tool("Look up indicators", ToolEffect.READ)
async def lookup_indicators(
    client: Client,
    scope: ReadScope,
    now: Now,
    context: ToolContext,
    indicators: Annotated[Words | None, Field(description="Up to 10,000, of any kind, defanged or not")] = None,
    text: Annotated[str | None, Field(description="Instead: the text that holds them, up to 1 MB")] = None,
    since: Since = None,
    only: Annotated[Only, Field(description="known: leave the unknown ones out")] = "all",
    dataset_ids: DatasetIds = None,
    fields: Fields = None,
    limit: Limit = 40,
    cursor: Cursor = None,
) -> Rows:
    """Check many indicators (IOCs) at once: which of these IPs, domains, URLs, hashes, emails or CVEs are known, since
    when, from whom. Give a list, or paste a whole report, mail or log: indicators are found in it, refanged, without
    duplicates. A row for each, known ones first. For one indicator's events use search_threat_events.
    """
    columns = resolve_columns(fields, COLUMNS, DEFAULT)
    intake = await _intake(indicators, text)
    identity = {"indicators": indicators, "text": text, "since": since, "only": only, "scope": scope.ids}
    place = _place(cursor, identity, limit)

    async def report(done: int, total: int) -> None:
        await context.report_progress(done, total, f"{done} of {total} values looked up")

    lookup = Lookup(client, scope, intake.wanted, period(since, None, now)[0], report)
    if cursor is None:
        await lookup.ask(0, len(intake.wanted))
    names = {dataset.uuid: dataset.name for dataset in scope.reading.datasets}
    page = await _page(lookup, place, limit, only, lambda found: _row(found, names, columns))
    return _answer(intake, lookup, page, scope, limit, identity, columns if fields else None)


@dataclass(frozen=True)
class _Place:
    """Where an answer begins: in which stage, at which indicator; and what the answers before it have counted."""

    stage: int = TELLING
    position: int = 0
    counts: tuple[int, ...] = (0,) * len(STATUSES)


@dataclass(frozen=True)
class _Page:
    """Findings, best known first, each with its row, and where the next answer begins."""

    findings: Sequence[Finding]
    rows: Sequence[Sequence[Cell]]
    counts: tuple[int, ...]
    following: _Place | None


async def _intake(indicators: Sequence[str] | None, text: str | None) -> Intake:
    # A model that has to fill in every argument leaves the one that it does not mean empty.
    if indicators and text is not None and not text.strip():
        text = None
    elif text and indicators is not None and not indicators:
        indicators = None
    if (indicators is None) == (text is None):
        problem = "neither is given" if text is None else "both are given"
        raise BadArgument("indicators, text", problem, "one of the two")
    # Up to a second of work on a full text.
    read = partial(read_list, indicators) if indicators is not None else partial(read_text, text or "")
    return await anyio.to_thread.run_sync(read)


def _place(cursor: str | None, identity: Mapping[str, object], limit: int) -> _Place:
    found = decode_cursor(cursor, identity, limit)
    if not cursor:
        return _Place()
    if not _COUNTS.fullmatch(found.api_cursor or "") or found.page not in (TELLING, UNKNOWN):
        raise BadArgument("cursor", "this is no cursor of this tool", "the next_cursor of the last answer")
    counts = tuple(int(count) for count in (found.api_cursor or "").split("."))
    return _Place(found.page, found.shown, counts)


async def _page(lookup: Lookup, place: _Place, limit: int, only: Only, row: Row) -> _Page:
    """The findings of one answer. What it shows is looked up where it has not been, some at a time."""
    places: list[_Place] = []
    found: list[Finding] = []
    rows: list[Sequence[Cell]] = []
    at: _Place | None = place
    while at:
        if at.position >= len(lookup.wanted):
            at = _Place(UNKNOWN) if at.stage == TELLING and only == "all" else None
            continue
        if not lookup.asked(at.position):
            full = len(rows) == limit or count_fitting(rows, size_for_rows(limit)) < len(rows)
            if full or (rows and at.stage != places[-1].stage):
                break
            await lookup.ask(at.position, at.position + SLICE)
            if not lookup.asked(at.position):
                break
        one = lookup.finding(at.position)
        if (one.status == "unknown") == (at.stage == UNKNOWN):
            if len(rows) == limit:
                break
            places.append(at)
            found.append(one)
            rows.append(row(one))
        at = _Place(at.stage, at.position + 1)
    shown = count_fitting(rows, size_for_rows(limit))
    # An answer is cut by the order of the input, and told with the best known first.
    order = sorted(range(shown), key=lambda number: STATUSES.index(found[number].status))
    return _Page(
        [found[number] for number in order],
        [rows[number] for number in order],
        _counted(lookup, place.counts),
        places[shown] if shown < len(rows) else at,
    )


def _counted(lookup: Lookup, before: Sequence[int]) -> tuple[int, ...]:
    """Indicators by status so far, each counted once: from where the answers before this one had come to."""
    counts = Counter(dict(zip(STATUSES, before, strict=True)))
    for position in range(sum(before), len(lookup.wanted)):
        if not lookup.asked(position):
            break
        counts[lookup.finding(position).status] += 1
    return tuple(counts[status] for status in STATUSES)


def _answer(
    intake: Intake,
    lookup: Lookup,
    page: _Page,
    scope: Scope,
    limit: int,
    identity: Mapping[str, object],
    chosen: Sequence[str] | None,
) -> Rows:
    # Of the default columns those that are empty throughout tell nothing.
    columns, rows = chosen or DEFAULT, page.rows
    if not chosen:
        kept = [place for place in range(len(DEFAULT)) if any(row[place] != "" for row in rows)]
        columns, rows = [DEFAULT[place] for place in kept], [[row[place] for place in kept] for row in rows]
    facts = _facts(intake, page, scope) | withheld_facts(lookup.withheld)
    if after := page.following:
        counts = ".".join(map(str, page.counts))
        facts["next_cursor"] = encode_cursor(Position(limit, after.stage, after.position, counts), identity)
    untrusted: dict[str, JsonValue] = {}
    if intake.references:
        links = [clean(value, MAX_CELL_LENGTH) for value in intake.references]
        untrusted["references"] = shorten([*links], MAX_CELL_LENGTH, MAX_EXAMPLES)
    return Rows(columns, rows, facts, _notes(page, lookup), untrusted)


def _facts(intake: Intake, page: _Page, scope: Scope) -> dict[str, JsonValue]:
    total = len(intake.wanted)
    counts = dict(zip(STATUSES, page.counts, strict=True))
    counts["not_looked_up"] += total - sum(page.counts)
    facts: dict[str, JsonValue] = {"indicators": total, "shown": len(page.rows)}
    facts["counts"] = {status: count for status, count in counts.items() if count or status in ("known", "unknown")}
    read = {"refanged": intake.refanged, "repeated": intake.duplicates}
    if any(read.values()):
        facts["read_as"] = ", ".join(f"{count} {what}" for what, count in read.items() if count)
    if intake.rejected:
        facts["rejected"] = [f"{count} {reason}" for reason, count in intake.rejected.items()]
    facts["datasets"] = dataset_names(scope.names)
    return facts


def _notes(page: _Page, lookup: Lookup) -> list[str]:
    unknown = bool(page.counts[STATUSES.index("unknown")])
    notes = [
        (NOTHING, not lookup.wanted),
        (f"{lookup.stopped} next_cursor goes on with the rest.", bool(lookup.stopped)),
        (WIDER, any(one.matched_as for one in page.findings)),
        (MORE, any(one.sightings.more for one in page.findings)),
        (BULK, unknown and not lookup.close),
        (ABSENCE, unknown),
    ]
    return [note for note, holds in notes if holds]


def _row(found: Finding, datasets: Mapping[str, str], columns: Sequence[str]) -> list[Cell]:
    seen = found.sightings
    count = f"{seen.events}+" if seen.more else seen.events
    homes = Counter({datasets.get(uuid, uuid): number for uuid, number in seen.datasets.items()})
    cells: dict[str, Cell] = {
        "indicator": clean(
            found.wanted.value, MAX_CELL_LENGTH if found.wanted.obstacle else MAX_VALUE_LENGTH, value=True
        ),
        "kind": found.wanted.kind,
        "status": found.status,
        "events": count if seen.events else "",
        "first_seen": _moment(seen.first),
        "last_seen": _moment(seen.last),
        "attackers": _most(seen.attackers),
        "categories": _most(seen.categories),
        "tlp": seen.tlp.value if seen.events else "",
        "matched_as": clean(found.matched_as, MAX_NAME_LENGTH),
        "why": clean(found.why, MAX_CELL_LENGTH),
        "event_ids": [clean(uuid, MAX_NAME_LENGTH) for uuid in seen.newest] or "",
        "datasets": _most(homes),
    }
    return [cells[column] for column in columns]


def _most(names: Counter[str]) -> Cell:
    """The most frequent names, the others counted."""
    shown = [clean(name, MAX_CELL_LENGTH) for name, _ in names.most_common(MAX_WORDS)]
    more = [f"… (+{len(names) - MAX_WORDS} more)"] if len(names) > MAX_WORDS else []
    return [*shown, *more] or ""


def _moment(date: str) -> str:
    return clean(date, MAX_CELL_LENGTH)[:16].replace("T", " ")

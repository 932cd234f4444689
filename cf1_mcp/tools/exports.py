"""The tool that exports threat events to files for other systems, and reads such a file page by page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Self

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue

from cf1_mcp.answers.answer import Answer, Block, LinkedResource
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.cursors import digest_search
from cf1_mcp.answers.pages import ABSENCE, dataset_facts, reading_notes
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import Rows
from cf1_mcp.context import Client, Now, ToolContext
from cf1_mcp.contracts.arguments import ExportSelection, QueryId, SameText, SameWords
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import INDICATORS
from cf1_mcp.errors import BadArgument, Withheld, choices
from cf1_mcp.exports import (
    FORMATS,
    MEDIA_TYPES,
    ExportFile,
    FileHeading,
    FormatName,
    ListKind,
    create_export_file,
    tlp_label,
)
from cf1_mcp.exports.reading import describe_rules, list_free_texts, read_export_page
from cf1_mcp.exports.writer import ExportResult, export_events
from cf1_mcp.models import Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.argument_groups import expand_argument_groups
from cf1_mcp.search.filters import ExportFilters
from cf1_mcp.search.no_results import describe_words, explain_page
from cf1_mcp.search.request import SearchRequest
from cf1_mcp.search.scopes import NO_CONDITION
from cf1_mcp.search.selections.selected_exports import ChosenExport
from cf1_mcp.store.export_drafts import StoredExport
from cf1_mcp.store.export_files import ExportFolder, StoredPage
from cf1_mcp.text.dates import iso, parse_date
from cf1_mcp.text.lenient import none_if_empty
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

SOURCE: Final = "Cloudforce One Threat Events"
FICTIONAL_SOURCE: Final = "cf1-mcp sandbox: fictional events"
# Formats whose values are blocked where they are loaded.
BLOCKING: Final[frozenset[FormatName]] = frozenset({"blocklist", "waf", "gateway"})
VERBATIM: Final = "The content is exactly that of the file. Its indicators are not defanged: it is meant for machines."


async def _resolve_folder(context: ToolContext, policy: CurrentReadPolicy) -> ExportFolder:
    return context.request_context.lifespan_context.stores.exports.under(describe_rules(policy))


Exports = Annotated[ExportFolder, Resolve(_resolve_folder)]


@INDICATORS.tool("Export threat events", ToolEffect.READ)
@expand_argument_groups
async def export_threat_events(
    context: ToolContext,
    client: Client,
    chosen: ChosenExport,
    folder: Exports,
    now: Now,
    *,
    format: Annotated[FormatName | None, BeforeValidator(none_if_empty)] = None,  # noqa: A002 - the API's own name
    kind: Annotated[
        ListKind | None, Field(description="For blocklist and gateway"), BeforeValidator(none_if_empty)
    ] = None,
    handling: Annotated[str | None, Field(description="Highest TLP, default green")] = None,
    filters: ExportFilters,
    text: SameText = None,
    since: SameText = None,
    until: SameText = None,
    query_id: QueryId = None,
    dataset_ids: SameWords = None,
    selection: ExportSelection = None,
    export_id: Annotated[str | None, Field(description="Show this file's content instead")] = None,
    offset: Annotated[int, Field(description="next_offset of its last page", ge=0)] = 0,
) -> Answer:
    """Export threat events to a file for other systems: STIX or TAXII for an intelligence platform, MISP, CSV for a
    SIEM, block list, WAF rules, Gateway list, Sigma or Suricata rules, ATT&CK Navigator. Filters as in
    search_threat_events. Returns a link to the file and what was left out.
    """
    scope, request = chosen.scope, chosen.request
    if export_id:
        return ExportPage(await read_export_page(client, scope.policy, folder, export_id, offset))
    if format is None:
        raise BadArgument("format", "an export needs a format", choices([*FORMATS]))
    if format in BLOCKING and NO_CONDITION in scope.notes and not request.is_narrowed:
        raise BadArgument(
            "query_id",
            "the saved query has no condition, so every event of its datasets would be blocked",
            "filters beside it, such as since; or no query_id, if everything is meant",
        )
    level = _resolve_level(handling, scope.policy)
    source = FICTIONAL_SOURCE if client.fictional else SOURCE
    heading = FileHeading(_create_title(request, query_id, scope, level), source, now)
    file = create_export_file(format, level, heading, kind)
    search = request.search().model_copy(update={"dataset_id": [*scope.ids]})
    export = await export_events(client, search, scope.policy, file, format, folder, context.report_progress)
    card = _export_card(export, file, request, scope, names_files=context.request_context.lifespan_context.is_local)
    return (
        card
        if export.read
        else await explain_page(
            client, Rows((), (), card.facts, [*reading_notes(scope, export.report), ABSENCE]), request, scope
        )
    )


@dataclass(frozen=True)
class ExportPage(Answer):
    """A page of an export, unchanged in text and structured content: otherwise it would not be the file."""

    page: StoredPage

    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        yield Block(False, [f"{name}: {value}" for name, value in self._facts().items()])
        yield Block(True, self.page.text.split("\n"))
        yield Block(False, [VERBATIM])

    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        return {**self._facts(), "untrusted": ["content"], "content": self.page.text, "notes": [VERBATIM]}

    def clipped(self, max_length: int, max_items: int) -> Self:
        # A page already fits.
        return self

    def free_texts(self) -> Iterable[tuple[str, str]]:
        return list_free_texts(self.page)

    def _facts(self) -> dict[str, JsonValue]:
        page, export = self.page, self.page.export
        following: dict[str, JsonValue] = {} if page.next_offset is None else {"next_offset": page.next_offset}
        return {
            "export_id": export.id,
            "format": export.format,
            "media_type": _get_media_type(export),
            "size": export.size,
            "offset": page.offset,
            **following,
        }


def _resolve_level(handling: str | None, read_policy: ReadPolicy) -> Tlp:
    """Return the highest marking that a file may have: green by default, and never above the ceiling."""
    if not handling:
        return Tlp.GREEN if read_policy.ceiling.rank > Tlp.GREEN.rank else read_policy.ceiling
    level = Tlp.parse(handling)
    if level is None:
        levels = choices([one.value for one in Tlp])
        raise BadArgument("handling", f"{clean(handling, 40)!r} is not a TLP marking", levels)
    if level.rank > read_policy.ceiling.rank:
        raise Withheld(f"handling: a file up to {tlp_label(level)}", read_policy.tlp_rule)
    return level


def _create_title(request: SearchRequest, query_id: str | None, scope: DatasetScope, level: Tlp) -> str:
    """Return a title that depends on the arguments, since some systems replace a file by a newer one of the same title.

    It does not reveal the arguments to recipients of the file.
    """
    arguments = {**request.identity, "query_id": query_id, "scope": scope.ids, "handling": level}
    return f"Threat events {digest_search(arguments)}"


def _export_card(
    export: ExportResult, file: ExportFile, request: SearchRequest, scope: DatasetScope, *, names_files: bool
) -> Card:
    """Return the answer: the file, how many events are in it, and which are not and why."""
    facts: dict[str, JsonValue] = {}
    if export.stored:
        first = export.stored[0]
        facts |= {"export_id": first.id, "resource": _build_uri(first), "format": first.format, "size": first.size}
        facts |= {"marking": tlp_label(file.marking), "expires": iso(first.expires)}
        if names_files:
            facts["file"] = str(first.path)
    facts |= {
        "events": file.event_count,
        **dataset_facts(scope, export.report),
        **scope.policy.counts(export.withheld),
    }
    if file.left_out:
        facts["left_out"] = [f"{plural(count, 'event')}: {reason}" for reason, count in file.left_out.most_common()]
    if further := export.stored[1:]:
        facts["further"] = [
            {"export_id": one.id, "size": one.size, **({"file": str(one.path)} if names_files else {})}
            for one in further
        ]
    notes = [*reading_notes(scope, export.report), *_describe_cut(export, file.heading.created), *export.notes]
    notes += file.notes() if export.stored else ["No file was created."]
    links = [_create_link(one, file, place, len(export.stored)) for place, one in enumerate(export.stored, 1)]
    untrusted = describe_words(request)
    if file.warned:
        untrusted["on_warning_lists"] = {name: [*values] for name, values in file.warned.items()}
    return Card(facts, untrusted, notes=notes, linked=links)


def _describe_cut(export: ExportResult, now: datetime) -> list[str]:
    if not export.cut:
        return []
    reached = parse_date(export.reached, now)
    after = f"until={reached!r}" if reached else "a shorter period"
    return [
        f"Cut: the newest {export.read:,} events were read, and there are older ones. To export those, pass {after}; "
        "events of that time are in both files."
    ]


def _create_link(one: StoredExport, file: ExportFile, place: int, count: int) -> LinkedResource:
    number = f"-{place}" if count > 1 else ""
    about = f"{tlp_label(file.marking)}, until {iso(one.expires)}"
    return LinkedResource(
        _build_uri(one), f"{one.format}-{one.id}{number}{file.suffix}", about, _get_media_type(one), one.size
    )


def _get_media_type(one: StoredExport) -> str:
    return MEDIA_TYPES.get(one.format, "text/plain")


def _build_uri(one: StoredExport) -> str:
    return f"cf1://exports/{one.id}"

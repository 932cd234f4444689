"""Importing many threat events at once."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

import anyio
from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.creation import ImportEvents, plan_import
from cf1_mcp.changes.effect import Result
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.context import Client, ToolContext
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import ApiError, NotFound, Refused, Unavailable, UnexpectedAnswer
from cf1_mcp.imports.batches import Batch, NewLink, Rows, spans
from cf1_mcp.imports.call_input import Content, ContentFormat, Defaults, Intake, OnDuplicate, TargetDataset
from cf1_mcp.models import BulkCreated, RelationshipsCreated, RelationshipType
from cf1_mcp.text.sanitize import clean

GROUP: Final = 100  # events a request; the API publishes no maximum
RESERVED_SECONDS: Final = 3.0  # seconds kept of a call to tell what was made, should the API be slow
MAX_REASONS: Final = 30
MAX_REASON_LENGTH: Final = 200
NOTHING: Final = "All rows are there already: nothing was sent, so there is no change to undo."

Report = Callable[[float, float | None, str | None], Awaitable[None]]


async def _unwatched(progress: float, total: float | None, words: str | None) -> None:
    """For an import whose progress nobody wants to know."""


async def _report(context: ToolContext) -> Report:
    return context.report_progress


Progress = Annotated[Report, Resolve(_report)]


Import = Annotated[Planned[ImportEvents], Resolve(approved(plan_import))]


@CURATION.tool("Import threat events", ToolEffect.CREATE)
async def import_threat_events(
    client: Client,
    plan: Import,
    batch: Intake,
    progress: Progress,
    dataset_id: TargetDataset,
    rows: Rows = None,
    content: Content = None,
    format: ContentFormat = None,  # noqa: A002 - what every export calls it
    defaults: Defaults = None,
    on_duplicate: OnDuplicate = "skip",
    confirm: Confirm = None,
) -> Card:
    """Create many events at once in one dataset: bulk load rows, or a CSV, JSONL, STIX 2.1 or MISP export, with
    parents. Above 25 a preview with a code comes first.
    """
    if not batch.events and not batch.links:
        return plan.report_no_change(NOTHING)
    return plan.preview or await plan.record(lambda: import_batch(client, batch, progress))


async def import_batch(client: ThreatEventsClient, batch: Batch, report: Report = _unwatched) -> Result:
    """Events first, links when both ends exist. What breaks off after the first answer is told, not raised.

    Raises:
        ApiError: nothing was created, or nothing is known of it.
    """
    done = _Done(report, len(batch.events) + len(batch.links))
    with anyio.CancelScope(deadline=anyio.current_effective_deadline() - RESERVED_SECONDS) as scope:
        try:
            await _create(client, batch, done)
            await _relate(client, batch, done)
        except ApiError as error:
            done.break_off(error)
    if scope.cancelled_caught:
        done.break_off(Unavailable("The API did not answer in time."))
    return done.result(batch)


async def _create(client: ThreatEventsClient, batch: Batch, done: "_Done") -> None:
    rows = [*batch.events]
    for start in range(0, len(rows), GROUP):
        done.sending = rows[start : start + GROUP]
        try:
            done.add_events(await client.create_events(batch.dataset.uuid, [batch.events[row] for row in done.sending]))
        except NotFound as error:
            if start:
                raise
            await _create_the_older_way(client, batch, done, error)
            return
        await done.told("events created")


async def _create_the_older_way(client: ThreatEventsClient, batch: Batch, done: "_Done", missing: NotFound) -> None:
    """With the older bulk create, which tells no ids.

    Invented: which rows that route relates is not published; only with all rows right below the first can nothing else
    be meant, so only then is it used.
    """
    first, *rows = batch.events
    if not batch.links or batch.links != tuple(NewLink(first, row, "related_to") for row in rows):
        raise NotFound(
            f"The API does not know the bulk import, or not this dataset ({missing.status}). Use create_threat_event "
            "for each row.",
            missing.status,
        )
    done.sending = [*batch.events]
    made = await client.create_events_with_relationships(batch.dataset.uuid, [*batch.events.values()])
    done.add_events(BulkCreated(created_events_count=made.created_events_count, errors=made.errors))
    done.related_unseen = made.created_relationships_count


async def _relate(client: ThreatEventsClient, batch: Batch, done: "_Done") -> None:
    """Link the rows that were created, the children of one parent and type together."""
    families: dict[tuple[int, RelationshipType], list[int]] = defaultdict(list)
    ends = {**batch.there, **done.uuids}
    for link in batch.links:
        if link.parent in ends and link.child in ends:
            families[link.parent, link.type].append(link.child)
    for (parent, kind), children in families.items():
        for start in range(0, len(children), GROUP):
            some = {child: ends[child] for child in children[start : start + GROUP]}
            links = [NewLink(parent, child, kind) for child in some]
            try:
                answer = await client.create_relationships(batch.dataset.uuid, ends[parent], [*some.values()], kind)
            except (Refused, NotFound) as error:
                # A fault of these links; others may be without it.
                done.unrelated |= dict.fromkeys(links, str(error))
            else:
                done.add_links(links, some, answer)
            await done.told("relationships made")


@dataclass
class _Done:
    """What came of the rows so far, as the API told it. `sending` are the rows of a request without an answer yet."""

    report: Report
    total: int
    sending: Sequence[int] = ()
    answered: bool = False
    uuids: dict[int, str] = field(default_factory=dict[int, str])
    without_id: list[int] = field(default_factory=list[int])
    refused: dict[int, str] = field(default_factory=dict[int, str])
    unknown: list[int] = field(default_factory=list[int])
    indicators: int = 0
    related: set[NewLink] = field(default_factory=set[NewLink])
    related_unseen: int | None = None
    unrelated: dict[NewLink, str] = field(default_factory=dict[NewLink, str])
    stopped: str = ""

    def add_events(self, answer: BulkCreated) -> None:
        """The rows that are being sent, answered. The API counts them from the first of its request."""
        rows = dict(enumerate(self.sending))
        uuids = {rows[one.event_index]: one.uuid for one in answer.created_events if one.event_index in rows}
        refused = {rows[one.event_index]: one.error for one in answer.errors if one.event_index in rows}
        silent = [row for row in self.sending if row not in uuids and row not in refused]
        self.uuids |= uuids
        self.refused |= {row: reason for row, reason in refused.items() if row not in uuids}
        (self.without_id if answer.created_events_count >= len(uuids) + len(silent) else self.unknown).extend(silent)
        self.indicators += answer.queued_indicators_count
        self.sending, self.answered = (), True

    async def told(self, words: str) -> None:
        """Tell how far it is: events and relationships that are settled, of all that there are to be made."""
        settled = [*self.uuids, *self.without_id, *self.refused, *self.unknown, *self.related, *self.unrelated]
        await self.report(len(settled), self.total, words)

    def add_links(self, links: Sequence[NewLink], uuids: Mapping[int, str], answer: RelationshipsCreated) -> None:
        """Rows that were to be linked to their parent, answered."""
        linked = {one.child_id for one in answer.relationships if answer.success}
        reasons = {one.child_id: one.error for one in answer.errors}
        for link in links:
            uuid = uuids[link.child]
            if uuid in linked:
                self.related.add(link)
            else:
                self.unrelated[link] = reasons.get(uuid, "the API did not say that it was made")

    def break_off(self, error: ApiError) -> None:
        """No more is sent. What was created stays, and must be told.

        Raises:
            ApiError: the error, where there is nothing to tell.
        """
        # No answer, or an unreadable one, does not tell that nothing was done.
        lost = isinstance(error, Unavailable | UnexpectedAnswer)
        if not self.answered and lost:
            raise Unavailable(
                f"{error} Whether events were created is not known: search for them before importing them again."
            ) from error
        if not self.answered:
            raise error
        self.stopped = str(error)
        if lost:
            self.unknown += self.sending
        else:
            self.refused |= dict.fromkeys(self.sending, self.stopped)

    def result(self, batch: Batch) -> Result:
        """All of it, every row accounted for."""
        created = len(self.uuids) + len(self.without_id)
        related = len(self.related) if self.related_unseen is None else self.related_unseen
        known = {*self.uuids, *self.without_id, *self.refused, *self.unknown}
        facts: dict[str, JsonValue] = {"events": created, "relationships": related}
        rest: dict[str, JsonValue] = {
            "indicators_queued": self.indicators,
            "unknown_rows": spans(self.unknown),
            "rows_not_sent": spans([row for row in batch.events if row not in known]),
            "rows_without_id": spans(self.without_id),
        }
        reasons: dict[str, JsonValue] = {
            "refused": _by_reason(self.refused),
            "not_related": _by_reason(self._not_related(batch)),
            "stopped": self.stopped,
        }
        if self.stopped or self.unknown:
            reasons["next"] = "Import only the missing rows again, unknown ones once a search has not found them."
        untrusted = {name: value for name, value in reasons.items() if value}
        facts |= {name: value for name, value in rest.items() if value}
        facts["created"] = [{"row": row, "uuid": uuid} for row, uuid in sorted(self.uuids.items())]
        if created == len(batch.events) and related == len(batch.links):
            return Result("done", facts, untrusted)
        return Result("partial" if created or self.unknown else "failed", facts, untrusted)

    def _not_related(self, batch: Batch) -> dict[int, str]:
        if self.related_unseen is not None:
            return {}
        known = {*self.uuids, *batch.there}
        ends = "one of its ends was not created, or has no id that is known"
        late = "it was not answered before the import broke off"
        return {
            link.child: self.unrelated.get(link, late if {link.parent, link.child} <= known else ends)
            for link in batch.links
            if link not in self.related
        }


def _by_reason(reasons: Mapping[int, str]) -> list[JsonValue]:
    """Rows under the reason that they share; past a number of reasons, rows alone."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, reason in sorted(reasons.items()):
        words = clean(reason, MAX_REASON_LENGTH)
        rows[words if words in rows or len(rows) < MAX_REASONS else "other reasons"].append(row)
    return [{"reason": reason, "rows": spans(numbers)} for reason, numbers in rows.items()]

"""Relationships between rows, made once both ends exist: the children of one parent and type together."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import anyio.to_thread

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import NotFound, RateLimited, Refused, Unavailable, UnexpectedAnswer
from cf1_mcp.imports.progress import Progress
from cf1_mcp.imports.readers.rows import relationship_type
from cf1_mcp.imports.retries import Patience
from cf1_mcp.imports.workers import work
from cf1_mcp.models import RelationshipsCreated, RelationshipType
from cf1_mcp.store.import_ledger import Ledger

BATCH_SIZE: Final = 100
# Links that are to be made, with the ids of their ends; a row that repeats another has that one's id.
_READY: Final = """
SELECT link.id, link.type, coalesce(p.uuid, pt.uuid), coalesce(c.uuid, ct.uuid),
    link.state = 'sending' OR p.state IN ('there', 'changed')
FROM link
JOIN row p ON p.number = link.parent LEFT JOIN row pt ON pt.number = p.twin
JOIN row c ON c.number = link.child LEFT JOIN row ct ON ct.number = c.twin
WHERE link.parent = ? AND link.type = ? AND link.state IN ('ready', 'sending') ORDER BY link.id LIMIT ?
"""
WITHOUT_END: Final = "one of its ends is not imported, or its id is not known"
_FAIL: Final = """
UPDATE link SET state = 'failed', reason = ? WHERE id IN (
    SELECT link.id FROM link
    LEFT JOIN row p ON p.number = link.parent LEFT JOIN row pt ON pt.number = p.twin
    LEFT JOIN row c ON c.number = link.child LEFT JOIN row ct ON ct.number = c.twin
    WHERE link.state IN ('ready', 'sending')
        AND (coalesce(p.uuid, pt.uuid) IS NULL OR coalesce(c.uuid, ct.uuid) IS NULL))
"""


class _Link(NamedTuple):
    id: int
    type: RelationshipType
    parent: str
    child: str
    maybe_there: bool


class Linking:
    """Makes the links of the ledger that are not made yet."""

    def __init__(
        self, client: ThreatEventsClient, dataset_id: str, ledger: Ledger, patience: Patience, progress: Progress
    ) -> None:
        self._client = client
        self._dataset_id = dataset_id
        self._ledger = ledger
        self._patience = patience
        self._progress = progress

    async def run(self, concurrency: int) -> None:
        """Make all links, those that failed before tried again, and say of each what became of it."""
        await anyio.to_thread.run_sync(self._prepare)
        families = await anyio.to_thread.run_sync(
            self._ledger.select,
            "SELECT parent, type, count(*) FROM link WHERE state IN ('ready', 'sending') GROUP BY parent, type",
        )
        self._progress.expect("linked", sum(int(str(count)) for _, _, count in families))
        left = iter(families)

        async def step() -> bool:
            family = next(left, None)
            if family is None:
                return False
            while links := await anyio.to_thread.run_sync(self._next, family[0], family[1]):
                await self._make(links)
            return True

        await work(step, concurrency)

    def _prepare(self) -> None:
        with self._ledger.change() as db:
            db.execute("UPDATE link SET state = 'ready', reason = NULL WHERE state = 'failed'")
            db.execute(_FAIL, (WITHOUT_END,))

    def _next(self, parent: object, kind: object) -> list[_Link]:
        found = self._ledger.select(_READY, (parent, kind, BATCH_SIZE))
        return [
            _Link(int(str(number)), relationship_type(str(type_)) or "related_to", str(up), str(down), bool(maybe))
            for number, type_, up, down, maybe in found
        ]

    async def _make(self, links: Sequence[_Link]) -> None:
        """Make links of one parent and type. Those that may have been made before are looked for first, because what
        the API does with a second one is not published."""
        parent, kind = links[0].parent, links[0].type
        if any(link.maybe_there for link in links):
            below = await self._children(parent, kind)
            await self._note({link.id: "there" for link in links if link.child in below}, {})
            links = [link for link in links if link.child not in below]
        if not links:
            return
        await self._patience.ready()
        await anyio.to_thread.run_sync(self._sending, [link.id for link in links])
        children = list(dict.fromkeys(link.child for link in links))
        try:
            answer = await self._client.create_relationships(self._dataset_id, parent, children, kind)
        except (RateLimited, Unavailable, UnexpectedAnswer) as error:
            # They stay open, and are looked for before they are made again.
            self._patience.failed(error)
        except (Refused, NotFound) as error:
            await self._note({}, {link.id: str(error) for link in links})
        else:
            self._patience.worked()
            await self._answered(links, answer)

    async def _children(self, parent: str, kind: RelationshipType) -> set[str]:
        pages = self._client.children_pages(parent, self._dataset_id, kind, attempt=self._patience.reading)
        return {event.uuid async for page in pages for event in page}

    async def _answered(self, links: Sequence[_Link], answer: RelationshipsCreated) -> None:
        made = {one.child_id for one in answer.relationships}
        reasons = {one.child_id: one.error for one in answer.errors}
        silent = "the API did not say that it was made"
        await self._note(
            {link.id: "made" for link in links if link.child in made},
            {link.id: reasons.get(link.child, silent) for link in links if link.child not in made},
        )

    async def _note(self, states: dict[int, str], reasons: dict[int, str]) -> None:
        await anyio.to_thread.run_sync(self._told, states, reasons)

    def _sending(self, ids: Sequence[int]) -> None:
        with self._ledger.change() as db:
            db.executemany("UPDATE link SET state = 'sending' WHERE id = ?", ((one,) for one in ids))

    def _told(self, states: dict[int, str], reasons: dict[int, str]) -> None:
        with self._ledger.change(at_once=False) as db:
            db.executemany("UPDATE link SET state = ? WHERE id = ?", [(state, one) for one, state in states.items()])
            failed = [(reason, one) for one, reason in reasons.items()]
            db.executemany("UPDATE link SET state = 'failed', reason = ? WHERE id = ?", failed)
        self._progress.advance("linked", len(states) + len(reasons))

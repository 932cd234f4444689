"""Creates the relationships between rows that have events: one request for the children of one parent and type."""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import ApiError, NotFound, RateLimited, Refused, Unavailable, UnknownOutcome
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.imports.retries import RequestPolicy
from cf1_mcp.imports.workers import run_steps
from cf1_mcp.models import RelationshipsCreated, RelationshipType
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.import_links import ReadyLink

BATCH_SIZE: Final = 100
NOT_CONFIRMED: Final = "the API did not confirm it"


class LinkMaker:
    """Creates the links of the ledger that are not made yet.

    With `check_existing`, links that may exist already are searched for first, because how the API handles a second,
    equal link is not published.
    """

    def __init__(
        self,
        client: ThreatEventsClient,
        dataset_id: str,
        ledger: ImportLedger,
        policy: RequestPolicy,
        progress: ImportProgress,
        *,
        check_existing: bool = True,
    ) -> None:
        self._client = client
        self._dataset_id = dataset_id
        self._ledger = ledger
        self._policy = policy
        self._progress = progress
        self._check_existing = check_existing

    async def run(self, concurrency: int) -> None:
        """Create all links, including those that failed before, and store the outcome of each."""
        families = await self._ledger.links.families()
        await self._progress.expect("linked", sum(family.total for family in families))
        left = iter(families)

        async def step() -> bool:
            family = next(left, None)
            if family is None:
                return False
            while links := await self._ledger.links.ready(family, BATCH_SIZE):
                await self._make(links)
            return True

        await run_steps(step, concurrency)

    async def _make(self, links: Sequence[ReadyLink]) -> None:
        """Create links of one parent and type."""
        parent, kind = links[0].parent, links[0].type
        if self._check_existing and any(link.may_exist for link in links):
            known = await self._find_children(parent, kind)
            await self._ledger.links.settle({link.id: "there" for link in links if link.child in known}, {})
            await self._progress.advance("linked", sum(link.child in known for link in links))
            links = [link for link in links if link.child not in known]
        if not links:
            return
        await self._policy.wait_until_ready()
        await self._ledger.links.mark_sending([link.id for link in links])
        children = list(dict.fromkeys(link.child for link in links))
        try:
            answer = await self._client.create_relationships(self._dataset_id, parent, children, kind)
        except UnknownOutcome as error:
            await self._settle_unknown(links, error)
        except (RateLimited, Unavailable) as error:
            # They stay `sending`, and are searched for before they are created again.
            await self._policy.record_failure(error)
        except (Refused, NotFound) as error:
            # The refusal concerns these links; others may be accepted.
            await self._record_failure(links, str(error))
        else:
            await self._policy.record_success()
            await self._record(links, answer)

    async def _settle_unknown(self, links: Sequence[ReadyLink], error: UnknownOutcome) -> None:
        """Find out which links were made although the answer does not tell.

        Raises:
            UnknownOutcome: of some it is unknown. They stay `sending`, and are not made again by this run.
        """
        try:
            known = await self._find_children(links[0].parent, links[0].type)
        except ApiError:
            raise error from None
        made = [link for link in links if link.child in known]
        await self._ledger.links.settle({link.id: "made" for link in made}, {})
        await self._progress.advance("linked", len(made))
        if len(made) < len(links):
            raise error

    async def _find_children(self, parent: str, kind: RelationshipType) -> set[str]:
        pages = self._client.children_pages(parent, self._dataset_id, kind, attempt=self._policy.read)
        return {event.uuid async for page in pages for event in page}

    async def _record_failure(self, links: Sequence[ReadyLink], reason: str) -> None:
        await self._ledger.links.settle({}, {link.id: reason for link in links})
        await self._progress.advance("linked", len(links))

    async def _record(self, links: Sequence[ReadyLink], answer: RelationshipsCreated) -> None:
        made = {one.child_id for one in answer.relationships if answer.success}
        reasons = {one.child_id: one.error for one in answer.errors}
        await self._ledger.links.settle(
            {link.id: "made" for link in links if link.child in made},
            {link.id: reasons.get(link.child, NOT_CONFIRMED) for link in links if link.child not in made},
        )
        await self._progress.advance("linked", len(links))

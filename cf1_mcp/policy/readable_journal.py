"""The journal under the current rules for reading: the one way in which a tool reads it.

A change is told only if it was made in this account, at this base address and by this identity, if all of its datasets
may be read, and if nothing that its entry holds is marked above the ceiling, tags included. For a list, every other
change does not exist. Whoever asks for one change by its id learns which rule withholds it, unless it is another
account's.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.context import AccountVocabulary, ChangeJournal, Client, CurrentOrigin
from cf1_mcp.errors import Withheld
from cf1_mcp.models import Condition, Dataset, Event, EventSearch, Tlp
from cf1_mcp.policy.datasets import dataset_key
from cf1_mcp.policy.read_policy import DATASET_RULE, CurrentReadPolicy, ReadPolicy
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_entries import unknown_change_error
from cf1_mcp.store.journal_records import Change, ChangeOrigin, Intent

MAX_VALUES: Final = 100  # values that the API takes in one condition
MAX_COPIES: Final = 1_000  # events that one page may hold
_ID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class ReadableJournal:
    """The changes that may be told. `origin` is that of the call, `known` are all datasets of the account."""

    journal: Journal
    client: ThreatEventsClient
    origin: ChangeOrigin
    policy: ReadPolicy
    known: tuple[Dataset, ...]

    async def changes(self, limit: int, before: str | None = None) -> list[Change]:
        """Return at most `limit` changes, newest first, without their pre-images; only those before `before`.

        Raises:
            JournalError: `before` is unknown, or one of the changes was altered.
            Withheld: `before` may not be told any more.
        """
        if before is not None:
            await self._read_own(before, pre_image=False)
        found = await self.journal.changes(limit, before, pre_images=False, admits=self._admits)
        return [await self._hide_withheld_undo(change) for change in found]

    async def change(self, change_id: str) -> Change:
        """Return one change with its pre-image.

        Raises:
            JournalError: it is unknown or was altered.
            Withheld: a rule forbids telling it.
        """
        return await self._hide_withheld_undo(await self._read_own(change_id, pre_image=True))

    async def has_losses(self) -> bool:
        """Whether entries are missing. Which ones they were is for the operator."""
        return bool(await self.journal.find_losses())

    async def find_rule_against_details(self, change: Change) -> str | None:
        """Return the rule that withholds an event that the change names, as the event is now; None if none does.

        Raises:
            ApiError: the events could not be read.
        """
        if not self.policy.restricted and self.policy.ceiling is Tlp.RED:
            return None
        details = json.dumps([dict(change.intent.arguments), change.result])
        ids = sorted({found.lower() for found in _ID.findall(details)})
        groups = [ids[start : start + MAX_VALUES] for start in range(0, len(ids), MAX_VALUES)]
        pages = await gather(partial(self._find_events, group) for group in groups)
        rules: dict[str, list[str | None]] = defaultdict(list)
        for event in (event for page in pages for event in page):
            rules[event.uuid.lower()].append(self.policy.rule_against(event))
        # An event with a copy that may be read may be told.
        return next((own[0] for own in rules.values() if all(own)), None)

    async def _find_events(self, ids: list[str]) -> list[Event]:
        among = Condition(field="uuid", op="in", value=[*ids])
        search = EventSearch(dataset_id=[*self.policy.account_reach], search=[among], page_size=MAX_COPIES)
        return await self.client.list_all_events(search)

    async def _read_own(self, change_id: str, *, pre_image: bool) -> Change:
        change = await self.journal.change(change_id, pre_image=pre_image)
        if not self._is_own(change.intent):
            raise unknown_change_error(change_id)
        if rule := self._rule_against(change.intent):
            raise Withheld(f"Change {change.id}", rule)
        return change

    async def _hide_withheld_undo(self, change: Change) -> Change:
        """Return the change without the id of the change that undid it, if that may not be told."""
        if change.undone_by is None:
            return change
        undo = await self.journal.change(change.undone_by, pre_image=False)
        return change if self._admits(undo.intent) else replace(change, undone_by=None)

    def _admits(self, intent: Intent) -> bool:
        return self._is_own(intent) and self._rule_against(intent) is None

    def _is_own(self, intent: Intent) -> bool:
        if intent.origin is not None:
            return intent.origin.is_of(self.origin)
        # Entries of releases before 0.3 do not state an account, and had no identity. A dataset belongs to one account.
        known = {dataset_key(dataset.uuid) for dataset in self.known}
        return not self.origin.identity and all(dataset_key(dataset) in known for dataset in intent.datasets)

    def _rule_against(self, intent: Intent) -> str | None:
        datasets = {dataset_key(dataset) for dataset in intent.datasets}
        # An entry without datasets cannot be shown to be within the list.
        if self.policy.restricted and not (datasets and datasets <= self._readable):
            return DATASET_RULE
        # Every entry that was read has a marking. A tag has one of its own, which may have been raised since.
        is_withheld = self.policy.is_above_ceiling(intent.marking or "") or self.policy.names_withheld_tag(
            dict(intent.arguments)
        )
        return self.policy.tlp_rule if is_withheld else None

    @cached_property
    def _readable(self) -> frozenset[str]:
        return frozenset(dataset_key(dataset.uuid) for dataset in self.policy.datasets)


async def _resolve_journal(
    journal: ChangeJournal,
    client: Client,
    origin: CurrentOrigin,
    policy: CurrentReadPolicy,
    vocabulary: AccountVocabulary,
) -> ReadableJournal:
    return ReadableJournal(journal, client, origin, policy, tuple(await vocabulary.datasets()))


CurrentJournal = Annotated[ReadableJournal, Resolve(_resolve_journal)]

"""Which changes and calls the commands for auditors list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cf1_mcp.context import utc_now
from cf1_mcp.errors import BadArgument, choices, did_you_mean
from cf1_mcp.store.journal_records import Change
from cf1_mcp.store.reads.read_log import LoggedCall
from cf1_mcp.text.dates import ACCEPTED_DATES, parse_date
from cf1_mcp.text.uuids import id_key

OUTCOMES: Final = ("done", "partial", "failed", "unknown")
UNDO: Final = "undo_change"
CALL_OUTCOMES: Final = ("answered", "refused")


@dataclass(frozen=True)
class JournalFilter:
    """What a change or a call must have: a time in a period, a tool, an outcome, a dataset by its uuid or name, and
    for changes an id, their own or that of the change that they undo or are undone by. What is empty matches anything.
    An undo is journaled under the tool of what it does, and is found under `undo_change` as well. `naming` are the
    changes that name the dataset, and `dataset_ids` its ids, by `resolve_dataset`.
    """

    since: datetime | None = None
    until: datetime | None = None
    tool: str = ""
    status: str = ""
    dataset: str = ""
    change: str = ""
    naming: frozenset[str] = frozenset()
    dataset_ids: frozenset[str] = frozenset()

    @classmethod
    def read(
        cls,
        since: str,
        until: str,
        tool: str,
        status: str,
        dataset: str,
        change: str = "",
        statuses: Sequence[str] = OUTCOMES,
    ) -> "JournalFilter":
        """Return the filter of a command's options.

        Raises:
            BadArgument: one of them cannot be read.
        """
        outcome = status.strip().lower()
        if outcome and outcome not in statuses:
            raise BadArgument(
                "--status", f"{status!r} is not an outcome{did_you_mean(outcome, statuses)}", choices(statuses)
            )
        return cls(
            _read_time("--since", since),
            _read_time("--until", until, end=True),
            tool.strip().lower(),
            outcome,
            dataset.strip(),
            change.strip().lower(),
        )

    def matches_change(self, change: Change) -> bool:
        """Whether a change is listed."""
        intent = change.intent
        named = [*intent.datasets, *(str(intent.arguments.get(name, "")) for name in ("dataset_id", "to_dataset_id"))]
        related = (change.id, intent.undoes, change.undone_by)
        tool = UNDO if intent.undoes and self.tool == UNDO else intent.tool
        return (
            self._matches(change.at, tool, change.outcome)
            and (self._is_of_dataset(named) or change.id in self.naming)
            and (not self.change or self.change in related)
        )

    def matches_call(self, call: LoggedCall) -> bool:
        """Whether a call is listed."""
        return self._matches(call.at, call.tool, call.outcome) and self._is_of_dataset(call.datasets)

    def _matches(self, at: datetime, tool: str, outcome: str) -> bool:
        is_in_period = (self.since is None or at >= self.since) and (self.until is None or at <= self.until)
        return is_in_period and self.tool in ("", tool) and self.status in ("", outcome)

    def _is_of_dataset(self, named: Sequence[str]) -> bool:
        wanted, ids = self.dataset.casefold(), {id_key(self.dataset), *self.dataset_ids}
        return not wanted or any(wanted == one.casefold() or id_key(one) in ids for one in named)


def _read_time(option: str, text: str, *, end: bool = False) -> datetime | None:
    """Return a time; with `end`, the end of the second, day or month that the text names."""
    if not text.strip():
        return None
    found = parse_date(text, utc_now(), end=end)
    if found is None:
        raise BadArgument(option, f"{text!r} is not a date", ACCEPTED_DATES)
    moment = datetime.fromisoformat(found)
    return moment.replace(microsecond=999_999) if end else moment

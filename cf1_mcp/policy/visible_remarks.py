"""Which remarks on an answer may be told: none that would tell what is withheld."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from cf1_mcp.api.remarks import Remarks, remark_left_out, remark_odd_fields
from cf1_mcp.models import Dataset, Event, EventPage
from cf1_mcp.policy.datasets import dataset_key
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import parse_uuid

MAX_FIELDS: Final = 8
NOT_SEARCHED: Final = (
    "The API could not search the datasets under not_searched: that nothing was found there shows nothing."
)
PARTLY_SEARCHED: Final = "The API could search only parts of the datasets under partly_searched: events may be missing."
INCOMPLETE: Final = "The API says that its answer is incomplete: something may be missing."
QUOTED: Final = "The API sent messages with its answer: see api_messages."
UNQUOTED: Final = "The API sent messages with its answer. They are not shown, because they may name what is withheld."
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class VisibleRemarks:
    """Remarks that may be told: our own sentences, and names and words of others."""

    notes: Sequence[str]
    not_searched: Sequence[str]
    partly_searched: Sequence[str]
    quotes: Sequence[str]


def remark_on_events(events: Iterable[Event]) -> None:
    """Remark on values that could not be read, of events that may be shown."""
    for event in events:
        if event.unreadable:
            remark_odd_fields(f"{event.dataset_id} {event.uuid}", event.unreadable)


def remark_on_dropped_rows(page: EventPage, policy: ReadPolicy) -> None:
    """Remark on rows that are not events, if the caller may know of them.

    A row may be a withheld event. Where something is withheld, only those are told whose dataset and marking can be
    read and are allowed.
    """
    if not page.dropped:
        return
    place = page.result[0].uuid if page.result else ""
    told = [row.uuid for row in page.nameless if policy.rule_against(row) is None]
    if policy.sees_everything:
        told = [f"row {number}" for number in range(page.dropped)]
    remark_left_out(f"{place} {row}" for row in told)


def visible_remarks(remarks: Remarks, policy: ReadPolicy | None) -> VisibleRemarks:
    """Return the remarks that may be told under a policy. Without one, because it could not be loaded, only sentences
    of this server are.
    """
    failed = _names(remarks.failed, policy)
    partly = [name for name in _names(remarks.partly_failed, policy) if name not in failed]
    told = [words for words in remarks.quotes if policy and _may_tell_of(words, policy)]
    quotes = told if policy and policy.sees_everything else []
    # Where only datasets failed of which nothing may be told, nothing is told.
    named = remarks.failed or remarks.partly_failed
    notes = [
        *([NOT_SEARCHED] if failed else []),
        *([PARTLY_SEARCHED] if partly else []),
        *([INCOMPLETE] if remarks.incomplete and (failed or partly or not named) else []),
        *remarks.sentences,
        *_describe_odd_fields(remarks),
        *_describe_left_out(remarks),
        *_describe_unread_rows(remarks, policy),
        *([QUOTED] if quotes else [UNQUOTED] if told else []),
    ]
    return VisibleRemarks(notes, failed, partly, quotes)


def _names(datasets: Iterable[str], policy: ReadPolicy | None) -> list[str]:
    """Return the names of those datasets that may be read, which the API gives by uuid or by name."""
    if policy is None:
        return []
    names: dict[str, None] = {}
    for text in datasets:
        found = policy.account.find(text)
        if isinstance(found, Dataset):
            if policy.may_read(found.uuid):
                names[clean(found.name, MAX_NAME_LENGTH)] = None
        elif not policy.restricted or ((uuid := parse_uuid(text)) and policy.may_read(uuid)):
            names[clean(text, MAX_NAME_LENGTH)] = None
    return [*names]


def _may_tell_of(words: str, policy: ReadPolicy) -> bool:
    """Whether a caller may know that the API sent these words: not if they are about a dataset that may not be read.

    The words themselves may name anything, such as an attacker of withheld events.
    """
    if not policy.restricted:
        return True
    text = dataset_key(words)
    hidden = (one for one in policy.account.datasets if not policy.may_read(one.uuid))
    if any(key in text for one in hidden if (key := dataset_key(one.name))):
        return False
    return all(policy.may_read(uuid) for uuid in _UUID.findall(words))


def _describe_odd_fields(remarks: Remarks) -> list[str]:
    if not remarks.odd_fields:
        return []
    counts = Counter(chain.from_iterable(remarks.odd_fields.values()))
    names = [name for name, _ in counts.most_common()]
    more = f" and {len(names) - MAX_FIELDS} more" if len(names) > MAX_FIELDS else ""
    count = len(remarks.odd_fields)
    events = f"{plural(count, 'event')} {'has' if count == 1 else 'have'} values"
    marking = " An unreadable marking counts as red." if "tlp" in names else ""
    return [f"{events} that cannot be read, which were left out: {', '.join(names[:MAX_FIELDS])}{more}.{marking}"]


def _describe_left_out(remarks: Remarks) -> list[str]:
    count = len(remarks.left_out)
    if not count:
        return []
    were = "was" if count == 1 else "were"
    return [f"{plural(count, 'row')} of the API's answer cannot be read as an event and {were} left out."]


def _describe_unread_rows(remarks: Remarks, policy: ReadPolicy | None) -> list[str]:
    """Return sentences on rows of other lists. Where a row may be one that is withheld, nothing is told of it."""
    if policy is None:
        return []
    counts = {**(remarks.unread_rows if not policy.restricted else {})}
    counts |= remarks.judged_rows if policy.sees_everything else {}
    return [
        f"{plural(count, 'row')} of the answer to {name} cannot be read and {'was' if count == 1 else 'were'} left out."
        for name, count in counts.items()
    ]

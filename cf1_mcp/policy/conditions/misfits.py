"""Whether the events that the API returns fit the question. A filter is never trusted blindly: an API may ignore it.

An event is a misfit where every reasonable reading of the question says so (`condition_matching.py`). Some conditions
cannot be read off an event, which shows only one of its indicators and not when it was stored. For these the API is
asked once for something that no event can have: if it returns events, it ignores the field.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex
from typing import Final, cast

import anyio
from pydantic.alias_generators import to_camel

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.api.lists.dataset_groups import SCOPE_WORDS
from cf1_mcp.api.lists.paging import Attempt, once
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.api.remarks import collecting
from cf1_mcp.errors import ApiError, RateLimited, Refused, Unauthenticated, UnexpectedAnswer
from cf1_mcp.models import Condition, Dataset, Event, EventPage, EventSearch, SearchField
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.conditions.condition_matching import KnownEvent, know_stored, list_known_texts, match_condition
from cf1_mcp.policy.conditions.condition_values import Verdict, all_of, any_of, fold_text
from cf1_mcp.policy.conditions.reading_notes import IGNORED
from cf1_mcp.policy.datasets import DatasetIndex
from cf1_mcp.text.uuids import id_key

# Misfits after which the rest of a list is not read, if there are fewer events that fit.
MAX_MISFITS: Final = 50
# Comparisons of a page beyond which they are made in a thread.
MAX_COMPARISONS: Final = 500
# How long an answer about an API counts.
TRUST_SECONDS: Final = 300.0
# Fields of which an event may have a value that it does not show.
PROBED: Final[frozenset[SearchField]] = frozenset(
    {"attackerCountry", "createdAt", "indicator", "indicatorType", "targetCountry"}
)
# A code for users of ISO 3166-1, which no country has.
NO_COUNTRY: Final = "QM"
NO_TIME: Final = "9999-12-31T00:00:00.000Z"
DATASETS: Final = "datasets"
GROUPS: Final = "groups of conditions"
WHOLE_TYPES: Final = frozenset({"text", "name", "word", "code", "indicator", "id"})
Holds = Callable[[KnownEvent], Verdict]


@dataclass(frozen=True)
class Judgement:
    """How an event fits: the `failed` parts of the question, and those of which it does not show enough."""

    failed: frozenset[str]
    unproven: frozenset[str]


class Question:
    """The datasets and conditions of a search, for events to be compared with."""

    def __init__(self, search: EventSearch, account: DatasetIndex | None = None) -> None:
        self._uuids = {id_key(one) for one in search.dataset_id if one not in SCOPE_WORDS}
        self._words = SCOPE_WORDS & {*search.dataset_id}
        self._account = account or DatasetIndex()
        self._conditions: list[tuple[SearchField, Holds]] = [(one.field, _prepare(one)) for one in search.search]
        self._branches = [[_prepare(one) for one in branch] for branch in search.search_branches]
        # Fields that are compared with a list of values.
        self.lists = frozenset(one.field for one in search.search if one.op == "in")
        self._size = len(self._conditions) + sum(map(len, self._branches)) + 1

    async def judge(self, events: Sequence[Event]) -> list[Judgement]:
        """Compare events with the question, in a thread if they are many."""
        work = partial(self._judge_all, events)
        return await run_in_thread(work) if len(events) * self._size > MAX_COMPARISONS else work()

    def _judge_all(self, events: Sequence[Event]) -> list[Judgement]:
        return [self._judge(event) for event in events]

    def _judge(self, event: Event) -> Judgement:
        known = know_stored(event)
        verdicts: list[tuple[SearchField, Verdict]] = [(field, holds(known)) for field, holds in self._conditions]
        failed = {str(field) for field, verdict in verdicts if verdict is False}
        in_branches = any_of(all_of(holds(known) for holds in one) for one in self._branches)
        if self._branches and in_branches is False:
            failed.add(GROUPS)
        if not self._is_in_datasets(event):
            failed.add(DATASETS)
        unproven: set[str] = {field for field, verdict in verdicts if verdict is None}
        if self._branches and in_branches is None:
            unproven.add(GROUPS)
        return Judgement(frozenset(failed), frozenset(unproven))

    def _is_in_datasets(self, event: Event) -> bool:
        """Whether an event is of the datasets asked for. One without a dataset, or of an unknown one, may be."""
        uuid = event.dataset_id.strip()
        if not uuid or not (self._uuids or self._words) or id_key(uuid) in self._uuids or self._words & {"all", "*"}:
            return True
        found = self._account.find(uuid)
        if not self._words or not isinstance(found, Dataset):
            return bool(self._words)
        return any(map(found.may_be_in, self._words))


async def list_fitting_events(client: ThreatEventsClient, search: EventSearch) -> list[Event]:
    """Return all events of a search that fit it, for guards.

    Raises:
        ApiError: they could not all be read.
        UnexpectedAnswer: the API seems to ignore the search.
    """
    question, found, misfits = Question(search), list[Event](), 0
    async with aclosing(client.event_pages(search)) as pages:
        async for page in pages:
            judged = await question.judge(page.result)
            fitting = [event for event, one in zip(page.result, judged, strict=True) if not one.failed]
            found += fitting
            misfits += len(judged) - len(fitting)
            if misfits > max(len(found), MAX_MISFITS):
                break
    if misfits > len(found):
        raise UnexpectedAnswer(IGNORED)
    return found


@dataclass(frozen=True)
class JudgedPage:
    """A page of the API, with the parts of the question that each event fails. `is_first`: the list begins with it.

    An event also fails the `unproved` parts that it does not show: nobody knows whether the API heeds them.
    """

    page: EventPage
    failed: Sequence[frozenset[str]]
    is_first: bool = False
    unproved: frozenset[str] = frozenset()

    @property
    def events(self) -> Sequence[Event]:
        return self.page.result


async def judged_event_pages(
    client: ThreatEventsClient,
    asked: EventSearch,
    question: Question,
    is_readable: Callable[[Event], bool],
    report: ReadingReport | None,
    attempt: Attempt = once,
    other_scope: Sequence[str] = (),
) -> AsyncGenerator[JudgedPage]:
    """Yield the pages of a search with what does not fit. Only events that may be read count as misfits.

    At the first misfit, a search in the URL is sent again in a body, which some servers heed instead; the pages then
    begin again, and the caller knows which events it has. So it is where the API refuses the datasets together, with
    `other_scope` instead. Raises the same as `client.event_pages`.
    """
    trust = client.search_trust
    may_retry = bool(asked.search) and client.sends_in_url(asked) and anyio.current_time() >= trust.retry_body
    is_trial = False
    refusal: Refused | None = None
    while True:
        retries, is_first = False, True
        try:
            async with aclosing(client.event_pages(asked, attempt, report)) as pages:
                async for page in pages:
                    judged = await _judge_page(client, page, question, is_readable)
                    if may_retry and any(judged.failed):
                        retries, may_retry, is_trial, trust.needs_body = True, False, True, True
                        break
                    if is_trial and any(judged.failed):
                        _end_trial(client)
                    yield replace(judged, is_first=is_first)
                    is_trial = is_first = False
        except ApiError as error:
            if is_trial:
                _end_trial(client)
                retries, is_trial = True, False
            elif isinstance(error, Refused) and is_first and refusal is None and other_scope:
                refusal, retries = error, True
                asked = asked.model_copy(update={"dataset_id": [*other_scope]})
            else:
                raise refusal or error from None
        if not retries:
            return


def _end_trial(client: ThreatEventsClient) -> None:
    """Note that a body is of no use: it was refused, or is ignored too."""
    client.search_trust.needs_body = False
    client.search_trust.retry_body = anyio.current_time() + TRUST_SECONDS


async def _judge_page(
    client: ThreatEventsClient, page: EventPage, question: Question, is_readable: Callable[[Event], bool]
) -> JudgedPage:
    readable = [event for event in page.result if is_readable(event)]
    judged = await question.judge(readable)
    doubted: dict[str, Event] = {}
    fitting = [(event, one) for event, one in zip(readable, judged, strict=True) if not one.failed]
    # Parts of the question that nothing on this page proves.
    unproven = frozenset[str].intersection(*(one.unproven for _, one in fitting)) if fitting else frozenset[str]()
    for event, one in fitting:
        # Also of what an event has in a form that cannot be read, which proves nothing.
        for field in one.unproven & (PROBED | unproven | {*map(to_camel, event.unreadable)}):
            doubted.setdefault(field, event)
    heeded = {
        field: await _is_heeded(client, field, event, field in question.lists) for field, event in doubted.items()
    }
    ignored = {field for field, is_heeded in heeded.items() if not is_heeded}
    unproved = frozenset(field for field, is_heeded in heeded.items() if is_heeded is None)
    failed = iter([frozenset[str]({*one.failed, *(one.unproven & ignored)}) for one in judged])
    places = {id(event) for event in readable}
    of_page = [next(failed) if id(event) in places else frozenset[str]() for event in page.result]
    return JudgedPage(page, of_page, unproved=unproved)


async def _is_heeded(client: ThreatEventsClient, field: str, event: Event, is_list: bool) -> bool | None:
    """Whether the API heeds conditions on a field, with one value or a list, or groups of conditions; None if that
    cannot be told. It is asked for events of the dataset of an event that it returned which meet a condition that none
    can meet. Rows, readable or not, show that it does not heed it, and only a complete empty list shows that it does.
    What could not be told is asked again.
    """
    ids = [event.dataset_id] if event.dataset_id.strip() else []
    condition = _impossible("attacker" if field == GROUPS else cast("SearchField", field))
    if is_list and not isinstance(condition.value, list):
        condition = Condition(field=condition.field, op="in", value=[condition.value])
    search = EventSearch(dataset_id=ids, search=[condition], page_size=1)
    if field == GROUPS:
        search = EventSearch(dataset_id=ids, search_branches=[[condition]], page_size=1)
    key = (field, condition.op, client.sends_in_url(search))
    known = client.search_trust.heeded.get(key)
    if known and anyio.current_time() < known[1]:
        return known[0]
    with collecting() as remarks:
        try:
            page = await client.read_event_page(search)
        except (RateLimited, Unauthenticated):
            raise
        except ApiError:
            return None
    is_heeded = not page.size
    if is_heeded and (remarks.is_incomplete or not page.says_empty):
        return None
    client.search_trust.heeded[key] = (is_heeded, anyio.current_time() + TRUST_SECONDS)
    return is_heeded


def _impossible(field: SearchField) -> Condition:
    match SEARCHABLE[field].type:
        case "date":
            return Condition(field=field, op="gte", value=NO_TIME)
        case "country":
            return Condition(field=field, op="equals", value=NO_COUNTRY)
        case _:
            return Condition(field=field, op="equals", value=f"{token_hex(8)}.invalid")


# -- comparisons


def _prepare(condition: Condition) -> Holds:
    """Return the comparison with a condition. Whole texts are compared with many values at once."""
    if condition.op in ("equals", "in") and SEARCHABLE[condition.field].type in WHOLE_TYPES:
        values = condition.value if isinstance(condition.value, list) else [condition.value]
        exact = frozenset(map(str, values))
        return partial(_match_whole, condition.field, exact, frozenset(_fold_all(exact)))
    return partial(_match, condition)


def _match(condition: Condition, event: KnownEvent) -> Verdict:
    return match_condition(event, condition)


def _match_whole(field: SearchField, exact: frozenset[str], folded: frozenset[str], event: KnownEvent) -> Verdict:
    if field in event.unknown or not exact:
        return None
    known = list_known_texts(event, field)
    if not exact.isdisjoint(known.texts):
        return True
    return None if not known.is_complete or not folded.isdisjoint(_fold_all(known.texts)) else False


def _fold_all(texts: Iterable[str]) -> Iterable[str]:
    return map(fold_text, texts)

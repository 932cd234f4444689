"""The request of a search: its arguments as the caller typed them, translated for the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import AccountVocabulary, Now
from cf1_mcp.models import Condition, EventSearch, SearchField
from cf1_mcp.models.fields import SEARCHABLE, EventField
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.argument_groups import expand_argument_groups
from cf1_mcp.search.clauses import WHOLE_VALUE_OPERATORS, Clause
from cf1_mcp.search.conditions import (
    MAX_WORDS,
    build_branches,
    build_conditions,
    resolve_created_since,
    resolve_period,
    split_text,
    ungrouped_conditions,
)
from cf1_mcp.search.filters import CountFilters, ExportFilters, Filters, SearchFilters
from cf1_mcp.search.saved_queries import SavedSearch
from cf1_mcp.search.typed_values import read_dates, read_values
from cf1_mcp.search.words.countries import split_countries
from cf1_mcp.search.words.spelling import AccountSpelling, ReadValue, list_spellings, load_spelling
from cf1_mcp.text.dates import iso
from cf1_mcp.text.sanitize import clean

# Events that were being stored during the search may be missing from it: rather return an event twice than never.
WATERMARK_OVERLAP: Final = timedelta(minutes=2)
MAX_SHOWN_LENGTH: Final = 60


@dataclass(frozen=True)
class SearchArguments:
    """The arguments of a search as the caller typed them."""

    filters: Filters
    text: str | None = None
    since: str | None = None
    until: str | None = None
    created_since: str | None = None
    conditions: Sequence[Clause] = ()


@dataclass(frozen=True)
class SearchRequest:
    """A search as the API takes it.

    `identity` distinguishes it from other searches. `parts` are the conditions by the argument that they come from.
    `read_as` lists the values that were read differently than typed, `unknown_words` what is to say of words that the
    account does not know, by argument. `watermark` is the `created_since` of the next search, if this one has one.
    """

    identity: Mapping[str, object]
    parts: Mapping[str, Sequence[Condition]]
    branches: Sequence[Sequence[Condition]]
    read_as: tuple[str, ...]
    unknown_words: Sequence[tuple[str, str]]
    watermark: str

    @property
    def is_narrowed(self) -> bool:
        """Whether there are conditions beside those of a saved query."""
        return bool(self.parts.keys() - {"query_id"})

    @property
    def filters(self) -> list[Condition]:
        """The conditions that are not dates."""
        return [one for name, part in self.parts.items() if name not in ("since", "until") for one in part]

    def search(self, without: str = "") -> EventSearch:
        """Return the search as the API takes it, without the conditions of one argument."""
        kept = [condition for name, part in self.parts.items() if name != without for condition in part]
        search = EventSearch(search=kept)
        if self.branches and without != "conditions":
            search.search_branches = [[*branch] for branch in self.branches]
        return search


@expand_argument_groups
async def _search_request(
    vocabulary: AccountVocabulary,
    policy: CurrentReadPolicy,
    saved: SavedSearch,
    now: Now,
    filters: SearchFilters,
    text: str | None,
    since: str | None,
    until: str | None,
    created_since: str | None,
    conditions: list[Clause] | None,
) -> SearchRequest:
    arguments = SearchArguments(filters, text, since, until, created_since, conditions or ())
    return await _read_request(arguments, vocabulary, policy, saved, now)


@expand_argument_groups
async def _export_request(
    vocabulary: AccountVocabulary,
    policy: CurrentReadPolicy,
    saved: SavedSearch,
    now: Now,
    filters: ExportFilters,
    text: str | None,
    since: str | None,
    until: str | None,
) -> SearchRequest:
    return await _read_request(SearchArguments(filters, text, since, until), vocabulary, policy, saved, now)


@expand_argument_groups
async def _counting_request(
    vocabulary: AccountVocabulary,
    policy: CurrentReadPolicy,
    now: Now,
    filters: CountFilters,
    text: str | None,
    since: str | None,
    until: str | None,
) -> SearchRequest:
    return await _read_request(SearchArguments(filters, text, since, until), vocabulary, policy, EventSearch(), now)


RequestedSearch = Annotated[SearchRequest, Resolve(_search_request)]
# With only the filters of an export.
RequestedExport = Annotated[SearchRequest, Resolve(_export_request)]
# Without what the API does not count by, such as saved queries.
RequestedCount = Annotated[SearchRequest, Resolve(_counting_request)]


async def _read_request(
    arguments: SearchArguments, vocabulary: Vocabulary, policy: ReadPolicy, saved: EventSearch, now: datetime
) -> SearchRequest:
    typed = arguments.filters
    given: dict[SearchField, list[str]] = {
        name: _split(field, typed[field.name]) for name, field in SEARCHABLE.items() if typed.get(field.name)
    }
    named: list[SearchField] = [
        *given,
        *(clause.field for clause in arguments.conditions if clause.op in WHOLE_VALUE_OPERATORS),
    ]
    spelling = await load_spelling(vocabulary, policy, named)
    # In a thread, because many values are compared with many words.
    reads_by_field, clauses = await run_in_thread(partial(_read_values, spelling, given, arguments.conditions))
    reads = [(SEARCHABLE[name].name, read) for name, found in reads_by_field.items() for read in found]
    reads += [("conditions", read) for _, found in clauses for read in found]
    filters: dict[SearchField, list[str]] = {name: list_spellings(found) for name, found in reads_by_field.items()}
    return _build_request(arguments, filters, [clause for clause, _ in clauses], reads, saved, now)


def _read_values(
    spelling: AccountSpelling, given: Mapping[SearchField, Sequence[str]], conditions: Sequence[Clause]
) -> tuple[dict[SearchField, list[ReadValue]], list[tuple[Clause, list[ReadValue]]]]:
    """Return how the values of each filter were read, and each condition with how its values were read."""
    reads: dict[SearchField, list[ReadValue]] = {
        name: read_values(spelling, name, values) for name, values in given.items()
    }
    return reads, [_read_clause(spelling, clause) for clause in conditions]


def _build_request(
    arguments: SearchArguments,
    filters: Mapping[SearchField, Sequence[str]],
    clauses: Sequence[Clause],
    reads: Sequence[tuple[str, ReadValue]],
    saved: EventSearch,
    now: datetime,
) -> SearchRequest:
    since, until = resolve_period(arguments.since, arguments.until, now)
    created_since = resolve_created_since(arguments.created_since, now)
    read_as = [read.describe(argument) for argument, read in reads]
    read_as += [_date_read_as("since", arguments.since, since), _date_read_as("until", arguments.until, until)]
    read_as.append(_date_read_as("created_since", arguments.created_since, created_since))
    read_as.append(_text_read_as(arguments.text))
    dated = [read_dates(clause, now) for clause in clauses]
    read_as += [read.describe("conditions") for _, found in dated for read in found]
    # Its identity has dates as they were typed, because the next page of a search "since 7d" is asked for later.
    typed = {name: getattr(arguments, name) for name in ("text", "since", "until", "created_since")}
    period, compared = (since, until), [clause for clause, _ in dated]
    conditions = ungrouped_conditions(compared)
    return SearchRequest(
        {**filters, **typed, "conditions": [*clauses]},
        build_conditions(filters, arguments.text, period, created_since, conditions, saved.search),
        build_branches(saved.search_branches, compared),
        tuple(dict.fromkeys(sentence for sentence in read_as if sentence)),
        [(argument, sentence) for argument, read in reads if (sentence := read.describe_unknown(argument))],
        iso(now - WATERMARK_OVERLAP) if created_since else "",
    )


def _split(field: EventField, values: Sequence[str]) -> list[str]:
    """Return the values of a filter. Only countries are split at commas, which other words may contain."""
    if field.type == "country":
        values = [part for value in values for part in split_countries(value)]
    return list(dict.fromkeys(values))


def _read_clause(spelling: AccountSpelling, clause: Clause) -> tuple[Clause, list[ReadValue]]:
    """Return a condition with its whole values in the account's spelling, and how each was read."""
    if clause.op not in WHOLE_VALUE_OPERATORS:
        return clause, []
    reads = (
        [spelling.read(clause.field, value) for value in clause.value]
        if clause.op == "not"
        else read_values(spelling, clause.field, clause.value)
    )
    values = [spelling for read in reads for spelling in read.spellings]
    if clause.op == "not" and len(values) > 1:
        return clause, []
    several = clause.op == "equals" and len(values) > 1 == len(clause.value)
    return clause.model_copy(update={"value": values, "op": "in" if several else clause.op}), reads


def _text_read_as(text: str | None) -> str:
    """Return a sentence part if a text of several words is searched for as one phrase."""
    parts = split_text(text) if text and text.strip() else [""]
    is_phrase = len(parts) == 1 and len(parts[0].split()) > MAX_WORDS
    return f"text: as one phrase, because it has more than {MAX_WORDS} words" if is_phrase else ""


def _date_read_as(argument: str, typed: str | None, date: str | None) -> str:
    return f"{argument}: {clean(typed, MAX_SHOWN_LENGTH)} as {date}" if typed and date and typed.strip() != date else ""

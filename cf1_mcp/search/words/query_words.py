"""Read the words of a saved query as those of a search, and refuse what could never find an event.

A saved query is run for years: a word that the account spells otherwise would find nothing, and nobody would notice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.context import AccountVocabulary
from cf1_mcp.errors import ApiError, BadArgument, list_words
from cf1_mcp.models import SearchField
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.policy.visible_words import account_words, fold
from cf1_mcp.search.clauses import WHOLE_VALUE_OPERATORS
from cf1_mcp.search.words.spelling import GROUP, NEAREST, AccountSpelling, ReadValue, load_spelling
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Vocabularies that grow with the events: a query may watch for a word that is new.
GROWING: Final[frozenset[Kind]] = frozenset({"attackers", "tags"})
# A word of these is accepted also if only events that may not be shown have it.
CATALOGS: Final[frozenset[Kind]] = frozenset({"categories", "industries"})

_Condition = dict[str, JsonValue]


@dataclass(frozen=True)
class ReadQuery:
    """The text of a query in the account's spelling, and what is to be told of its words."""

    query_json: str
    words: Mapping[str, JsonValue]


@dataclass(frozen=True)
class QueryWords:
    """Reads the words of saved queries. The vocabularies are read only if a condition needs them."""

    vocabulary: Vocabulary
    policy: ReadPolicy

    async def read(self, query_json: str, argument: str) -> ReadQuery:
        """Return a search, which must be one of the known grammar, with its words in the account's spelling.

        Raises:
            BadArgument: a word is not among those of a closed vocabulary.
        """
        given: dict[str, Any] = json.loads(query_json)
        groups: list[list[_Condition]] = [given.get("search") or [], *(given.get("searchBranches") or [])]
        conditions = [one for group in groups for one in group if _is_whole(one)]
        names: list[SearchField] = [cast("SearchField", one["field"]) for one in conditions]
        spelling = await load_spelling(self.vocabulary, self.policy, names)
        read_as: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for name, condition in zip(names, conditions, strict=True):
            reads = [await self._read(spelling, name, value, argument) for value in _values(condition)]
            _write_values(condition, reads)
            where = SEARCHABLE[name].name
            read_as |= dict.fromkeys(sentence for one in reads if (sentence := one.describe(where)))
            unknown |= dict.fromkeys(sentence for one in reads if (sentence := one.describe_unknown(where)))
        told = {"read_as": [*read_as], "unknown_words": [*unknown]}
        words: dict[str, JsonValue] = {name: [*sentences] for name, sentences in told.items() if sentences}
        return ReadQuery(json.dumps(given, ensure_ascii=False) if read_as else query_json, words)

    async def _read(self, spelling: AccountSpelling, name: SearchField, value: str, argument: str) -> ReadValue:
        read, kind = spelling.read(name, value), SEARCHABLE[name].vocabulary
        if not read.unknown or kind is None or kind in GROWING:
            return read
        if kind in CATALOGS and (known := await self._find_in_catalog(kind, value)):
            return ReadValue(value, (known,))
        if read.codes:
            return read  # a country that the account does not list, and that events may have all the same
        typed, words = repr(clean(value, MAX_NAME_LENGTH)), [clean(one, MAX_NAME_LENGTH) for one in read.suggestions]
        if GROUP in read.unknown:
            raise BadArgument(argument, f"{typed} {GROUP}", "its countries, with op in", list_words(words, most=30))
        hint = ", did you mean the first of these?" if NEAREST in read.unknown else ""
        problem = f"the account does not know {typed} as {SEARCHABLE[name].name}{hint}"
        valid = "one of these" if words else f"a word from list_threat_vocabulary, kind {kind}"
        raise BadArgument(argument, problem, valid, list_words(words))

    async def _find_in_catalog(self, kind: Kind, value: str) -> str | None:
        try:
            words = await account_words(self.vocabulary, self.policy, kind)
        except ApiError:
            return value
        return next((word for word in words if fold(word) == fold(value)), None)


async def _resolve_query_words(vocabulary: AccountVocabulary, policy: CurrentReadPolicy) -> QueryWords:
    return QueryWords(vocabulary, policy)


CurrentQueryWords = Annotated[QueryWords, Resolve(_resolve_query_words)]


def _is_whole(condition: Mapping[str, JsonValue]) -> bool:
    """Whether a condition compares whole texts."""
    value = condition.get("value")
    texts = value if isinstance(value, list) else [value]
    return condition.get("op") in WHOLE_VALUE_OPERATORS and all(isinstance(text, str) for text in texts)


def _values(condition: Mapping[str, JsonValue]) -> Sequence[str]:
    value = condition.get("value")
    return cast("list[str]", value if isinstance(value, list) else [value])


def _write_values(condition: _Condition, reads: Sequence[ReadValue]) -> None:
    """Set the values of a condition to their spellings."""
    values: list[JsonValue] = [*dict.fromkeys(spelling for read in reads for spelling in read.spellings)]
    if condition["op"] == "not" and len(values) > 1:
        return
    if condition["op"] == "equals" and len(values) > 1:
        condition["op"] = "in"
    condition["value"] = values if condition["op"] == "in" else values[0]

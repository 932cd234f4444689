"""What a search asks: its arguments as they were typed, read as the API knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic.alias_generators import to_snake

from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import AccountVocabulary, Now
from cf1_mcp.models import Condition, EventSearch, SearchField
from cf1_mcp.policy.reading import Reader, Reading
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.conditions import branches, conditions, from_clauses, period, stored_since
from cf1_mcp.search.saved_queries import Saved
from cf1_mcp.search.spelling import KINDS, Read, Spelling, spelling_for
from cf1_mcp.text.dates import iso
from cf1_mcp.text.sanitize import clean

# Operators that compare whole values; the others look for parts of them, which have no spelling.
WHOLE: Final = ("equals", "not", "in")
# What was being stored while it was asked may have been missed: rather an event twice than never.
OVERLAP: Final = timedelta(minutes=2)
COUNTRIES: Final = ("attackerCountry", "targetCountry")

Typed = Mapping[SearchField, list[str] | None]


@dataclass(frozen=True)
class Question:
    """`typed` is all of it as it came, `parts` the conditions by the argument that asks for them. `read_as` says what
    was read otherwise than it was typed, `near` which of the account's words a value may have meant. `watermark` is
    the `created_since` that goes on from here, where one was given.
    """

    typed: Mapping[str, object]
    parts: Mapping[str, Sequence[Condition]]
    branches: Sequence[Sequence[Condition]]
    read_as: tuple[str, ...]
    near: Mapping[tuple[str, str], tuple[str, ...]]
    watermark: str

    def search(self, without: str = "") -> EventSearch:
        """The filters as the API takes them, but for those of one argument."""
        kept = [condition for name, part in self.parts.items() if name != without for condition in part]
        found = EventSearch(search=kept)
        if self.branches and without != "conditions":
            found.search_branches = [[*branch] for branch in self.branches]
        return found


async def _question(
    words: AccountVocabulary,
    reading: Reader,
    saved: Saved,
    now: Now,
    attacker: list[str] | None,
    attacker_country: list[str] | None,
    target_country: list[str] | None,
    target_industry: list[str] | None,
    category: list[str] | None,
    indicator: list[str] | None,
    indicator_type: list[str] | None,
    tags: list[str] | None,
    mitre_attack: list[str] | None,
    tlp: list[str] | None,
    text: str | None,
    since: str | None,
    until: str | None,
    created_since: str | None,
    conditions: list[Clause] | None,
) -> Question:
    typed: Typed = {
        "attacker": attacker,
        "attackerCountry": attacker_country,
        "targetCountry": target_country,
        "targetIndustry": target_industry,
        "category": category,
        "indicator": indicator,
        "indicatorType": indicator_type,
        "tags": tags,
        "mitreAttack": mitre_attack,
        "tlp": tlp,
    }
    return await _read(words, reading, saved, now, typed, text, since, until, created_since, conditions)


async def _narrow_question(
    words: AccountVocabulary,
    reading: Reader,
    saved: Saved,
    now: Now,
    attacker: list[str] | None,
    target_country: list[str] | None,
    target_industry: list[str] | None,
    category: list[str] | None,
    indicator_type: list[str] | None,
    tags: list[str] | None,
    text: str | None,
    since: str | None,
    until: str | None,
) -> Question:
    typed: Typed = {
        "attacker": attacker,
        "targetCountry": target_country,
        "targetIndustry": target_industry,
        "category": category,
        "indicatorType": indicator_type,
        "tags": tags,
    }
    return await _read(words, reading, saved, now, typed, text, since, until, None, None)


Asked = Annotated[Question, Resolve(_question)]
# By the filters that are used most.
AskedNarrowly = Annotated[Question, Resolve(_narrow_question)]


async def _read(
    words: Vocabulary,
    reading: Reading,
    saved: EventSearch,
    now: datetime,
    typed: Typed,
    text: str | None,
    since: str | None,
    until: str | None,
    created_since: str | None,
    conditions: Sequence[Clause] | None,
) -> Question:
    given: dict[SearchField, list[str]] = {name: _separate(name, values) for name, values in typed.items() if values}
    clauses = conditions or []
    named: list[SearchField] = [
        *given,
        *(clause.field for clause in clauses if clause.op in WHOLE and clause.field in KINDS),
    ]
    spelling = await spelling_for(words, reading, named)
    reads = [(to_snake(name), spelling.read(name, value)) for name, values in given.items() for value in values]
    of_clauses = [_clause(spelling, clause) for clause in clauses]
    reads += [("conditions", read) for _, found in of_clauses for read in found]
    spelt: dict[SearchField, Sequence[str]] = {
        name: [meant for argument, read in reads if argument == to_snake(name) for meant in read.meant]
        for name in given
    }
    clauses = [clause for clause, _ in of_clauses]
    return _asked(spelt, text, since, until, created_since, now, saved, clauses, reads)


def _asked(
    spelt: Mapping[SearchField, Sequence[str]],
    text: str | None,
    since: str | None,
    until: str | None,
    created_since: str | None,
    now: datetime,
    saved: EventSearch,
    clauses: Sequence[Clause],
    reads: Sequence[tuple[str, Read]],
) -> Question:
    dates = period(since, until, now)
    stored = stored_since(created_since, now)
    parts = conditions(spelt, text, dates, stored, from_clauses(clauses), saved.search)
    said = [read.said(argument) for argument, read in reads]
    said += [_said("since", since, dates[0]), _said("until", until, dates[1])]
    said.append(_said("created_since", created_since, stored))
    typed = {"text": text, "since": since, "until": until, "created_since": created_since, "conditions": [*clauses]}
    return Question(
        {**spelt, **typed},
        parts,
        branches(saved.search_branches, clauses),
        tuple(dict.fromkeys(sentence for sentence in said if sentence)),
        {(argument, read.typed): read.near for argument, read in reads if read.near},
        iso(now - OVERLAP) if stored else "",
    )


def _separate(name: SearchField, values: Sequence[str]) -> list[str]:
    """Countries may come in one text with commas between; no other word of the account is sure to hold none."""
    if name in COUNTRIES:
        values = [part.strip() for value in values for part in value.split(",") if part.strip()]
    return list(dict.fromkeys(values))


def _clause(spelling: Spelling, clause: Clause) -> tuple[Clause, list[Read]]:
    """A raw condition with its whole values as the account spells them."""
    if clause.op not in WHOLE:
        return clause, []
    reads = [spelling.read(clause.field, value) for value in clause.value]
    values = [meant for read in reads for meant in read.meant]
    several = clause.op == "equals" and len(values) > 1 == len(clause.value)
    if clause.op == "not" and len(values) > 1:
        return clause, []
    return clause.model_copy(update={"value": values, "op": "in" if several else clause.op}), reads


def _said(argument: str, typed: str | None, date: str | None) -> str:
    return f"{argument}: {clean(typed, 60)} as {date}" if typed and date and typed.strip() != date else ""

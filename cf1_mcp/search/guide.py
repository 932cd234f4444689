"""The search guide: what search_threat_events accepts, generated from the table of fields and the code's limits."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import JsonValue

from cf1_mcp.answers.answer import Answer, Block
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.models.fields import (
    COLUMNS,
    COMPARING_OPERATORS,
    DEFAULT_COLUMNS,
    FILTERS,
    HIDDEN_COLUMNS,
    SEARCHABLE,
    TEXT_OPERATORS,
)
from cf1_mcp.policy.dataset_scope import SCOPE_WORDS
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.conditions import MAX_BRANCHES, MAX_CONDITIONS, MAX_VALUE_LENGTH, MAX_WORDS
from cf1_mcp.text.dates import ACCEPTED_DATES


@dataclass(frozen=True)
class Example:
    """A question and the arguments of search_threat_events that answer it."""

    question: str
    arguments: Mapping[str, JsonValue]


EXAMPLES: Final = (
    Example("One address, in every dataset", {"indicator": ["198.51.100.7"], "dataset_ids": ["all"]}),
    Example(
        "Phishing against banks in Germany or Austria in the last week",
        {
            "category": ["Phishing"],
            "target_industry": ["Banking & Financial Services"],
            "target_country": ["DE", "AT"],
            "since": "7d",
        },
    ),
    Example(
        "One month, oldest first, in four columns",
        {
            "since": "2026-10",
            "until": "2026-10",
            "order": "asc",
            "fields": ["date", "attacker", "indicator", "tags"],
            "limit": 100,
        },
    ),
    Example("A technique that single events have as a tag", {"tags": ["T1566.002"], "since": "90d"}),
    Example(
        "Domains under one suffix",
        {
            "indicator_type": ["domain"],
            "conditions": [{"field": "indicator", "op": "endsWith", "value": [".example.com"]}],
        },
    ),
    Example(
        "Campaigns that reached the late phases",
        {
            "conditions": [
                {"field": "hasChildren", "value": ["true"]},
                {"field": "killChain", "op": "gte", "value": ["6"]},
            ]
        },
    ),
    Example(
        "What was stored since a moment, whenever it happened, marked below amber",
        {
            "tlp": ["clear", "green"],
            "conditions": [{"field": "createdAt", "op": "gte", "value": ["2026-11-23T08:00:00Z"]}],
        },
    ),
    Example(
        "Tagged as ransomware or, in a late phase, described with a ransom note",
        {
            "since": "30d",
            "conditions": [
                {"field": "tags", "value": ["ransomware"], "group": 1},
                {"field": "event", "op": "contains", "value": ["ransom note"], "group": 2},
                {"field": "killChain", "op": "gte", "value": ["5"], "group": 2},
            ],
        },
    ),
)


@dataclass(frozen=True)
class SearchGuide(Answer):
    """The guide as an answer."""

    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        yield Block(False, [search_guide()])

    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        return {"search_guide": search_guide()}

    def clipped(self, max_length: int, max_items: int) -> Self:
        return self


def search_guide() -> str:
    """The guide in Markdown."""
    examples = "\n".join(f"- {one.question}\n  `{json.dumps(one.arguments)}`" for one in EXAMPLES)
    texts = sorted(name for name, field in SEARCHABLE.items() if field.operators == TEXT_OPERATORS)
    partial = [operator for operator in TEXT_OPERATORS if operator not in COMPARING_OPERATORS]
    return f"""\
# How to search threat events

search_threat_events finds single events; aggregate_threat_events counts them; list_threat_vocabulary lists the
account's actors, categories, countries, industries, indicator types and tags in their spelling.

## Filters

All filters must match. Several values of one filter mean any of them, and each must match as a whole. Every filter is
a list of up to {_max_values()} values, except where noted.

{_filters()}
- `text`: words of the description, in any order, or phrases in double quotation marks; one text, not a list. More than
  {MAX_WORDS} are searched for as one phrase.
- `since`, `until`: {ACCEPTED_DATES}. Of a day, month or year,
  `since` takes the first second and `until` the last. UTC.
- `created_since`: stored since then, whenever it happened. The answer has a `watermark` for the next call; events
  stored around that time may be returned twice, and changes to older events do not appear.
- `dataset_ids`: names or uuids, or only one of {_words(SCOPE_WORDS)}. Default: all that may be read.
- `query_id`: the number or the name of a saved query, narrowed by the other filters.

## Conditions

`conditions` is a list of `{{"field", "op", "value", "group"?}}` for what no filter can express. `value` is always a
list of texts; the default `op` is equals.

- Text fields: {_words(texts)}.
- Their operators: {_words(TEXT_OPERATORS)}.
- `killChain` is a number, `hasChildren` is true or false: {_words(COMPARING_OPERATORS)}.
- `date` and `createdAt` take dates as `since` does, and one second after equals, not and in. `createdAt` is when the
  event was stored, `date` when it happened.
- {_words(partial)} match a part of a text. How like and find differ from contains is not published: prefer contains.
- `in` takes up to {_max_values()} values, every other operator one. A value has 1 to {MAX_VALUE_LENGTH} characters.
- At most {MAX_CONDITIONS} filters and conditions together; `since` and `until` count as one each.

Conditions without `group` must all match. Those with the same `group` number form one alternative, and at least one
alternative must match: A and (B or (C and D)) is A without group, B with 1, C and D with 2. At most {MAX_BRANCHES}
alternatives of {MAX_CONDITIONS} conditions, none on the field indicator; analytics datasets do not support them.

## What is returned

Rows of {_words(DEFAULT_COLUMNS)}.
`fields` selects other columns: {_words([name for name in COLUMNS if name not in HIDDEN_COLUMNS])}.
Fewer columns cost fewer tokens. `select` adds a selection of all found events, which changing tools and exports take.
`limit` is the maximum of rows (20, up to 500); pass `next_cursor` as `cursor` with all
other arguments unchanged. `order` is desc or asc by date. `withheld` counts events that a rule of the operator hides.

`read_as` lists what was read differently than typed. If nothing is found, the answer names the filter that removes all
events and the nearest known words. Absence from these datasets does not show that something is benign.

## Examples

{examples}
"""


def _filters() -> str:
    """Return a line per sentence of the table, with the filters that share it."""
    names: dict[str, list[str]] = defaultdict(list)
    for field in FILTERS:
        if field.filter:
            names[field.filter.guide].append(f"`{field.name}`")
    return "\n".join(f"- {', '.join(listed)}: {sentence}" for sentence, listed in names.items())


def _max_values() -> int:
    schema: dict[str, Any] = Clause.model_json_schema()
    max_values: int = schema["properties"]["value"]["maxItems"]
    return max_values


def _words(names: Sequence[str]) -> str:
    return ", ".join(names)

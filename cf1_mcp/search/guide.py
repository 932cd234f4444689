"""The search guide: what search_threat_events takes, written out of what the code knows, so that it cannot drift."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, get_args

from pydantic import JsonValue

from cf1_mcp.answers.answer import Answer, Block
from cf1_mcp.answers.columns import DEFAULT_FIELDS, FIELDS, UNTOLD
from cf1_mcp.answers.rendering import Style
from cf1_mcp.models import SearchField, SearchOp, Tlp
from cf1_mcp.policy.reading import SCOPE_WORDS
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.conditions import MAX_BRANCHES, MAX_CONDITIONS, MAX_VALUE_LENGTH
from cf1_mcp.text.dates import ACCEPTED_DATES

# The operators of fields that hold no text, by the API's specification.
COMPARING: Final = ("equals", "not", "gt", "gte", "lt", "lte", "in")
NOT_TEXT: Final = ("killChain", "hasChildren")


@dataclass(frozen=True)
class Example:
    """A question, and the arguments of search_threat_events that ask it."""

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
    Example("A technique that single events carry as a tag", {"tags": ["T1566.002"], "since": "90d"}),
    Example(
        "Domains under one suffix, whatever they are called",
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

    def blocks(self, style: Style) -> Iterator[Block]:
        yield Block(False, [search_guide()])

    def structured(self, style: Style) -> dict[str, JsonValue]:
        return {"search_guide": search_guide()}

    def clipped(self, longest: int, most: int) -> Self:
        return self


def search_guide() -> str:
    """The guide in Markdown."""
    examples = "\n".join(f"- {one.question}\n  `{json.dumps(one.arguments)}`" for one in EXAMPLES)
    fields: tuple[SearchField, ...] = get_args(SearchField)
    ops: tuple[SearchOp, ...] = get_args(SearchOp)
    texts = [name for name in fields if name not in NOT_TEXT]
    partial = [op for op in ops if op not in COMPARING]
    return f"""\
# How to search threat events

search_threat_events finds single events; aggregate_threat_events counts them; list_threat_vocabulary tells how the
account spells its actors, categories, countries, industries, indicator types and tags.

## Filters

Every filter given must hold; several values of one filter mean any of them, and each is matched whole. All are lists
unless said otherwise.

- `attacker`, `category`, `target_industry`, `tags`, `indicator_type`: as list_threat_vocabulary spells them, in any
  case. An actor may be called by any name that the vocabulary knows.
- `attacker_country`, `target_country`: DE, DEU, Germany. Either may be unknown, and then no country matches.
- `indicator`: exact IPs, domains, URLs, hashes, CVEs, defanged or not, up to {_most_values()} in one call.
- `mitre_attack`: ATT&CK ids of the event's category. What single events carry stands in their `tags`.
- `tlp`: {_words([level.value for level in Tlp])}. Unmarked events are treated as amber and match no value.
- `text`: a piece of the description; one text, no list.
- `since`, `until`: {ACCEPTED_DATES}. Of a bare day, month
  or year `since` takes the first second and `until` the last. UTC.
- `created_since`: stored since then, whenever it happened. The answer tells a `watermark` to give next time; what was
  stored around it may come twice, and changes to older events do not show.
- `dataset_ids`: names or uuids, or one of {_words(SCOPE_WORDS)} alone. Default: all that may be read.
- `query_id`: the number or the name of a saved query, narrowed by the other filters.

## Conditions

`conditions` is a list of `{{"field", "op", "value", "group"?}}` for what no filter says. `value` is always a list of
texts; `op` is equals unless given.

- Text fields: {_words(texts)}.
- Their operators: {_words(ops)}.
- `killChain` is a number, `hasChildren` is true or false: {_words(COMPARING)}.
- `date` and `createdAt` take ISO times here. `createdAt` is when the event was stored, `date` when it happened.
- {_words(partial)} look inside a text. How like and find differ from contains is not published: prefer contains.
- `in` takes up to {_most_values()} values, every other operator one. A value has 1 to {MAX_VALUE_LENGTH} characters.
- At most {MAX_CONDITIONS} filters and conditions together; `since` and `until` count as one each.

Conditions without `group` must all hold. Those with the same `group` number form one alternative, and at least one
alternative must hold: A and (B or (C and D)) is A without group, B with 1, C and D with 2. At most {MAX_BRANCHES}
alternatives of {MAX_CONDITIONS} conditions; not in analytics datasets, and not with the field indicator.

## What comes back

Rows of {_words(DEFAULT_FIELDS)}.
`fields` chooses others: {_words([name for name in FIELDS if name not in UNTOLD])}.
Fewer columns are cheaper. `limit` is the most rows (20, up to 500); `next_cursor` goes into `cursor` with all other
arguments unchanged. `order` is desc or asc by date. `withheld` counts what a rule of the operator's keeps back.

`read_as` tells what was read otherwise than it was typed. Where nothing is found, the answer names the filter that
removes everything and the nearest known words. Absence from these datasets is no proof that something is harmless.

## Examples

{examples}
"""


def _most_values() -> int:
    schema: dict[str, Any] = Clause.model_json_schema()
    most: int = schema["properties"]["value"]["maxItems"]
    return most


def _words(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)

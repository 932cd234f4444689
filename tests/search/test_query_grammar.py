"""The grammar of saved queries: a text is a search only if all of it is understood."""

import json

import pytest

from cf1_mcp.models import EventSearch
from cf1_mcp.search.query_grammar import NotASearch, is_search, read_search

ATTACKER = '{"field": "attacker", "op": "equals", "value": "APT28"}'


def condition(field: str, op: str, value: object, **more: object) -> str:
    return json.dumps({"search": [{"field": field, "op": op, "value": value, **more}]})


OTHERS: dict[str, str] = {
    "nothing": "",
    "null": "null",
    "a word": "attacker",
    "a list": f"[{ATTACKER}]",
    "a text of JSON": json.dumps(f'{{"search": [{ATTACKER}]}}'),
    "cut off": f'{{"search": [{ATTACKER}]',
    "a comment": f'{{"search": [{ATTACKER}]}} // APT28',
    "filters": '{"filters": {"attacker": ["APT28"]}}',
    "logic": f'{{"search": [{ATTACKER}], "logic": "or"}}',
    "a marking": f'{{"search": [{ATTACKER}], "maxTlp": "green"}}',
    "a date range": f'{{"search": [{ATTACKER}], "dateRange": "7d"}}',
    "dates": f'{{"search": [{ATTACKER}], "startDate": "2026-11-01", "endDate": "2026-11-02"}}',
    "another name of datasets": f'{{"search": [{ATTACKER}], "datasetIds": ["d"]}}',
    "a name in snake case": f'{{"search": [{ATTACKER}], "dataset_id": ["d"]}}',
    "a key in another case": f'{{"Search": [{ATTACKER}]}}',
    "a key with a blank": f'{{"search ": [{ATTACKER}]}}',
    "an unknown key without a value": f'{{"search": [{ATTACKER}], "exclude": null}}',
    "an unknown key with nothing in it": f'{{"search": [{ATTACKER}], "exclude": []}}',
    "a cursor": f'{{"search": [{ATTACKER}], "cursor": "eyJ9"}}',
    "a key twice": f'{{"search": [{ATTACKER}], "search": []}}',
    "a key twice in a condition": '{"search": [{"field": "attacker", "op": "equals", "value": "A", "value": "B"}]}',
    "a search as JSON text": json.dumps({"search": f"[{ATTACKER}]"}),
    "a search that is an object": f'{{"search": {ATTACKER}}}',
    "nested groups": f'{{"search": [{{"and": [{ATTACKER}]}}]}}',
    "a list among the conditions": f'{{"search": [[{ATTACKER}]]}}',
    "a null condition": f'{{"search": [{ATTACKER}, null]}}',
    "an unknown field": condition("severity", "equals", "high"),
    "a field in snake case": condition("target_country", "equals", "DE"),
    "an unknown operator": condition("attacker", "notIn", ["APT28"]),
    "an operator in capitals": condition("attacker", "EQUALS", "APT28"),
    "a key in a condition": condition("attacker", "equals", "APT28", negate=True),
    "a null key in a condition": condition("attacker", "equals", "APT28", negate=None),
    "a condition without an operator": '{"search": [{"field": "attacker", "value": "APT28"}]}',
    "a null value": condition("attacker", "equals", None),
    "an empty value": condition("attacker", "equals", ""),
    "a blank value": condition("attacker", "contains", " "),
    "a blank value in a list": condition("attacker", "in", ["APT28", ""]),
    "an empty list": condition("attacker", "in", []),
    "one value for in": condition("attacker", "in", "APT28"),
    "a list for equals": condition("attacker", "equals", ["APT28"]),
    "a list for not": condition("attacker", "not", ["APT28", "APT29"]),
    "an object for a value": condition("attacker", "equals", {"any": "APT28"}),
    "a number for a text": condition("attacker", "equals", 28),
    "true for a text": condition("attacker", "equals", True),
    "a relative date": condition("date", "gte", "-7d"),
    "a name of a date": condition("createdAt", "gte", "today"),
    "a number for a date": condition("date", "gte", 1764028800),
    "a word for a number": condition("killChain", "gte", "delivery"),
    "a text operator for a number": condition("killChain", "contains", "3"),
    "a number for a flag": condition("hasChildren", "equals", 1),
    "a text operator for a flag": condition("hasChildren", "like", "true"),
    "a number that JSON lacks": '{"search": [{"field": "killChain", "op": "equals", "value": NaN}]}',
    "a branch without conditions": f'{{"searchBranches": [[{ATTACKER}], []]}}',
    "branches of objects": f'{{"searchBranches": [{{"search": [{ATTACKER}]}}]}}',
    "an unknown field in a branch": '{"searchBranches": [[{"field": "x", "op": "equals", "value": "1"}]]}',
    "a blank dataset": f'{{"datasetId": [" "], "search": [{ATTACKER}]}}',
    "an empty dataset": f'{{"datasetId": "", "search": [{ATTACKER}]}}',
    "a number for a dataset": f'{{"datasetId": [5], "search": [{ATTACKER}]}}',
    "an object for a dataset": f'{{"datasetId": {{"not": "d"}}, "search": [{ATTACKER}]}}',
    "a later page": f'{{"search": [{ATTACKER}], "page": 2}}',
    "a page size of nothing": f'{{"search": [{ATTACKER}], "pageSize": 0}}',
    "a page size as text": f'{{"search": [{ATTACKER}], "pageSize": "10"}}',
    "an unknown order": f'{{"search": [{ATTACKER}], "order": "random"}}',
    "an order by something that is not a field": f'{{"search": [{ATTACKER}], "orderBy": "relevance > 5"}}',
    "an unknown format": f'{{"search": [{ATTACKER}], "format": "only-public"}}',
    "an unknown cache": f'{{"search": [{ATTACKER}], "cache": "yesterday"}}',
    "a refresh that is text": f'{{"search": [{ATTACKER}], "forceRefresh": "no"}}',
    "half a character": '{"search": [{"field": "attacker", "op": "equals", "value": "\\ud800"}]}',
    "too deep": '{"search": ' + "[" * 10_000 + "]" * 10_000 + "}",
    "GraphQL": "query { threatEvents { groups { count } } }",
    "Lucene": 'attacker:"APT28" AND tlp:green',
}
SEARCHES: dict[str, str] = {
    "an empty object": "{}",
    "datasets": '{"datasetId": ["d", "e"], "search": []}',
    "a scope word": f'{{"datasetId": "all", "search": [{ATTACKER}]}}',
    "no datasets": f'{{"datasetId": null, "search": [{ATTACKER}]}}',
    "in": condition("attacker", "in", ["APT28", "APT29"]),
    "a number": condition("killChain", "gte", 3),
    "a number as text": condition("killChain", "in", ["3", 4]),
    "a flag": condition("hasChildren", "equals", True),
    "a flag as text": condition("hasChildren", "equals", "false"),
    "a date": condition("date", "gte", "2026-11-01"),
    "a time": condition("createdAt", "lt", "2026-11-01T00:00:00.000Z"),
    "a part of a date": condition("date", "startsWith", "2026-11"),
    "branches": f'{{"searchBranches": [[{ATTACKER}], [{ATTACKER}, {ATTACKER}]]}}',
    "how it is listed": f'{{"search": [{ATTACKER}], "orderBy": "date", "order": "desc", "page": 1, "pageSize": 50, '
    '"format": "json", "forceRefresh": true, "cache": "from-graph"}',
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_text_with_a_part_that_is_not_understood_is_not_a_search(text: str) -> None:
    assert not is_search(text)
    with pytest.raises(NotASearch):
        read_search(text)


@pytest.mark.parametrize("text", SEARCHES.values(), ids=SEARCHES)
def test_a_text_of_which_all_is_understood_is_a_search(text: str) -> None:
    assert is_search(text)
    assert isinstance(read_search(text), EventSearch)

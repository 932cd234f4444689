"""Matching without the API agrees with the sandbox's search wherever it is sure, and is sure where it can be."""

from collections import Counter
from random import Random
from typing import get_args

import pytest

from cf1_mcp.models import Condition, Event, EventSearch, NewEvent, SearchField, SearchOp, SearchValue
from cf1_mcp.policy.conditions.condition_matching import (
    KnownEvent,
    know_new,
    know_stored,
    match_condition,
    match_search,
)
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

WORDS = ["block", "Block", "block list", "trusted", "100% sure", "under_score", "Ä-Gruppe", "APT 28", "e\u0301tat", "a"]
ATTACKERS = ["APT28", "apt28", "Copper Lantern", "Ärger", "copper", "A_B%C"]
INDUSTRIES = ["Energy & Utilities", "Technology", "technology"]
COUNTRIES = ["DE", "US", "GB", "RU"]
CATEGORIES = ["Phishing", "Ransomware", "DDoS", "Campaign"]
INDICATORS = ["192.0.2.1", "192.0.2.53", "evil.example.com", "EVIL.example.com", "a_b.example", "https://x.example/%41"]
TYPES = ["ip", "domain", "url", "Domain"]
DATES = ["2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-20T10:30:00Z", "2026-11-20T10:30:00.500Z"]
MARKINGS = ["clear", "green", "amber", "amber+strict", "red"]
TEXT_OPS: tuple[SearchOp, ...] = get_args(SearchOp)
NUMBER_OPS: tuple[SearchOp, ...] = ("equals", "not", "gt", "gte", "lt", "lte", "in")

VALUES: dict[SearchField, list[SearchValue]] = {
    "attacker": [*ATTACKERS, "copper%", "%lantern", "C_pper%", "lantern copper", "APT", "28"],
    "attackerCountry": [*COUNTRIES, "de", "DEU", "Germany", "uk", "USA", "er", "%man%"],
    "category": [*CATEGORIES, "phish", "%ing", "PHISHING", "ware"],
    "createdAt": ["2026-11-24", "2026-11-24T12:00:00Z", "2026"],
    "date": [*DATES, "2026-11-20", "2026-11-20T11:30:00+01:00", "2026-11-02", "2027-01-01T00:00:00Z"],
    "event": [*WORDS, "%list", "%l%t", "_lock%", "list block", "sure 100%", "%", "é", "UNDER", "b"],
    "hasChildren": [True, False, "true", "0"],
    "indicator": [*INDICATORS, "192.0.2", "%example%", "evil", ".com"],
    "indicatorType": [*TYPES, "IP", "o%", "main"],
    "killChain": [3, 7, "3", 4.0, 5],
    "mitreAttack": ["T1566", "T1486", "t1566", "T15%", "66"],
    "mitreCapec": ["98", "163", "9", "%3"],
    "tags": [*WORDS, "%list%", "bl", "list"],
    "targetCountry": [*COUNTRIES, "Germany", "gbr", "united states"],
    "targetIndustry": [*INDUSTRIES, "tech", "energy utilities", "%&%"],
    "tlp": [*MARKINGS, "white", "WHITE", "amber-strict", "Amber"],
    "uuid": ["00000000-0000-4000-8000-000000000000", "0", "%a%"],
}


def random_event(random: Random, dataset_id: str) -> NewEvent:
    """Return an event with some of its fields set."""

    def maybe(values: list[str]) -> str | None:
        return random.choice(values) if random.random() < 0.7 else None

    several = [
        {"value": value, "indicatorType": random.choice(TYPES)}
        for value in random.sample(INDICATORS, random.choice([0, 0, 0, 2]))
    ]
    fields: dict[str, object] = {
        "category": random.choice(CATEGORIES),
        "date": random.choice(DATES),
        "event": random.choice(WORDS),
        "tlp": random.choice(MARKINGS),
        "raw": {"data": None},
        "datasetId": dataset_id,
        "attacker": maybe(ATTACKERS),
        "attackerCountry": maybe(COUNTRIES),
        "targetCountry": maybe(COUNTRIES),
        "targetIndustry": maybe(INDUSTRIES),
        "indicator": maybe(INDICATORS),
        "tags": random.sample(WORDS, random.choice([0, 1, 1, 3])),
        "indicators": several,
    }
    if fields["indicator"]:
        fields["indicatorType"] = random.choice(TYPES)
    return NewEvent.model_validate({name: value for name, value in fields.items() if value})


def random_condition(random: Random, field: SearchField, op: SearchOp, known: list[SearchValue]) -> Condition:
    some = random.sample(known, min(len(known), random.choice([1, 2, 3])))
    if field == "tlp" and op in ("equals", "not", "in"):
        some = [random.choice(VALUES["tlp"]) for _ in some]
    if field in ("date", "createdAt") and op in NUMBER_OPS:
        some = [value for value in some if value != "2026"] or ["2026-11-24"]
    return Condition(field=field, op=op, value=some if op == "in" else some[0])


async def fill(tenant: Tenant, random: Random, count: int) -> dict[str, KnownEvent]:
    """Create events, and return what was known of each before."""
    new_events: dict[str, KnownEvent] = {}
    async with tenant.api() as api:
        for _ in range(count):
            new = random_event(random, tenant.dataset_id())
            created = await api.create_event(new)
            new_events[created.uuid] = know_new(new, tenant.dataset_id(), "new")
        ids = [*new_events]
        for parent, child in zip(ids[::3], ids[1::3], strict=False):
            await api.create_relationships(tenant.dataset_id(), parent, [child], "related_to")
    return new_events


async def find(tenant: Tenant, search: EventSearch) -> set[str]:
    async with tenant.api() as api:
        page = await api.list_events(search.model_copy(update={"dataset_id": [tenant.dataset_id()], "page_size": 500}))
    return {event.uuid for event in page.result}


async def read_all(tenant: Tenant) -> list[Event]:
    async with tenant.api() as api:
        return (await api.list_events(EventSearch(dataset_id=[tenant.dataset_id(MINE)], page_size=500))).result


@pytest.mark.parametrize("field", VALUES)
async def test_a_verdict_on_one_condition_agrees_with_the_sandbox(tenant: Tenant, field: SearchField) -> None:
    random = Random(f"conditions on {field}")  # noqa: S311 - a test that can be repeated
    new_events = await fill(tenant, random, 60)
    stored = await read_all(tenant)
    known = [*VALUES[field], *([stored[0].uuid, stored[1].uuid.upper()] if field == "uuid" else [])]
    wrong: list[tuple[Condition, str, object]] = []
    sure: Counter[bool] = Counter()
    for op in NUMBER_OPS if field in ("killChain", "hasChildren") else TEXT_OPS:
        for _ in range(6):
            condition = random_condition(random, field, op, known)
            found = await find(tenant, EventSearch(search=[condition]))
            for event in stored:
                verdicts = [match_condition(know_stored(event), condition)]
                if field not in ("hasChildren", "uuid"):  # links and uuids come after the events
                    verdicts.append(match_condition(new_events[event.uuid], condition))
                for verdict in verdicts:
                    sure[verdict is not None] += 1
                    if verdict is not None and verdict != (event.uuid in found):
                        wrong.append((condition, event.uuid, verdict))
    assert wrong == []
    assert field == "createdAt" or sure[True] > sure.total() / 4


async def test_a_verdict_on_a_search_agrees_with_the_sandbox(tenant: Tenant) -> None:
    random = Random("searches")  # noqa: S311 - a test that can be repeated
    new_events = await fill(tenant, random, 60)
    stored = await read_all(tenant)
    fields: list[SearchField] = [field for field in VALUES if field not in ("createdAt", "hasChildren")]

    def group(size: int, without: str = "") -> list[Condition]:
        chosen: list[SearchField] = random.sample([field for field in fields if field != without], size)
        ops: list[SearchOp] = [random.choice(NUMBER_OPS if field == "killChain" else TEXT_OPS) for field in chosen]
        return [random_condition(random, field, op, VALUES[field]) for field, op in zip(chosen, ops, strict=True)]

    verdicts: Counter[bool | None] = Counter()
    for _ in range(150):
        branches = [group(random.choice([1, 2]), "indicator") for _ in range(random.choice([0, 2, 3]))]
        search = EventSearch(search=group(random.choice([0, 1, 2])), search_branches=branches)
        found = await find(tenant, search)
        for event in stored:
            for known in (know_stored(event), new_events[event.uuid]):
                verdict = match_search(known, search)
                verdicts[verdict] += 1
                assert verdict is None or verdict == (event.uuid in found), (search, event)
    assert min(verdicts[True], verdicts[False], verdicts[None]) > 500


def stored(**fields: object) -> KnownEvent:
    return know_stored(Event.model_validate({"uuid": "u", "killChain": 3, **fields}))


def one(field: SearchField, op: SearchOp, value: SearchValue | list[SearchValue]) -> Condition:
    return Condition(field=field, op=op, value=value)


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"tags": ["BLOCK"]}, one("tags", "equals", "block")),
        ({"tags": ["block", "other"]}, one("tags", "not", "block")),
        ({"tags": []}, one("tags", "not", "block")),
        ({"attacker": ""}, one("attacker", "not", "A")),
        ({"indicator": "192.0.2.1"}, one("indicator", "equals", "192.0.2.2")),
        ({"indicator": ""}, one("indicatorType", "equals", "ip")),
        ({"date": "2026-11-20T10:00:00Z"}, one("date", "lte", "2026-11-20")),
        ({"date": "2026-11-20T00:00:00Z"}, one("date", "gte", "2026-11-20T00:00:00.000Z")),
        ({"date": "2026-11-20T00:00:00Z"}, one("date", "equals", "20 November")),
        ({"attackerCountry": "DE"}, one("attackerCountry", "equals", "Germany")),
        ({"attackerCountry": "GB"}, one("attackerCountry", "in", ["uk"])),
        ({"tlp": "clear"}, one("tlp", "equals", "white")),
        ({"event": "phishing wave"}, one("event", "find", "phish")),
        ({"event": "phishing wave"}, one("event", "like", "wave")),
        ({"killChain": None}, one("killChain", "equals", 3)),
        ({"killChain": 3}, one("killChain", "equals", "three")),
        ({}, one("createdAt", "gte", "2026-11-01")),
        ({}, one("hasChildren", "equals", True)),
        ({"event": "a" * 20_000}, one("event", "like", "%b%")),
    ],
)
def test_what_readings_of_the_api_differ_on_cannot_be_told(fields: dict[str, object], condition: Condition) -> None:
    assert match_condition(stored(**fields), condition) is None


@pytest.mark.parametrize(
    ("fields", "condition", "verdict"),
    [
        ({"tags": ["other"]}, one("tags", "not", "block"), True),
        ({"tags": ["block"]}, one("tags", "not", "block"), False),
        ({"tags": ["a", "block"]}, one("tags", "in", ["block", "x"]), True),
        ({"hasChildren": True}, one("hasChildren", "equals", "true"), True),
        ({"killChain": 6}, one("killChain", "gte", "6"), True),
        ({"attackerCountry": "DE"}, one("attackerCountry", "equals", "RU"), False),
        ({"date": "2026-11-20T10:00:00Z"}, one("date", "gt", "2026-11-19"), True),
        ({"tlp": "red"}, one("tlp", "in", ["clear", "green"]), False),
        ({"event": "a%b"}, one("event", "like", "a%b"), True),
        ({"event": "ab" * 2_000}, one("event", "like", "%a" * 200 + "%c"), False),
    ],
)
def test_what_all_readings_agree_on_is_told(fields: dict[str, object], condition: Condition, verdict: bool) -> None:
    assert match_condition(stored(**fields), condition) is verdict


def test_an_event_that_does_not_exist_yet_is_not_found_by_its_uuid() -> None:
    new = NewEvent.model_validate({"category": "c", "date": "d", "event": "e", "tlp": "red", "raw": {"data": None}})
    known = know_new(new, "d", "row 1")
    assert match_condition(known, one("uuid", "equals", "row 1")) is False
    assert match_condition(known, one("uuid", "in", ["row 1"])) is False
    assert match_condition(known, one("uuid", "not", "row 1")) is True

"""The official client searches, reads and writes events."""

import json
from datetime import UTC, datetime

import pytest
from cloudflare import BadRequestError, NotFoundError
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource
from cloudflare.types.cloudforce_one.threat_event_list_params import Search
from inline_snapshot import snapshot

from tests.foreign_clients.cloudflare_client import as_json, create_event
from tests.ports import ACCOUNT

BY_ACTOR: Search = {"field": "attacker", "op": "equals", "value": "example actor"}
BY_MARKING: Search = {"field": "tlp", "op": "equals", "value": "red"}


def search(threats: ThreatEventsResource, dataset: str, *conditions: Search) -> list[str]:
    """Return the descriptions of the events that match, newest first."""
    return [event.event for event in threats.list(account_id=ACCOUNT, dataset_id=[dataset], search=conditions)]


def test_an_event_is_read_back_as_it_was_created(threats: ThreatEventsResource, dataset: str) -> None:
    created = threats.create(
        path_account_id=ACCOUNT,
        dataset_id=dataset,
        attacker="EXAMPLE ACTOR",
        attacker_country="CN",
        category="Phishing",
        date="2026-11-20T08:00:00Z",
        event="A lure",
        indicators=[
            {"value": "a.example", "indicator_type": "domain"},
            {"value": "192.0.2.7", "indicator_type": "ip"},
        ],
        insight="Seen before",
        raw={"data": {"seen": 1}, "source": "sensor.example.net", "tlp": "red"},
        tags=["malware", "lure"],
        target_country="US",
        target_industry="Mining",
        tlp="amber",
    )
    read = threats.datasets.events.get(created.uuid, account_id=ACCOUNT, dataset_id=dataset)
    assert read.to_dict() == created.to_dict()
    assert {name: value for name, value in read.to_dict().items() if name not in ("uuid", "datasetId", "rawId")} == (
        snapshot(
            {
                "attacker": "EXAMPLE ACTOR",
                "attackerCountry": "CN",
                "attackerCountryAlpha3": "CHN",
                "category": "Phishing",
                "date": "2026-11-20T08:00:00Z",
                "event": "A lure",
                "hasChildren": False,
                "indicator": "a.example",
                "indicatorType": "domain",
                "indicatorTypeId": 5,
                "killChain": 3,
                "mitreAttack": ["T1566"],
                "mitreCapec": ["98", "163"],
                "numReferenced": 0,
                "numReferences": 0,
                "referenced": [],
                "referencedIds": [],
                "references": [],
                "referencesIds": [],
                "tags": ["malware", "lure"],
                "targetCountry": "US",
                "targetCountryAlpha3": "USA",
                "targetIndustry": "Mining",
                "tlp": "amber",
                "insight": "Seen before",
                "releasabilityId": "",
            }
        )
    )


@pytest.mark.filterwarnings("ignore:Use datasets.events.get:DeprecationWarning")
def test_an_event_is_found_without_its_dataset(threats: ThreatEventsResource, dataset: str) -> None:
    created = create_event(threats, dataset)
    assert threats.get(created.uuid, account_id=ACCOUNT).to_dict() == created.to_dict()  # pyright: ignore[reportDeprecated]


def test_reading_a_missing_event_raises_not_found(threats: ThreatEventsResource, dataset: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        threats.datasets.events.get("nowhere", account_id=ACCOUNT, dataset_id=dataset)
    assert [(error.code, error.message) for error in raised.value.errors] == snapshot(
        [(None, "Event not found: 'nowhere' does not exist; list events to find valid ids")]
    )


def test_an_invalid_account_id_raises_not_found(threats: ThreatEventsResource) -> None:
    with pytest.raises(NotFoundError) as raised:
        threats.list(account_id="mine")
    assert [(error.code, error.message) for error in raised.value.errors] == snapshot(
        [
            (
                7003,
                "Could not route to /client/v4/accounts/mine/cloudforce-one/events, perhaps your object identifier is invalid?",
            )
        ]
    )


def test_an_edit_changes_only_the_given_fields(threats: ThreatEventsResource, dataset: str) -> None:
    created = create_event(threats, dataset)
    edited = threats.edit(
        created.uuid, account_id=ACCOUNT, dataset_id=dataset, attacker=None, event="Another", tlp="red"
    )
    assert edited.to_dict() == created.to_dict() | {"attacker": "", "event": "Another", "tlp": "red"}
    read = threats.datasets.events.get(created.uuid, account_id=ACCOUNT, dataset_id=dataset)
    assert read.to_dict() == edited.to_dict()


def test_a_bulk_creates_the_valid_rows_and_reports_the_others(threats: ThreatEventsResource, dataset: str) -> None:
    answer = threats.bulk_create(
        account_id=ACCOUNT,
        dataset_id=dataset,
        include_created_events=True,
        data=[
            {
                "category": category,
                "date": "2026-11-21T08:00:00Z",
                "event": category,
                "indicators": [{"value": "b.example", "indicator_type": "domain"}],
                "raw": {"data": None},
                "tags": [f"a tag of {dataset}"],
                "tlp": "green",
            }
            for category in ("Ransomware", "No such category", "Phishing")
        ],
    )
    counts = (answer.created_events_count, answer.created_tags_count, answer.queued_indicators_count)
    assert (counts, answer.error_count) == ((2, 1, 2), 1)
    assert [(error.event_index, error.error) for error in answer.errors or []] == snapshot(
        [
            (
                1.0,
                "category 'No such category' does not exist; nearest are Supply Chain Compromise, Brand Impersonation, Insider Threat, or create it with categories/create",
            )
        ]
    )
    created = {event.event_index: event.uuid for event in answer.created_events or []}
    names = {event.uuid: event.event for event in threats.list(account_id=ACCOUNT, dataset_id=[dataset])}
    assert {index: names[uuid] for index, uuid in created.items()} == {0: "Ransomware", 2: "Phishing"}


def test_pages_have_the_requested_order(threats: ThreatEventsResource, dataset: str) -> None:
    for day in (3, 1, 2):
        create_event(threats, dataset, f"Day {day}", date=f"2026-11-0{day}T08:00:00Z")
    pages = [
        [
            event.event
            for event in threats.list(
                account_id=ACCOUNT, dataset_id=[dataset], order="asc", order_by="date", page=page, page_size=2
            )
        ]
        for page in (1, 2, 3)
    ]
    assert pages == [["Day 1", "Day 2"], ["Day 3"], []]


def test_one_condition_is_accepted_as_the_client_spells_it(threats: ThreatEventsResource, dataset: str) -> None:
    create_event(threats, dataset, "Theirs", attacker="ANOTHER ACTOR")
    create_event(threats, dataset, "Ours")
    assert search(threats, dataset, BY_ACTOR) == ["Ours"]


def test_a_list_of_values_is_accepted_as_the_client_spells_it(threats: ThreatEventsResource, dataset: str) -> None:
    for day, indicator in enumerate(("a.example", "b.example", "c.example"), start=1):
        create_event(threats, dataset, indicator, indicator=indicator, date=f"2026-11-0{day}T08:00:00Z")
    any_of: Search = {"field": "indicator", "op": "in", "value": ["A.example", "c.example", "d.example"]}
    assert search(threats, dataset, any_of) == ["c.example", "a.example"]


def test_an_event_is_found_by_any_of_its_indicators(threats: ThreatEventsResource, dataset: str) -> None:
    threats.create(
        path_account_id=ACCOUNT,
        dataset_id=dataset,
        category="Phishing",
        date=datetime(2026, 11, 20, 8, tzinfo=UTC),
        event="Two names",
        indicators=[{"value": name, "indicator_type": "domain"} for name in ("a.example", "b.example")],
        raw={"data": None},
        tlp="amber",
    )
    for name in ("a.example", "b.example"):
        assert search(threats, dataset, {"field": "indicator", "op": "equals", "value": name}) == ["Two names"]


def test_two_conditions_are_rejected_because_the_client_mixes_them(threats: ThreatEventsResource, dataset: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        search(threats, dataset, BY_ACTOR, BY_MARKING)
    assert [error.message for error in raised.value.errors] == snapshot(
        ["search.field, search.op and search.value hold one condition only; send several as one JSON text in search"]
    )


def test_two_conditions_sent_as_json_must_both_match(threats: ThreatEventsResource, dataset: str) -> None:
    create_event(threats, dataset, "Amber")
    create_event(threats, dataset, "Red", tlp="red")
    both = {"search": json.dumps([BY_ACTOR, BY_MARKING])}
    events = threats.list(account_id=ACCOUNT, dataset_id=[dataset], extra_query=both)
    assert [event.event for event in events] == ["Red"]


def test_several_datasets_are_searched_together(threats: ThreatEventsResource, dataset: str) -> None:
    other = threats.datasets.create(account_id=ACCOUNT, name=f"beside {dataset}", is_public=False).uuid
    for place in (dataset, other):
        create_event(threats, place)
    events = threats.list(account_id=ACCOUNT, dataset_id=[dataset, other])
    assert sorted(event.dataset_id for event in events) == sorted((dataset, other))


@pytest.mark.parametrize(("form", "collection"), [("stix2", "bundle"), ("taxii", None)])
def test_events_are_returned_as_stix_objects(
    threats: ThreatEventsResource, dataset: str, form: str, collection: str | None
) -> None:
    create_event(threats, dataset)
    answer = as_json(threats.list(account_id=ACCOUNT, dataset_id=[dataset], extra_query={"format": form}))
    assert answer.get("type") == collection
    patterns = [one["pattern"] for one in answer["objects"] if one["type"] == "indicator"]
    assert patterns == ["[domain-name:value = 'a.example']"]


def test_a_page_that_is_too_large_is_rejected_with_the_limit(threats: ThreatEventsResource) -> None:
    with pytest.raises(BadRequestError) as raised:
        threats.list(account_id=ACCOUNT, page_size=25_001)
    assert [error.message for error in raised.value.errors] == snapshot(
        ["pageSize 25001 is too large; a page has at most 25,000 events"]
    )

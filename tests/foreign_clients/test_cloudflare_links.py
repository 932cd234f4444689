"""The official client tags events, relates them, and reads their raw evidence."""

import pytest
from cloudflare import BadRequestError, Cloudflare
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource

from tests.foreign_clients.cloudflare_client import EVENTS, IGNORE_SUNSET_WARNINGS, create_event
from tests.ports import ACCOUNT


def test_a_tag_is_added_to_an_event(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    answer = threats.event_tags.create(event.uuid, account_id=ACCOUNT, tags=["botnet"])
    assert answer is not None and answer.success is True
    read = threats.datasets.events.get(event.uuid, account_id=ACCOUNT, dataset_id=dataset)
    assert read.tags == ["malware", "botnet"]


def test_a_tag_is_removed_with_an_extra_body(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    answer = threats.event_tags.delete(event.uuid, account_id=ACCOUNT, extra_body={"tags": ["malware"]})
    assert answer is not None and answer.success is True
    assert threats.datasets.events.get(event.uuid, account_id=ACCOUNT, dataset_id=dataset).tags == []


def test_removing_a_tag_without_a_body_is_rejected(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    with pytest.raises(BadRequestError, match="tags must be a list of at least one string"):
        threats.event_tags.delete(event.uuid, account_id=ACCOUNT)
    assert threats.datasets.events.get(event.uuid, account_id=ACCOUNT, dataset_id=dataset).tags == ["malware"]


def test_a_reference_is_removed_with_an_extra_body(
    cloudflare: Cloudflare, threats: ThreatEventsResource, dataset: str
) -> None:
    event, other = (create_event(threats, dataset).uuid for _ in range(2))
    cloudflare.post(f"{EVENTS}/relate/{event}/create", body={"events": [other]}, cast_to=object)
    referring = threats.datasets.events.get(event, account_id=ACCOUNT, dataset_id=dataset)
    assert (referring.references, referring.num_references) == ([other], 1)
    answer = threats.relate.delete(event, account_id=ACCOUNT, extra_body={"events": [other]})
    assert answer is not None and answer.success is True
    assert threats.datasets.events.get(event, account_id=ACCOUNT, dataset_id=dataset).references == []


@pytest.mark.filterwarnings("ignore:This endpoint is deprecated:DeprecationWarning")
def test_a_bulk_with_relationships_makes_the_first_row_the_parent(threats: ThreatEventsResource, dataset: str) -> None:
    answer = threats.bulk_create_relationships(  # pyright: ignore[reportDeprecated]
        account_id=ACCOUNT,
        dataset_id=dataset,
        data=[
            {
                "category": "Phishing",
                "date": "2026-11-22T08:00:00Z",
                "event": name,
                "indicator": f"{name}.example",
                "indicator_type": "domain",
                "raw": {"data": {"row": name}},
                "tlp": "green",
            }
            for name in ("parent", "child")
        ],
    )
    counts = (answer.created_events_count, answer.created_indicators_count, answer.created_relationships_count)
    assert (counts, answer.error_count) == ((2, 2, 1), 0)
    events = threats.list(account_id=ACCOUNT, dataset_id=[dataset])
    assert {event.event: event.has_children for event in events} == {"parent": True, "child": False}


@pytest.mark.filterwarnings(IGNORE_SUNSET_WARNINGS)
def test_relationships_are_walked_in_the_requested_direction_and_depth(
    cloudflare: Cloudflare, threats: ThreatEventsResource, dataset: str
) -> None:
    oldest, parent, child = (create_event(threats, dataset, name).uuid for name in ("oldest", "parent", "child"))
    for above, below in ((oldest, parent), (parent, child)):
        link = {"datasetId": dataset, "parentId": above, "childIds": [below], "relationshipType": "caused_by"}
        cloudflare.post(f"{EVENTS}/relationships/create", body=link, cast_to=object)

    everything = threats.relationships.list(parent, account_id=ACCOUNT, dataset_id=dataset)  # pyright: ignore[reportDeprecated]
    assert sorted(event.event for event in everything) == ["child", "oldest", "parent"]
    below = threats.relationships.list(  # pyright: ignore[reportDeprecated]
        oldest,
        account_id=ACCOUNT,
        dataset_id=dataset,
        direction="descendants",
        include_parent=False,
        indicator_type_ids=[str(int(everything[0].indicator_type_id))],
        max_depth=1,
        page=1,
        page_size=10,
        relationship_types=["caused_by", "attributed_to"],
    )
    assert [event.event for event in below] == ["parent"]


def test_the_graph_has_the_types_of_relationships(
    cloudflare: Cloudflare, threats: ThreatEventsResource, dataset: str
) -> None:
    parent, child = (create_event(threats, dataset, name).uuid for name in ("parent", "child"))
    link = {"datasetId": dataset, "parentId": parent, "childIds": [child], "relationshipType": "caused_by"}
    cloudflare.post(f"{EVENTS}/relationships/create", body=link, cast_to=object)
    answer = threats.graph.list(account_id=ACCOUNT, seeds=[f"event:{child}"], relationship_types=["caused_by"])
    assert f"event:{parent}" in str(answer) and "caused_by" in str(answer)


def test_raw_evidence_is_read_and_edited(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    raw = threats.raw.get(event.raw_id, account_id=ACCOUNT, event_id=event.uuid)
    assert (raw.data, raw.source, raw.tlp) == ({"seen": 1}, "sensor.example.net", "red")
    edited = threats.raw.edit(
        event.raw_id, account_id=ACCOUNT, event_id=event.uuid, data={"seen": 2}, source="other.example.net"
    )
    assert (edited.id, edited.data) == (event.raw_id, {"seen": 2})
    raw = threats.raw.get(event.raw_id, account_id=ACCOUNT, event_id=event.uuid)
    assert (raw.data, raw.source, raw.tlp) == ({"seen": 2}, "other.example.net", "red")


@pytest.mark.filterwarnings(IGNORE_SUNSET_WARNINGS)
def test_raw_by_dataset_has_a_numeric_id_and_text_data(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    raw = threats.datasets.raw(event.uuid, account_id=ACCOUNT, dataset_id=dataset)  # pyright: ignore[reportDeprecated]
    assert (f"raw{raw.id:.0f}", raw.data, raw.source, raw.tlp) == (
        event.raw_id,
        '{"seen":1}',
        "sensor.example.net",
        "red",
    )


@pytest.mark.filterwarnings(IGNORE_SUNSET_WARNINGS)
def test_a_route_that_ends_has_a_sunset_header(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    answer = threats.datasets.with_raw_response.raw(event.uuid, account_id=ACCOUNT, dataset_id=dataset)  # pyright: ignore[reportDeprecated]
    assert answer.headers["sunset"] == "Sat, 28 Nov 2026 00:00:00 GMT"

"""The official client lists datasets, vocabulary and indicators."""

import pytest
from cloudflare import BadRequestError
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource
from inline_snapshot import snapshot

from tests.foreign_clients.cloudflare_client import IGNORE_SUNSET_WARNINGS, as_json, create_event
from tests.ports import ACCOUNT


def test_a_dataset_is_listed_and_read_as_it_was_created(threats: ThreatEventsResource) -> None:
    created = threats.datasets.create(account_id=ACCOUNT, name="Of a stranger", is_public=True)
    assert (created.name, created.is_public, created.is_analytics) == ("Of a stranger", True, False)
    assert threats.datasets.get(created.uuid, account_id=ACCOUNT).to_dict() == created.to_dict()
    [listed] = [
        one for one in threats.datasets.list(account_id=ACCOUNT, include_deleted=True) if one.uuid == created.uuid
    ]
    assert listed.to_dict() == created.to_dict() | {"indicatorWriteMode": "full"}


def test_a_dataset_is_renamed_and_deleted(threats: ThreatEventsResource) -> None:
    created = threats.datasets.create(account_id=ACCOUNT, name="Old name", is_public=False)
    edited = threats.datasets.edit(created.uuid, account_id=ACCOUNT, name="New name", is_public=False)
    assert (edited.uuid, edited.name) == (created.uuid, "New name")
    threats.datasets.delete(created.uuid, account_id=ACCOUNT)
    assert created.uuid not in {one.uuid for one in threats.datasets.list(account_id=ACCOUNT)}


def test_attackers_of_the_dataset_are_listed(threats: ThreatEventsResource, dataset: str) -> None:
    for attacker in ("EXAMPLE ACTOR", "ANOTHER ACTOR"):
        create_event(threats, dataset, attacker=attacker)
    listed = as_json(threats.attackers.list(account_id=ACCOUNT, dataset_ids=[dataset]))
    assert listed == ["ANOTHER ACTOR", "EXAMPLE ACTOR"]


def test_categories_of_the_dataset_are_listed(threats: ThreatEventsResource, dataset: str) -> None:
    create_event(threats, dataset)
    [category] = threats.categories.list(account_id=ACCOUNT, dataset_ids=[dataset])
    assert (category.name, category.kill_chain, category.mitre_attack) == ("Phishing", 3, ["T1566"])


@pytest.mark.filterwarnings(IGNORE_SUNSET_WARNINGS)
def test_a_new_category_is_in_the_catalog_before_an_event_uses_it(threats: ThreatEventsResource, dataset: str) -> None:
    created = threats.categories.create(
        account_id=ACCOUNT,
        kill_chain=4,
        mitre_attack=["T1059"],
        mitre_capec=["88"],
        name="Of a stranger",
        shortname="st",
    )
    assert created.to_dict() | {"uuid": "-"} == snapshot(
        {
            "killChain": 4,
            "name": "Of a stranger",
            "uuid": "-",
            "mitreAttack": ["T1059"],
            "mitreCapec": ["88"],
            "shortname": "st",
        }
    )
    assert threats.categories.get(created.uuid, account_id=ACCOUNT).to_dict() == created.to_dict()  # pyright: ignore[reportDeprecated]
    assert created.to_dict() in [category.to_dict() for category in threats.categories.catalog.list(account_id=ACCOUNT)]
    assert threats.categories.list(account_id=ACCOUNT, dataset_ids=[dataset]) == []


def test_category_names_are_unique(threats: ThreatEventsResource) -> None:
    with pytest.raises(BadRequestError, match="name 'Phishing' is taken by another category"):
        threats.categories.create(account_id=ACCOUNT, kill_chain=3, name="Phishing")


def test_countries_are_listed_with_both_codes(threats: ThreatEventsResource) -> None:
    listed = [country.to_dict() for country in threats.countries.list(account_id=ACCOUNT)]
    assert {"name": "Iceland", "alpha2": "IS", "alpha3": "ISL"} in listed


def test_industries_of_the_dataset_and_of_the_catalog_are_listed(threats: ThreatEventsResource, dataset: str) -> None:
    create_event(threats, dataset)
    assert as_json(threats.target_industries.list(account_id=ACCOUNT, dataset_ids=[dataset])) == ["Mining"]
    catalog = as_json(threats.target_industries.catalog.list(account_id=ACCOUNT))
    assert {"Agriculture", "Mining", "Telecommunications"} < set(catalog)


def test_indicator_types_of_the_dataset_are_listed(threats: ThreatEventsResource, dataset: str) -> None:
    create_event(threats, dataset)
    assert as_json(threats.indicators.types.list(account_id=ACCOUNT, dataset_ids=[dataset])) == ["domain"]


def test_an_indicator_lists_its_events(threats: ThreatEventsResource, dataset: str) -> None:
    seen = [create_event(threats, dataset).uuid for _ in range(2)]
    create_event(threats, dataset, indicator="b.example")
    answer = threats.indicators.list(
        account_id=ACCOUNT, dataset_ids=[dataset], indicator_type="domain", name="A.ex", page=1, page_size=10
    )
    [indicator] = as_json(answer)["indicators"]
    assert (indicator["value"], indicator["indicatorType"], indicator["datasetId"]) == ("a.example", "domain", dataset)
    assert sorted(event["eventId"] for event in indicator["relatedEvents"]) == sorted(seen)


def test_indicators_are_listed_newest_first(threats: ThreatEventsResource, dataset: str) -> None:
    for day, name in ((2, "a.example"), (3, "b.example"), (1, "c.example")):
        created = create_event(threats, dataset, indicator=name)
        threats.edit(created.uuid, account_id=ACCOUNT, dataset_id=dataset, created_at=f"2026-11-0{day}T08:00:00Z")
    answer = as_json(threats.indicators.list(account_id=ACCOUNT, dataset_ids=[dataset]))
    assert [indicator["value"] for indicator in answer["indicators"]] == ["b.example", "a.example", "c.example"]


def test_tags_are_found_by_a_part_of_their_value(threats: ThreatEventsResource, dataset: str) -> None:
    event = create_event(threats, dataset)
    threats.event_tags.create(event.uuid, account_id=ACCOUNT, tags=["stranger one", "stranger two"])
    answer = threats.tags.list(account_id=ACCOUNT, search="STRANGER", page=2, page_size=1)
    assert [tag.value for tag in answer.tags] == ["stranger two"]
    assert answer.pagination.to_dict() == snapshot({"page": 2.0, "pageSize": 1, "totalCount": 2, "totalPages": 2})

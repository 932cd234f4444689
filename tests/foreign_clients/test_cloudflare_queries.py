"""The official client counts events and manages saved queries."""

import json

import pytest
from cloudflare import BadRequestError, NotFoundError
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource
from inline_snapshot import snapshot

from tests.foreign_clients.cloudflare_client import create_event
from tests.ports import ACCOUNT

COUNTS = """
query Counts($datasets: [String!]) {
  threatEvents(groupBy: [attacker], datasetIds: $datasets) { total groups { count attacker } }
}
"""


def test_events_are_counted_by_column_and_day(threats: ThreatEventsResource, dataset: str) -> None:
    for day in ("10", "10", "11", "30"):
        create_event(threats, dataset, date=f"2026-10-{day}T08:00:00Z")
    counted = threats.aggregate.list(
        account_id=ACCOUNT,
        aggregate_by="attacker,targetIndustry",
        dataset_id=[dataset],
        end_date="2026-10-20",
        group_by_date=True,
        limit=10,
        start_date="2026-10-01",
    )
    assert counted.to_dict() == snapshot(
        {
            "aggregateBy": "attacker,targetIndustry",
            "aggregations": [
                {"count": 2.0, "date": "2026-10-10", "attacker": "EXAMPLE ACTOR", "targetIndustry": "Mining"},
                {"count": 1.0, "date": "2026-10-11", "attacker": "EXAMPLE ACTOR", "targetIndustry": "Mining"},
            ],
            "total": 3.0,
            "dateRange": {"startDate": "2026-10-01", "endDate": "2026-10-20"},
        }
    )


def test_graphql_counts_with_an_extra_body(threats: ThreatEventsResource, dataset: str) -> None:
    for attacker in ("EXAMPLE ACTOR", "EXAMPLE ACTOR", "ANOTHER ACTOR"):
        create_event(threats, dataset, attacker=attacker)
    answer = threats.graphql.create(
        account_id=ACCOUNT, extra_body={"query": COUNTS, "variables": {"datasets": [dataset]}}
    )
    assert answer.to_dict() == snapshot(
        {
            "data": {
                "threatEvents": {
                    "total": 3,
                    "groups": [{"count": 2, "attacker": "EXAMPLE ACTOR"}, {"count": 1, "attacker": "ANOTHER ACTOR"}],
                }
            }
        }
    )


def test_graphql_without_a_body_returns_errors(threats: ThreatEventsResource) -> None:
    assert threats.graphql.create(account_id=ACCOUNT).to_dict() == snapshot(
        {
            "data": None,
            "errors": [
                {"message": "query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'"}
            ],
        }
    )


def test_a_query_is_listed_and_read_as_it_was_created(threats: ThreatEventsResource) -> None:
    created = threats.queries.create(
        account_id=ACCOUNT,
        alert_enabled=False,
        alert_rollup_enabled=True,
        name="Of a stranger",
        query_json=json.dumps({"datasetId": ["all"]}),
        rule_enabled=False,
        rule_scope="account",
    )
    assert created.to_dict() | {"id": 0, "created_at": "-", "updated_at": "-"} == snapshot(
        {
            "id": 0,
            "account_id": 1001,
            "alert_enabled": False,
            "alert_rollup_enabled": True,
            "created_at": "-",
            "name": "Of a stranger",
            "query_json": '{"datasetId": ["all"]}',
            "rule_enabled": False,
            "updated_at": "-",
            "user_email": "analyst@example.com",
            "custom_threat_feed_id": None,
            "rule_list_id": "",
            "rule_scope": "account",
        }
    )
    assert threats.queries.get(created.id, account_id=ACCOUNT).to_dict() == created.to_dict()
    assert created.to_dict() in [query.to_dict() for query in threats.queries.list(account_id=ACCOUNT)]


def test_an_edited_query_keeps_the_other_fields(threats: ThreatEventsResource) -> None:
    created = create_query(threats, "To be edited")
    threats.queries.edit(created, account_id=ACCOUNT, name="Edited", rule_enabled=True)
    query = threats.queries.get(created, account_id=ACCOUNT)
    assert (query.name, query.rule_enabled, query.alert_enabled, query.query_json) == ("Edited", True, True, "{}")


def test_a_deleted_query_is_not_found(threats: ThreatEventsResource) -> None:
    created = create_query(threats, "To be deleted")
    threats.queries.delete(created, account_id=ACCOUNT)
    with pytest.raises(NotFoundError, match="Event query not found"):
        threats.queries.get(created, account_id=ACCOUNT)


def test_query_names_are_unique(threats: ThreatEventsResource) -> None:
    create_query(threats, "Only one")
    with pytest.raises(BadRequestError, match="name 'Only one' is taken by another query"):
        create_query(threats, "Only one")


def create_query(threats: ThreatEventsResource, name: str) -> int:
    """Create a query for every event of the default dataset, and return its id."""
    return threats.queries.create(
        account_id=ACCOUNT,
        alert_enabled=True,
        alert_rollup_enabled=False,
        name=name,
        query_json="{}",
        rule_enabled=False,
    ).id

"""The saved queries and alerts of the sample tenant."""

import json

from inline_snapshot import snapshot

from cf1_mcp.models import Condition, SavedQueryFields
from cf1_mcp.sandbox.sample import SAMPLE_DATASETS, sample_alerts, sample_queries
from tests.sandbox.sample.sample_rows import Body, Row


def test_saved_queries_find_events_in_their_datasets(rows: list[Row]) -> None:
    names = {name for name, _, _ in SAMPLE_DATASETS}
    hits: dict[str, int] = {}
    for fields in sample_queries():
        query = SavedQueryFields.model_validate(fields)
        parameters = json.loads(query.query_json or "")
        assert set(parameters) == {"datasetId", "search"}
        assert set(parameters["datasetId"]) <= names or parameters["datasetId"] == ["all"]
        conditions = [Condition.model_validate(condition) for condition in parameters["search"]]
        scope = names if parameters["datasetId"] == ["all"] else set(parameters["datasetId"])
        hits[query.name or ""] = sum(
            row.dataset in scope and all(_matches(row.body, clause) for clause in conditions) for row in rows
        )
    assert hits == snapshot(
        {
            "Banking in Germany and Austria": 173,
            "DE/AT banks (old)": 173,
            "COPPER LANTERN everywhere": 354,
            "Block list: live command and control": 152,
            "Floods on Dutch transport": 13,
            "File gateway CVE-2099-10019": 6,
            "Own cases, open": 5,
            "Mining companies in Iceland": 0,
        }
    )
    assert [query["name"] for query in sample_queries() if query["rule_enabled"]] == snapshot(
        ["Block list: live command and control"]
    )


def _matches(body: Body, clause: Condition) -> bool:
    values = clause.value if isinstance(clause.value, list) else [clause.value]
    match clause.field:
        case "indicator":
            return any(value in values for _, value in body.typed_indicators)
        case "indicatorType":
            return any(kind in values for kind, _ in body.typed_indicators)
        case field:
            return body.wire().get(field) in values


def test_alerts_belong_to_saved_queries_with_alerts_enabled() -> None:
    alerting = {query["name"] for query in sample_queries() if query["alert_enabled"]}
    assert {alert["query"] for alert in sample_alerts()} == alerting
    assert {alert["frequency"] for alert in sample_alerts()} == {"immediate", "daily"}

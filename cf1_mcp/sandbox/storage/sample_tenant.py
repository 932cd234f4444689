"""Loading the sample tenant into an empty database."""

import json

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.sandbox.sample import SAMPLE_DATASETS, sample_alerts, sample_queries, sample_records
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, LoadResult, load_records
from cf1_mcp.sandbox.storage.query_tables import create_alert, create_query

_PARAMETERS = TypeAdapter(dict[str, JsonValue])


def load_sample_tenant(database: SandboxDatabase) -> LoadResult:
    """Load datasets, events, saved queries and alerts, dated relative to the database's clock."""
    for name, is_public, is_analytics in SAMPLE_DATASETS:
        if name not in {dataset.name for dataset in database.datasets()}:
            database.add_dataset(name, is_public=is_public, is_analytics=is_analytics)
    loaded = load_records(database, map(EventRecord.model_validate, sample_records(database.clock())))
    uuids = {dataset.name: dataset.uuid for dataset in database.datasets()}
    query_ids: dict[str, int] = {}
    with database.transaction() as db:
        for query in sample_queries():
            parameters = _PARAMETERS.validate_json(str(query["query_json"]))
            datasets = parameters["datasetId"]
            parameters["datasetId"] = (
                [uuids.get(str(name), name) for name in datasets] if isinstance(datasets, list) else datasets
            )
            body = {**query, "query_json": json.dumps(parameters)}
            query_ids[str(query["name"])] = int(str(create_query(db, body, database.now())["id"]))
        for alert in sample_alerts():
            fields = {name: value for name, value in alert.items() if name != "query"}
            create_alert(db, {**fields, "query_id": query_ids[str(alert["query"])]}, database.now())
    return loaded

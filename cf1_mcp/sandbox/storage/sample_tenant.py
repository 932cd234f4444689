"""Filling an empty store with the sample tenant."""

import json

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.sandbox.sample import SAMPLE_DATASETS, sample_alerts, sample_queries, sample_records
from cf1_mcp.sandbox.storage import query_tables as saved
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, LoadResult, load_records

_PARAMETERS = TypeAdapter(dict[str, JsonValue])


def load_sample_tenant(store: SandboxDatabase) -> LoadResult:
    """The sample tenant, dated back from the store's clock: datasets, events, saved queries and alerts."""
    for name, is_public, is_analytics in SAMPLE_DATASETS:
        if name not in {dataset.name for dataset in store.datasets()}:
            store.add_dataset(name, is_public=is_public, is_analytics=is_analytics)
    loaded = load_records(store, map(EventRecord.model_validate, sample_records(store.clock())))
    uuids = {dataset.name: dataset.uuid for dataset in store.datasets()}
    numbers: dict[str, int] = {}
    with store.transaction() as db:
        for query in sample_queries():
            parameters = _PARAMETERS.validate_json(str(query["query_json"]))
            named = parameters["datasetId"]
            parameters["datasetId"] = (
                [uuids.get(str(name), name) for name in named] if isinstance(named, list) else named
            )
            body = {**query, "query_json": json.dumps(parameters)}
            numbers[str(query["name"])] = int(str(saved.create_query(db, body, store.now())["id"]))
        for alert in sample_alerts():
            fields = {name: value for name, value in alert.items() if name != "query"}
            saved.create_alert(db, {**fields, "query_id": numbers[str(alert["query"])]}, store.now())
    return loaded

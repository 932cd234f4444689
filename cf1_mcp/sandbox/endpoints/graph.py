"""The graph of events, indicators and tags: the edges of up to 50 nodes to their neighbours."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final
from uuid import uuid5

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_query, reject_unsupported
from cf1_mcp.sandbox.http.responses import respond_enveloped
from cf1_mcp.sandbox.invented import GRAPH_CURSOR, NAMESPACE
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.request_fields import read_integer
from cf1_mcp.sandbox.search.dataset_scope import resolve_datasets

MAX_SEEDS: Final = 50
MAX_LIMIT: Final = 1_000
DIRECTIONS: Final = ("out", "in", "both")
TYPES: Final = ("tagged_with", "appears_in", "related_to", "caused_by", "attributed_to")

# Every edge as (type, source type, source uuid, target type, target uuid); indicators get their uuid in Python.
_EDGES: Final = """
WITH scope AS (SELECT e.id, e.uuid FROM event e WHERE e.dataset IN (SELECT value FROM json_each(:datasets))),
seed AS (SELECT id FROM scope WHERE uuid IN (SELECT value FROM json_each(:seeds)))
SELECT DISTINCT r.type, 'event', p.uuid, 'event', c.uuid
FROM relationship r JOIN scope p ON p.id = r.parent JOIN scope c ON c.id = r.child
WHERE (:out AND r.parent IN seed) OR (:in AND r.child IN seed)
UNION SELECT 'tagged_with', 'event', e.uuid, 'tag', t.uuid
FROM event_tag x JOIN scope e ON e.id = x.event JOIN tag t ON t.id = x.tag WHERE :out AND x.event IN seed
UNION SELECT 'appears_in', 'indicator', i.value, 'event', e.uuid
FROM indicator i JOIN scope e ON e.id = i.event WHERE :in AND i.event IN seed
ORDER BY 1, 3, 5
"""

Edge = tuple[str, str, str, str, str]


async def read_graph(request: Request) -> Response:
    """GET /events/graph: the edges of events, of all types unless `relationshipTypes` names some; always enveloped."""
    db = get_database(request).db
    query = parse_query(request, "seeds", "relationshipTypes", "datasetIds")
    reject_unsupported(query, ("expand",))
    seeds, types, cursor = _read_seeds(query), _read_types(query), query.get("cursor")
    limit, max_nodes = _read_limit(query, "limit", 100), _read_limit(query, "max_nodes", 500)
    if cursor is not None and len(seeds) > 1:
        raise BadRequest("cursor goes with exactly one seed; send it with the seed that it came from")
    direction = str(query.get("direction") or "both")
    if direction not in DIRECTIONS:
        raise BadRequest(f"direction {direction!r} is unknown; valid are {', '.join(DIRECTIONS)}")
    datasets = resolve_datasets(db, _read_texts(query, "datasetIds"), default="all")
    edges = [edge for edge in _find_edges(db, datasets, seeds, direction) if edge[0] in types]
    first = _parse_cursor(cursor)
    shown, known = edges[first : first + limit], _find_known(db, datasets, seeds)
    nodes = _list_nodes(seeds, shown)
    while shown and len(nodes) > max(max_nodes, len(seeds)):
        shown = shown[:-1]
        nodes = _list_nodes(seeds, shown)
    has_more = first + len(shown) < len(edges)
    rendered = [_render_node(node, seeds, known) for node in nodes]
    result = {
        "edges": [_render_edge(edge) for edge in shown],
        "node": rendered[0] if len(seeds) == 1 else None,
        "nodes": rendered,
    }
    info = {
        "count": len(nodes),
        "edge_count": len(shown),
        "query_time_ms": 1,
        "total_count": len(nodes),
        "cursor": f"{GRAPH_CURSOR}{first + len(shown)}" if has_more and len(seeds) == 1 else None,
        "depth_reached": 1,
        "has_more": has_more,
        "seeds": [":".join(seed) for seed in seeds],
        "truncated": has_more,
    }
    return respond_enveloped(result, info)


def _find_edges(
    db: sqlite3.Connection, datasets: Sequence[int], seeds: Sequence[tuple[str, str]], direction: str
) -> list[Edge]:
    parameters = {
        "datasets": json.dumps(list(datasets)),
        "seeds": json.dumps([uuid for kind, uuid in seeds if kind == "event"]),
        "out": direction != "in",
        "in": direction != "out",
    }
    return [(row[0], row[1], _node_uuid(row[1], row[2]), row[3], row[4]) for row in db.execute(_EDGES, parameters)]


def _node_uuid(kind: str, value: str) -> str:
    return str(uuid5(NAMESPACE, f"indicator/{value}")) if kind == "indicator" else value


def _find_known(db: sqlite3.Connection, datasets: Sequence[int], seeds: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the dataset of each seed that is an event of these datasets."""
    found = db.execute(
        "SELECT e.uuid, d.uuid FROM event e JOIN dataset d ON d.id = e.dataset "
        "WHERE e.dataset IN (SELECT value FROM json_each(?)) AND e.uuid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(datasets)), json.dumps([uuid for _, uuid in seeds])),
    )
    return dict(found.fetchall())


def _list_nodes(seeds: Sequence[tuple[str, str]], edges: Sequence[Edge]) -> list[tuple[str, str]]:
    ends = [end for edge in edges for end in ((edge[1], edge[2]), (edge[3], edge[4]))]
    return list(dict.fromkeys([*seeds, *ends]))


def _render_node(node: tuple[str, str], seeds: Sequence[tuple[str, str]], known: dict[str, str]) -> dict[str, object]:
    kind, uuid = node
    shown: dict[str, object] = {"id": f"{kind}:{uuid}", "type": kind, "uuid": uuid}
    if node in seeds:
        shown |= {"role": "focal"} | ({} if uuid in known else {"missing": True})
    return shown | ({"datasetId": known[uuid]} if uuid in known else {})


def _render_edge(edge: Edge) -> dict[str, object]:
    kind, source_type, source, target_type, target = edge
    ends = f"{source_type}:{source}", f"{target_type}:{target}"
    return {
        "id": f"{ends[0]}→{ends[1]}:{kind}",
        "relationshipType": kind,
        "source": ends[0],
        "sourceId": source,
        "sourceType": source_type,
        "target": ends[1],
        "targetId": target,
        "targetType": target_type,
    }


def _read_seeds(query: dict[str, object]) -> list[tuple[str, str]]:
    """Return the seeds as type and uuid."""
    texts = _read_texts(query, "seeds")
    if not 0 < len(texts) <= MAX_SEEDS:
        raise BadRequest(f"seeds has {len(texts)} nodes; send 1 to {MAX_SEEDS}, such as event:UUID")
    pairs = [text.partition(":") for text in texts]
    for kind, _, uuid in pairs:
        if kind not in ("event", "indicator", "tag") or not uuid:
            raise BadRequest("seeds must be type:uuid, where the type is event, indicator or tag")
    return [(kind, uuid.strip().lower()) for kind, _, uuid in pairs]


def _read_types(query: dict[str, object]) -> Sequence[str]:
    types = _read_texts(query, "relationshipTypes")
    for kind in types:
        if kind not in TYPES:
            raise BadRequest(f"relationshipTypes {kind!r} is unknown; valid are {', '.join(TYPES)}")
    return types or TYPES


def _read_limit(query: dict[str, object], name: str, default: int) -> int:
    value = read_integer(query, name, default)
    if value > MAX_LIMIT:
        raise BadRequest(f"{name} {value} is too large; at most {MAX_LIMIT}")
    return value


def _parse_cursor(cursor: object) -> int:
    if cursor is None:
        return 0
    number = str(cursor).removeprefix(GRAPH_CURSOR)
    if not number.isdecimal():
        raise BadRequest("cursor is not one of this API; send that of the previous answer")
    return int(number)


def _read_texts(query: dict[str, object], name: str) -> list[str]:
    values = query.get(name)
    return [str(value) for value in values] if is_array(values) else []

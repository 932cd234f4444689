"""Relationships, references and tags of events."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from cf1_mcp.models import Direction, RelationshipType
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import RELATIONSHIP_MAX_DEPTH
from cf1_mcp.sandbox.storage.event_writes import find_event_id, require_event_id
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds

DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)
RELATIONSHIP_TYPES: Final[tuple[str, ...]] = get_args(RelationshipType)

# Each pair of event and depth is visited once, so the walk through a cycle ends, at the latest at the maximum depth.
_WALK: Final = """
WITH RECURSIVE related (event, way, depth) AS (
    SELECT :start, value, 0 FROM json_each(:ways)
    UNION
    SELECT CASE related.way WHEN 'ancestors' THEN r.parent ELSE r.child END, related.way, related.depth + 1
    FROM related JOIN relationship r
        ON (related.way = 'ancestors' AND r.child = related.event)
        OR (related.way = 'descendants' AND r.parent = related.event)
    WHERE related.depth < :depth AND r.type IN (SELECT value FROM json_each(:types))
)
SELECT e.id FROM related JOIN event e ON e.id = related.event
WHERE (:parent OR e.id <> :start)
    AND (:all_types OR EXISTS (
        SELECT 1 FROM indicator i WHERE i.event = e.id AND i.type IN (SELECT value FROM json_each(:indicator_types))))
GROUP BY e.id ORDER BY min(related.depth), e.date DESC, e.uuid LIMIT :limit OFFSET :skipped
"""


def find_related_events(
    db: sqlite3.Connection,
    start: int,
    *,
    direction: str = "both",
    depth: int = 5,
    types: Sequence[str] = (),
    indicator_types: Sequence[int] = (),
    include_parent: bool = True,
    page: int = 1,
    page_size: int,
) -> list[int]:
    """Return the row ids of the events related to one, nearest first. `both` is its ancestors and its descendants."""
    if direction not in DIRECTIONS:
        raise BadRequest(f"direction {direction!r} is unknown; valid are {', '.join(DIRECTIONS)}")
    if not 0 <= depth <= RELATIONSHIP_MAX_DEPTH:
        raise BadRequest(f"maxDepth {depth} is out of range; use 0 to {RELATIONSHIP_MAX_DEPTH}")
    for kind in types:
        check_relationship_type(kind, "relationshipTypes")
    parameters: dict[str, object] = {
        "start": start,
        "ways": json.dumps(DIRECTIONS[:2] if direction == "both" else [direction]),
        "depth": depth,
        "types": json.dumps(list(types) or RELATIONSHIP_TYPES),
        "parent": include_parent,
        "all_types": not indicator_types,
        "indicator_types": json.dumps(list(indicator_types)),
        "limit": page_size,
        "skipped": (page - 1) * page_size,
    }
    return [int(row[0]) for row in db.execute(_WALK, parameters)]


def check_relationship_type(kind: object, name: str) -> str:
    """Return a valid relationship type, else BadRequest."""
    if not isinstance(kind, str) or kind not in RELATIONSHIP_TYPES:
        raise BadRequest(f"{name} {kind!r} is unknown; valid are {', '.join(RELATIONSHIP_TYPES)}")
    return kind


def create_relationships(
    db: sqlite3.Connection, dataset: int, parent_id: str, child_ids: Sequence[str], kind: str
) -> dict[str, object]:
    """Link children to a parent and return the API's answer: the new relationships, and the children that failed.

    Events are looked up in the dataset first, then in every other one.
    """
    parent = _find_anywhere(db, parent_id, dataset)
    if parent is None:
        raise BadRequest(f"Event not found: parentId {parent_id!r} does not exist; list events to find valid ids")
    created: list[dict[str, object]] = []
    errors: list[dict[str, object]] = []
    for child_id in child_ids:
        child = _find_anywhere(db, child_id, dataset)
        problem = _find_problem(db, parent, child, kind)
        if child is None or problem:
            error, error_type = problem or ("Event not found", "NotFound")
            errors.append({"childId": child_id, "error": error, "errorType": error_type})
        else:
            add_relationship(db, parent, child, kind)
            created.append(_render_relationship(db, parent, child, kind))
    answer: dict[str, object] = {
        "success": bool(created),
        "message": f"{len(created)} of {len(child_ids)} relationships created",
        "relationships": created,
        "relationshipsCreated": len(created),
        "childIds": [relationship["childId"] for relationship in created],
    }
    return answer | ({"errors": errors} if errors else {})


def add_relationship(db: sqlite3.Connection, parent: int, child: int, kind: str) -> int:
    """Link two events once and return the number of new relationships, 1 or 0."""
    return db.execute(
        "INSERT INTO relationship (dataset, other, parent, child, type) "
        "SELECT p.dataset, c.dataset, p.id, c.id, ? FROM event p, event c WHERE p.id = ? AND c.id = ? "
        "ON CONFLICT (parent, child, type) DO NOTHING",
        (kind, parent, child),
    ).rowcount


def add_reference(db: sqlite3.Connection, event: int, target: int) -> None:
    """Let one event reference another, once."""
    db.execute(
        "INSERT INTO event_reference (dataset, other, event, target) "
        "SELECT a.dataset, b.dataset, a.id, b.id FROM event a, event b WHERE a.id = ? AND b.id = ? "
        "ON CONFLICT (event, target) DO NOTHING",
        (event, target),
    )


def add_tags(db: sqlite3.Connection, event: int, tags: Sequence[str]) -> None:
    """Add tags to an event; existing tags are kept, and tags that do not exist are created."""
    vocabulary = VocabularyIds(db)
    now = str(db.execute("SELECT at FROM moment").fetchone()[0])
    columns = "INSERT OR IGNORE INTO event_tag (dataset, event, tag)"
    add = f"{columns} SELECT dataset, id, ? FROM event WHERE id = ?"
    db.executemany(add, [(vocabulary.tag_id(tag, now), event) for tag in tags])


def remove_tags(db: sqlite3.Connection, event: int, tags: Sequence[str]) -> None:
    """Remove tags from an event; tags that it does not have are ignored."""
    remove = "DELETE FROM event_tag WHERE event = ? AND tag IN (SELECT id FROM tag WHERE value = ? COLLATE NOCASE)"
    db.executemany(remove, [(event, tag) for tag in tags])


def add_references(db: sqlite3.Connection, event: int, uuids: Sequence[str]) -> None:
    """Add references from an event to others; BadRequest where one does not exist or is the event itself."""
    for uuid in uuids:
        target = require_event_id(db, uuid)
        if target == event:
            raise BadRequest(f"events {uuid!r} is the event itself; use ids of other events")
        add_reference(db, event, target)


def remove_references(db: sqlite3.Connection, event: int, uuids: Sequence[str]) -> None:
    """Remove references of an event; references that it does not have are ignored."""
    remove = "DELETE FROM event_reference WHERE event = ? AND target IN (SELECT id FROM event WHERE uuid = ?)"
    db.executemany(remove, [(event, uuid.strip().lower()) for uuid in uuids])


def _find_anywhere(db: sqlite3.Connection, uuid: str, dataset: int) -> int | None:
    row_id = find_event_id(db, uuid, dataset)
    return find_event_id(db, uuid) if row_id is None else row_id


def _find_problem(db: sqlite3.Connection, parent: int, child: int | None, kind: str) -> tuple[str, str] | None:
    if child == parent:
        return "An event cannot be its own child", "ValidationError"
    existing = "SELECT 1 FROM relationship WHERE parent = ? AND child = ? AND type = ?"
    if child is not None and db.execute(existing, (parent, child, kind)).fetchone() is not None:
        return "Relationship already exists", "Conflict"
    return None


def _render_relationship(db: sqlite3.Connection, parent: int, child: int, kind: str) -> dict[str, object]:
    query = "SELECT e.uuid, d.uuid FROM event e JOIN dataset d ON d.id = e.dataset WHERE e.id = ?"
    parent_id, parent_dataset = db.execute(query, (parent,)).fetchone()
    child_id, child_dataset = db.execute(query, (child,)).fetchone()
    return {
        "parentId": parent_id,
        "parentDatasetId": parent_dataset,
        "childId": child_id,
        "childDatasetId": child_dataset,
        "relationshipType": kind,
    }

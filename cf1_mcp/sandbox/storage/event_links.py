"""Relationships, references and tags of events."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from cf1_mcp.models import Direction, RelationshipType
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import RELATIONSHIP_MAX_DEPTH
from cf1_mcp.sandbox.storage.event_moves import link, refer
from cf1_mcp.sandbox.storage.event_writes import find_event, known_event
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds

DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)
RELATIONSHIP_TYPES: Final[tuple[str, ...]] = get_args(RelationshipType)

# A pair of event and depth is walked once, so circles end: at the latest where the depth does.
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


def related_events(
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
    """Events that hang together with one, nearest first. `both` is its ancestors and its descendants."""
    if direction not in DIRECTIONS:
        raise BadRequest(f"direction {direction!r} is unknown; valid are {', '.join(DIRECTIONS)}")
    if not 0 <= depth <= RELATIONSHIP_MAX_DEPTH:
        raise BadRequest(f"maxDepth {depth} is out of range; from 0 to {RELATIONSHIP_MAX_DEPTH} is allowed")
    for kind in types:
        known_type(kind, "relationshipTypes")
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


def known_type(kind: object, name: str) -> str:
    """A relationship type, else BadRequest."""
    if not isinstance(kind, str) or kind not in RELATIONSHIP_TYPES:
        raise BadRequest(f"{name} {kind!r} is unknown; valid are {', '.join(RELATIONSHIP_TYPES)}")
    return kind


def create_relationships(
    db: sqlite3.Connection, dataset: int, parent_id: str, child_ids: Sequence[str], kind: str
) -> dict[str, object]:
    """The API's answer: what was linked, and why a child was not. The parent is in the dataset named, or else
    anywhere, as a child may be."""
    parent = _somewhere(db, parent_id, dataset)
    if parent is None:
        raise BadRequest(f"Event not found: parentId {parent_id!r} is no event; list events to see which there are")
    made: list[dict[str, object]] = []
    errors: list[dict[str, object]] = []
    for child_id in child_ids:
        child = _somewhere(db, child_id, dataset)
        problem = _problem(db, parent, child, kind)
        if child is None or problem:
            error, error_type = problem or ("Event not found", "NotFound")
            errors.append({"childId": child_id, "error": error, "errorType": error_type})
        else:
            link(db, parent, child, kind)
            made.append(_relationship(db, parent, child, kind))
    answer: dict[str, object] = {
        "success": bool(made),
        "message": f"{len(made)} of {len(child_ids)} relationships created",
        "relationships": made,
        "relationshipsCreated": len(made),
        "childIds": [relationship["childId"] for relationship in made],
    }
    return answer | ({"errors": errors} if errors else {})


def add_tags(db: sqlite3.Connection, event: int, tags: Sequence[str], now: str) -> None:
    """Tag an event; tags that it has stay, tags that do not exist are made."""
    vocabulary = VocabularyIds(db)
    columns = "INSERT OR IGNORE INTO event_tag (dataset, event, tag)"
    add = f"{columns} SELECT dataset, id, ? FROM event WHERE id = ?"
    db.executemany(add, [(vocabulary.tag(tag, now), event) for tag in tags])


def remove_tags(db: sqlite3.Connection, event: int, tags: Sequence[str]) -> None:
    """Take tags off an event; those that it has not are left out silently."""
    remove = "DELETE FROM event_tag WHERE event = ? AND tag IN (SELECT id FROM tag WHERE value = ? COLLATE NOCASE)"
    db.executemany(remove, [(event, tag) for tag in tags])


def add_references(db: sqlite3.Connection, event: int, uuids: Sequence[str]) -> None:
    """Let an event reference others. BadRequest, and nothing done, when one of them is none or is itself."""
    for uuid in uuids:
        target = known_event(db, uuid)
        if target == event:
            raise BadRequest(f"events {uuid!r} is the event itself; name other events")
        refer(db, event, target)


def remove_references(db: sqlite3.Connection, event: int, uuids: Sequence[str]) -> None:
    """Take references away; those that are not there are left out silently."""
    remove = "DELETE FROM event_reference WHERE event = ? AND target IN (SELECT id FROM event WHERE uuid = ?)"
    db.executemany(remove, [(event, uuid.strip().lower()) for uuid in uuids])


def _somewhere(db: sqlite3.Connection, uuid: str, dataset: int) -> int | None:
    here = find_event(db, uuid, dataset)
    return find_event(db, uuid) if here is None else here


def _problem(db: sqlite3.Connection, parent: int, child: int | None, kind: str) -> tuple[str, str] | None:
    if child == parent:
        return "An event cannot be its own child", "ValidationError"
    same = "SELECT 1 FROM relationship WHERE parent = ? AND child = ? AND type = ?"
    if child is not None and db.execute(same, (parent, child, kind)).fetchone() is not None:
        return "Relationship exists already", "Conflict"
    return None


def _relationship(db: sqlite3.Connection, parent: int, child: int, kind: str) -> dict[str, object]:
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

"""The tables of words that events share: the catalog, terms and tags, and the row ids of their words."""

import json
import sqlite3
from difflib import get_close_matches
from typing import Literal
from uuid import uuid4, uuid5

from cf1_mcp.models import Category
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import NAMESPACE, NEW_CATEGORY_KILL_CHAIN, SUGGESTIONS
from cf1_mcp.sandbox.storage.row_statements import insert_row
from cf1_mcp.sandbox.vocabulary_catalog import CATEGORIES, COUNTRIES, INDICATOR_TYPES, INDUSTRIES

TermKind = Literal["attacker", "country", "industry", "tlp"]


def fill_catalog_tables(db: sqlite3.Connection) -> None:
    """Insert the catalog into a new database."""
    db.executemany("INSERT INTO country VALUES (?, ?, ?)", ((c.alpha2, c.alpha3, c.name) for c in COUNTRIES))
    db.executemany("INSERT INTO indicator_type (name) VALUES (?)", ((name,) for name in INDICATOR_TYPES))
    for category in CATEGORIES:
        add_category(db, category)


def add_category(db: sqlite3.Connection, category: Category) -> int:
    """Insert a category and return its row id."""
    row = {
        "uuid": category.uuid or str(uuid4()),
        "name": category.name,
        "kill_chain": category.kill_chain or 0.0,
        "mitre_attack": json.dumps(category.mitre_attack),
        "mitre_capec": json.dumps(category.mitre_capec),
        "shortname": category.shortname,
    }
    return insert_row(db, "category", row)


def read_industries(db: sqlite3.Connection) -> list[str]:
    """Return the industries of the catalog and of stored events, sorted."""
    used = {row[0] for row in db.execute("SELECT value FROM term WHERE kind = 'industry'")}
    return sorted(used | set(INDUSTRIES))


class VocabularyIds:
    """The row ids of words, cached for the duration of one change; unknown words are added."""

    def __init__(self, db: sqlite3.Connection, *, create_categories: bool = False) -> None:
        self.new_tags = 0
        self._db = db
        self._create_categories = create_categories
        self._terms: dict[tuple[TermKind, str], int] = {}
        self._tags: dict[str, int] = {}
        self._types: dict[str, int] = {}
        self._categories: dict[str, int] = {}

    def term_id(self, kind: TermKind, value: str) -> int | None:
        """Return the row id of a term, None for an empty one."""
        if not value:
            return None
        key = (kind, value)
        if key not in self._terms:
            row_id = self._find_id("SELECT id FROM term WHERE kind = ? AND value = ?", key)
            self._terms[key] = row_id or insert_row(self._db, "term", {"kind": kind, "value": value})
        return self._terms[key]

    def tag_id(self, value: str, now: str) -> int:
        """Return the row id of a tag; new tags are counted in `new_tags`."""
        if value not in self._tags:
            row_id = self._find_id("SELECT id FROM tag WHERE value = ?", (value,))
            if row_id is None:
                self.new_tags += 1
                row = {"uuid": str(uuid5(NAMESPACE, f"tag {value}")), "value": value, "created_at": now}
                row_id = insert_row(self._db, "tag", row)
            self._tags[value] = row_id
        return self._tags[value]

    def indicator_type_id(self, name: str) -> int | None:
        """Return the row id of an indicator type in any case, None for an empty one."""
        if not name:
            return None
        key = name.lower()
        if key not in self._types:
            row_id = self._find_id("SELECT id FROM indicator_type WHERE name = ?", (name,))
            self._types[key] = row_id or insert_row(self._db, "indicator_type", {"name": name})
        return self._types[key]

    def category_id(self, name: str) -> int:
        """Return the row id of a category in any case; BadRequest with similar names for an unknown one."""
        key = name.lower()
        if key not in self._categories:
            row_id = self._find_id("SELECT id FROM category WHERE name = ?", (name,))
            self._categories[key] = self._add_unknown_category(name) if row_id is None else row_id
        return self._categories[key]

    def _add_unknown_category(self, name: str) -> int:
        if self._create_categories:
            uuid = str(uuid5(NAMESPACE, f"category {name}"))
            return add_category(self._db, Category(uuid=uuid, name=name, kill_chain=NEW_CATEGORY_KILL_CHAIN))
        similar = _suggest_names(name, [row[0] for row in self._db.execute("SELECT name FROM category")])
        raise BadRequest(
            f"category {name!r} does not exist; nearest are {similar}, or create it with categories/create"
        )

    def _find_id(self, query: str, parameters: tuple[str, ...]) -> int | None:
        row = self._db.execute(query, parameters).fetchone()
        return None if row is None else int(row[0])


def _suggest_names(word: str, known: list[str]) -> str:
    by_text = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_text, n=SUGGESTIONS, cutoff=0.0)
    return ", ".join(by_text[text] for text in found)

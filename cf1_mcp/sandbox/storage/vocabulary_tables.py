"""The words that events share, and their numbers in the store."""

import json
import sqlite3
from difflib import get_close_matches
from typing import Literal
from uuid import uuid4, uuid5

from cf1_mcp.models import Category
from cf1_mcp.sandbox.catalog import CATEGORIES, COUNTRIES, INDICATOR_TYPES, INDUSTRIES
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import NAMESPACE, NEAREST, NEW_CATEGORY_KILL_CHAIN

TermKind = Literal["attacker", "country", "industry", "tlp"]


def seed(db: sqlite3.Connection) -> None:
    """Fill a new store with the catalog."""
    db.executemany("INSERT INTO country VALUES (?, ?, ?)", ((c.alpha2, c.alpha3, c.name) for c in COUNTRIES))
    db.executemany("INSERT INTO indicator_type (name) VALUES (?)", ((name,) for name in INDICATOR_TYPES))
    for category in CATEGORIES:
        add_category(db, category)


def add_category(db: sqlite3.Connection, category: Category) -> int:
    """The number of a new category."""
    row = (
        category.uuid or str(uuid4()),
        category.name,
        category.kill_chain or 0.0,
        json.dumps(category.mitre_attack),
        json.dumps(category.mitre_capec),
        category.shortname,
    )
    columns = "uuid, name, kill_chain, mitre_attack, mitre_capec, shortname"
    return _added(db, f"INSERT INTO category ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)


def nearest(word: str, known: list[str]) -> str:
    """The known words most like one, for an error message."""
    by_text = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_text, n=NEAREST, cutoff=0.0)
    return ", ".join(by_text[text] for text in found)


class VocabularyIds:
    """Words to numbers for the length of one change; unknown words are added as they come."""

    def __init__(self, db: sqlite3.Connection, *, makes_categories: bool = False) -> None:
        self.new_tags = 0
        self._db = db
        self._makes_categories = makes_categories
        self._terms: dict[tuple[TermKind, str], int] = {}
        self._tags: dict[str, int] = {}
        self._types: dict[str, int] = {}
        self._categories: dict[str, int] = {}

    def term(self, kind: TermKind, value: str) -> int | None:
        """The number of a word; None for an empty one."""
        if not value:
            return None
        key = (kind, value)
        if key not in self._terms:
            number = _number(self._db, "SELECT id FROM term WHERE kind = ? AND value = ?", key)
            self._terms[key] = number or _added(self._db, "INSERT INTO term (kind, value) VALUES (?, ?)", key)
        return self._terms[key]

    def tag(self, value: str, now: str) -> int:
        """The number of a tag; a new one is counted in `new_tags`."""
        if value not in self._tags:
            number = _number(self._db, "SELECT id FROM tag WHERE value = ?", (value,))
            if number is None:
                self.new_tags += 1
                row = (str(uuid5(NAMESPACE, f"tag {value}")), value, now)
                number = _added(self._db, "INSERT INTO tag (uuid, value, created_at) VALUES (?, ?, ?)", row)
            self._tags[value] = number
        return self._tags[value]

    def indicator_type(self, name: str) -> int | None:
        """The number of an indicator type, whatever its case; None for an empty one."""
        if not name:
            return None
        key = name.lower()
        if key not in self._types:
            number = _number(self._db, "SELECT id FROM indicator_type WHERE name = ?", (name,))
            self._types[key] = number or _added(self._db, "INSERT INTO indicator_type (name) VALUES (?)", (name,))
        return self._types[key]

    def category(self, name: str) -> int:
        """The number of a category, whatever its case; BadRequest with the nearest names for an unknown one."""
        key = name.lower()
        if key not in self._categories:
            number = _number(self._db, "SELECT id FROM category WHERE name = ?", (name,))
            if number is None:
                number = self._missing_category(name)
            self._categories[key] = number
        return self._categories[key]

    def _missing_category(self, name: str) -> int:
        if self._makes_categories:
            uuid = str(uuid5(NAMESPACE, f"category {name}"))
            return add_category(self._db, Category(uuid=uuid, name=name, kill_chain=NEW_CATEGORY_KILL_CHAIN))
        near = nearest(name, [row[0] for row in self._db.execute("SELECT name FROM category")])
        raise BadRequest(f"category {name!r} does not exist; nearest are {near}, or make it with categories/create")


def industries(db: sqlite3.Connection) -> list[str]:
    """The catalog's industries and those that events brought, in order."""
    used = {row[0] for row in db.execute("SELECT value FROM term WHERE kind = 'industry'")}
    return sorted(used | set(INDUSTRIES))


def _number(db: sqlite3.Connection, query: str, parameters: tuple[str, ...]) -> int | None:
    row = db.execute(query, parameters).fetchone()
    return None if row is None else int(row[0])


def _added(db: sqlite3.Connection, query: str, parameters: tuple[object, ...]) -> int:
    number = db.execute(query, parameters).lastrowid
    if number is None:  # pragma: no cover - sqlite3 sets it on every INSERT
        raise RuntimeError("an INSERT made no row")
    return number

"""Inserting and updating single rows, with the columns named at run time."""

import sqlite3
from collections.abc import Mapping


def insert_row(db: sqlite3.Connection, table: str, values: Mapping[str, object]) -> int:
    """Insert a row, given by column name, and return its row id."""
    marks = ", ".join("?" * len(values))
    statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
    row_id = db.execute(statement, tuple(values.values())).lastrowid
    if row_id is None:  # pragma: no cover - sqlite3 sets it for every INSERT
        raise RuntimeError("INSERT created no row")
    return row_id


def update_rows(db: sqlite3.Connection, table: str, key: str, row_id: int, values: Mapping[str, object]) -> None:
    """Set columns of the rows whose column `key` is a row id; nothing where there are no values."""
    if values:
        assignments = ", ".join(f"{column} = ?" for column in values)
        db.execute(f"UPDATE {table} SET {assignments} WHERE {key} = ?", (*values.values(), row_id))

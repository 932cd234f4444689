"""Opens all stores that the settings name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cf1_mcp.settings import Settings
from cf1_mcp.store import approvals, journal_entries, spent_codes
from cf1_mcp.store.approvals import Approvals
from cf1_mcp.store.database import Database
from cf1_mcp.store.export_files import ExportFolder
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import AnchorFile
from cf1_mcp.store.reads import read_log
from cf1_mcp.store.reads.read_log import ReadLog
from cf1_mcp.store.spent_codes import SpentCodes
from cf1_mcp.store.sqlite import SqliteFile


@dataclass(frozen=True)
class Stores:
    """Everything kept between calls. `async with` closes it. Nothing is created on disk before the first write."""

    journal: Journal
    approvals: Approvals
    spent_codes: SpentCodes
    exports: ExportFolder
    reads: ReadLog
    databases: tuple[Database, ...]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Release every database."""
        for database in self.databases:
            await database.aclose()


def open_stores(settings: Settings, clock: Callable[[], datetime]) -> Stores:
    """Return the stores that the settings name: SQLite files in the state folder. `clock` returns aware times."""
    folder = settings.state_dir
    journal = SqliteFile(folder / "journal.db", journal_entries.SCHEMA)
    requests = SqliteFile(folder / "approvals.db", approvals.SCHEMA)
    codes = SqliteFile(folder / "spent_codes.db", spent_codes.SCHEMA)
    reads = SqliteFile(folder / "reads.db", read_log.SCHEMA)
    return Stores(
        Journal(journal, clock, AnchorFile(folder / "journal.anchor")),
        Approvals(requests, clock),
        SpentCodes(codes, clock),
        ExportFolder(settings, clock),
        ReadLog(reads, clock),
        (journal, requests, codes, reads),
    )

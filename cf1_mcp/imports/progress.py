"""How an import reports its progress, to a terminal or to a client."""

from typing import Literal, Protocol

ImportStep = Literal["checked", "compared", "sent", "linked"]


class ImportProgress(Protocol):
    """Receives the progress of an import."""

    async def expect(self, step: ImportStep, total: int) -> None:
        """Announce how many rows or links a step will process."""

    async def advance(self, step: ImportStep, count: int) -> None:
        """Report that a step has processed `count` more."""

    async def show_status(self, text: str) -> None:
        """Show what the import is waiting for; an empty text when it continues."""


class NoProgress:
    """Reports progress to nobody."""

    async def expect(self, step: ImportStep, total: int) -> None: ...

    async def advance(self, step: ImportStep, count: int) -> None: ...

    async def show_status(self, text: str) -> None: ...

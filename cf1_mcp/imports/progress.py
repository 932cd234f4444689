"""How an import reports its progress, to a terminal or to a client."""

from typing import Literal, Protocol

ImportStep = Literal["checked", "compared", "sent", "linked"]


class ImportProgress(Protocol):
    """Receives the progress of an import."""

    async def expect(self, step: ImportStep, total: int) -> None:
        """So many rows or links will go through a step."""

    async def advance(self, step: ImportStep, count: int) -> None:
        """So many more have gone through a step."""

    async def say(self, words: str) -> None:
        """Why the import is waiting, or an empty text when it continues."""


class NoProgress:
    """Progress that nobody watches."""

    async def expect(self, step: ImportStep, total: int) -> None: ...

    async def advance(self, step: ImportStep, count: int) -> None: ...

    async def say(self, words: str) -> None: ...

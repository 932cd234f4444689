"""How an import tells what it is at, to a terminal or to a client."""

from typing import Literal, Protocol

Step = Literal["checked", "compared", "sent", "linked"]


class Progress(Protocol):
    """Whoever watches an import."""

    def expect(self, step: Step, total: int) -> None:
        """So many rows or links will go through a step."""

    def advance(self, step: Step, count: int) -> None:
        """So many more have gone through it."""

    def say(self, words: str) -> None:
        """Why it goes no further at the moment, or that it does again."""


class Unwatched:
    """Progress that nobody watches."""

    def expect(self, step: Step, total: int) -> None: ...

    def advance(self, step: Step, count: int) -> None: ...

    def say(self, words: str) -> None: ...

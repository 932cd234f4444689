"""Codes that were used in this process.

A code binds the state that a change was previewed on. A change that leaves that state as it was, such as an import,
would else be made again by a second call with the same code, and so would one of two calls that race.
"""

from cf1_mcp.store.confirmation_codes import spelled


class SpentCodes:
    """Which codes were used, however they were typed. The memory goes with the process, as codes soon do too."""

    def __init__(self) -> None:
        self._codes: set[str] = set()

    def spend(self, code: str) -> bool:
        """Use a code up: true once."""
        if spelled(code) in self._codes:
            return False
        self._codes.add(spelled(code))
        return True

    def give_back(self, code: str) -> None:
        """Let a code be used again, because its change was refused and nothing was done."""
        self._codes.discard(spelled(code))

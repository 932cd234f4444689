"""How an answer is written: what strangers wrote is set apart by a mark, and their indicators are defanged."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cf1_mcp.settings import Defang
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import disarm, escape_formula


@dataclass(frozen=True)
class Style:
    """`mark` is random and new for every answer, so that no text can know it; without one nothing is set apart, as on
    an operator's terminal. `defang` is the operator's choice.
    """

    defang: Defang = "text"
    mark: str = ""

    def written(self, text: str) -> str:
        """A stranger's text, indicators included, as it stands in an answer's text."""
        return disarm(text, links=False) if self.defang == "off" else defang(disarm(text))

    def in_table(self, text: str) -> str:
        """The same in a table, which may end up in a spreadsheet."""
        return escape_formula(self.written(text))

    def told(self, value: JsonValue) -> JsonValue:
        """A stranger's value as it stands in an answer's data: indicators are true there, unless the operator wants
        them defanged everywhere.
        """
        if self.defang != "all":
            return value
        match value:
            case str():
                return defang(disarm(value))
            case list():
                return [self.told(item) for item in value]
            case dict():
                return {key: self.told(item) for key, item in value.items()}
            case _:
                return value

    def apart(self, lines: Sequence[str]) -> list[str]:
        """Lines that strangers wrote, between marks that they cannot have known."""
        if not (self.mark and lines):
            return [*lines]
        return [f"<untrusted {self.mark}>", *lines, f"</untrusted {self.mark}>"]

"""Rendering of untrusted text and values: defanged as the operator chose, and enclosed in marks."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cf1_mcp.settings import Defang
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import disarm, escape_formula, escape_invisible, is_words


@dataclass(frozen=True)
class Renderer:
    """How the untrusted parts of one answer are rendered.

    `mark` is random for every answer, so that no text can contain it. Without a mark nothing is enclosed, as on an
    operator's terminal.
    """

    defang: Defang = "text"
    mark: str = ""

    def render_text(self, text: str) -> str:
        """Return an untrusted text, indicators included, for the text of an answer."""
        if is_words(text):
            return text
        # Texts are cleaned where they are read. Whatever was not is at least made visible and disarmed here.
        text = escape_invisible(text)
        return disarm(text, links=False) if self.defang == "off" else defang(disarm(text))

    def render_cell(self, value: str | float | Sequence[str]) -> str:
        """Return an untrusted value for a table, which may end up in a spreadsheet."""
        match value:
            case str():
                return escape_formula(self.render_text(value))
            case int() | float():
                return str(value)
            case _:
                return escape_formula(self.render_text(",".join(value)))

    def render_value(self, value: JsonValue) -> JsonValue:
        """Return an untrusted value for structured content, where indicators are true unless all are to be defanged."""
        match value:
            case str():
                shown = value if is_words(value) else escape_invisible(value)
                return defang(disarm(shown)) if self.defang == "all" else shown
            case list():
                return [self.render_value(item) for item in value]
            case dict():
                return {escape_invisible(key): self.render_value(item) for key, item in value.items()}
            case _:
                return value

    def enclose(self, lines: Sequence[str]) -> list[str]:
        """Return untrusted lines between two marks."""
        if not (self.mark and lines):
            return [*lines]
        return [f"<untrusted {self.mark}>", *lines, f"</untrusted {self.mark}>"]

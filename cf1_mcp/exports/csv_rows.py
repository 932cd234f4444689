"""A CSV table of events (RFC 4180)."""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import ClassVar, Final

from cf1_mcp.exports.export_file import ExportFile, Omission
from cf1_mcp.models import Event, Tlp
from cf1_mcp.models.fields import EXPORT_COLUMNS
from cf1_mcp.text.sanitize import FORMULA_STARTS, clean

ITEM_SEPARATOR: Final = ";"
COLUMNS: Final = (*EXPORT_COLUMNS, "source")
MAX_TEXT_LENGTH: Final = 4_000
# Spreadsheets with Japanese and Chinese settings treat the full-width forms like the ASCII ones.
_STARTS: Final = "".join((*FORMULA_STARTS, "\uff1d", "\uff0b", "\uff0d", "\uff20"))
# A formula, or one that apostrophes escape already: what is escaped once more is unescaped to the same text.
_FORMULA: Final = re.compile(rf"[\s']*[{re.escape(_STARTS)}]")


class CsvRows(ExportFile):
    """One row per event, with its marking in the first column; the file has the highest marking of that column.

    Indicators are not defanged. No cell and no item of a list begins like a spreadsheet formula. The column of children
    is empty if the file must not tell whether an event has some (`tells_children`).
    """

    media_type: ClassVar[str] = "text/csv;charset=utf-8;header=present"
    suffix: ClassVar[str] = ".csv"

    def head(self) -> str:
        return csv_line(COLUMNS)

    def tail(self) -> Iterator[str]:
        yield from ()

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        known: dict[str, object] = {"tlp": level.value, "source": self._source()}
        if not self.tells_children:
            known["has_children"] = None
        return csv_line([_cell(column, known.get(column, getattr(event, column, ""))) for column in COLUMNS])


def csv_line(cells: Sequence[str]) -> str:
    """Return a line of CSV that ends in CRLF."""
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(column: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case list():
            return join_items([_text(column, str(item)) for item in value if str(item).strip()])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return _text(column, str(value))


def join_items(items: Sequence[str]) -> str:
    """Return a list as one cell. An item that contains the separator is quoted like a cell of CSV."""
    line = StringIO()
    csv.writer(line, delimiter=ITEM_SEPARATOR, lineterminator="").writerow([one for one in items if one.strip()])
    return line.getvalue()


def split_items(text: str) -> list[str]:
    """Return the items of a cell that `join_items` wrote."""
    try:
        items = next(csv.reader([text], delimiter=ITEM_SEPARATOR), list[str]())
    except csv.Error:
        items = text.split(ITEM_SEPARATOR)  # somebody else wrote it, with a line break
    return [plain for item in items if (plain := unescape_formula(item)).strip()]


def unescape_formula(text: str) -> str:
    """Return a text without the apostrophe that keeps a spreadsheet from reading it as a formula."""
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def _text(column: str, text: str) -> str:
    shown = clean(text, MAX_TEXT_LENGTH, value=column == "indicator")
    return f"'{shown}" if _is_formula(shown) else shown


def _is_formula(text: str) -> bool:
    """Whether a text begins like a formula, or like one that is escaped already."""
    return _FORMULA.match(text) is not None

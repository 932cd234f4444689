"""The actors of Cloudflare's shared catalogue.

Their fields are documented, the form of the answer is not. So an entry is read as leniently as possible: an odd field
is empty, and what has no name is not an entry.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from cf1_mcp.models.base import ApiModel, Tlp

# Invented: an answer is a list, or an object that has the list under one of these names.
LIST_NAMES: Final = ("actors", "tags", "items", "result", "data")
PAGINATION_NAMES: Final = ("pagination", "result_info", "resultInfo")
TOTAL_PAGES: Final = ("totalPages", "total_pages")
ANNOTATED: Final = "_annotated"
# Invented: rows call the name of an actor by one of these. A row without any is not an entry.
OWN_NAMES: Final = ("value", "name")
SEPARATOR: Final = re.compile(r"[,;\n]")
# Names under which an object may have what a text says.
TEXT_KEYS: Final = ("value", "name", "sourceName", "source_name", "url", "externalId", "external_id", "description")


def read_text(value: object) -> str:
    """Return a value as one text; empty if it is neither text nor a number nor an object with texts."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip()
    given = _as_object(value)
    texts = (read_text(given[key]) for key in TEXT_KEYS if isinstance(given.get(key), str | int | float))
    return " ".join(dict.fromkeys(text for text in texts if text))


def read_texts(value: object) -> list[str]:
    """Return the distinct texts of a list, of the JSON text of a list, or of one value."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return read_texts(cast("object", json.loads(value)))
        except (ValueError, RecursionError):
            return [value.strip()]
    parts = cast("list[object]", value) if isinstance(value, list) else [value]
    return list(dict.fromkeys(text for part in parts if (text := read_text(part))))


def read_names(value: object) -> list[str]:
    """Return distinct names as `read_texts` does. One text may have several between commas or semicolons."""
    texts = read_texts(value)
    is_list = isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("["))
    return texts if is_list else _split(texts)


def _split(texts: Iterable[str]) -> list[str]:
    parts = (part.strip() for text in texts for part in SEPARATOR.split(text))
    return list(dict.fromkeys(part for part in parts if part))


def read_marking(value: object) -> str:
    """Return a marking as text; what is not one is marked red."""
    return "" if value is None else read_text(value) or ("" if isinstance(value, str) else Tlp.RED)


def _as_object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


OddText = Annotated[str, BeforeValidator(read_text)]
OddMarking = Annotated[str, BeforeValidator(read_marking)]
OddTexts = Annotated[list[str], BeforeValidator(read_texts)]
OddNames = Annotated[list[str], BeforeValidator(read_names)]


class FieldMarking(BaseModel, frozen=True):
    """The marking of one value of a field of an actor, or of the whole field if `value` is empty."""

    field: str
    value: str
    tlp: str


class CatalogActor(ApiModel):
    """An actor of the catalogue as accounts other than its owner see it.

    `field_markings` are the markings of single values, by the names of their fields on the wire.
    """

    value: OddText
    description: OddText = ""
    date_of_discovery: OddText = ""
    tlp: OddMarking = ""
    confidence: OddText = ""
    origin_country: OddNames = Field(default=[], alias="originCountryISO")
    aliases: OddNames = []
    alias_group_names: OddNames = []
    external_references: OddTexts = []
    field_markings: list[FieldMarking] = []

    @model_validator(mode="before")
    @classmethod
    def _read_entry(cls, entry: object) -> object:
        given = _as_object(entry)
        # The category of a tag declares further fields, which the API may return in `properties`.
        inside = _as_object(given.get("properties"))
        filled = {key: value for key, value in given.items() if value not in (None, "", [], {})}
        markings = [read_marking(one.get("tlp")) for one in (given, inside)]
        known = {field.alias for field in cls.model_fields.values()} - {"fieldMarkings"}
        fields = {key: value for key, value in (inside | filled).items() if key in known}
        return {
            **fields,
            "value": _own_name(given),
            "tlp": max(markings, key=lambda one: Tlp.of(one).rank if one else -1),
            "field_markings": [*_read_markings(inside), *_read_markings(given)],
        }

    @property
    def names(self) -> list[str]:
        """Every name of the actor, its own first."""
        return list(dict.fromkeys([self.value, *self.alias_group_names, *self.aliases]))


class ActorPage(ApiModel):
    """One page of the catalogue. `total_pages` is None if the answer does not tell."""

    actors: list[CatalogActor]
    total_pages: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _find_list(cls, answer: object) -> object:
        given: dict[str, object] = {"actors": answer} if isinstance(answer, list) else _as_object(answer)
        lists = [given[name] for name in LIST_NAMES if isinstance(given.get(name), list)]
        if not lists:
            return cast("object", answer)
        rows = [_as_object(row) for row in cast("list[object]", lists[0])]
        pagination = _as_object(next((given[name] for name in PAGINATION_NAMES if name in given), None))
        totals = (pagination.get(name) for name in TOTAL_PAGES)
        total = next((one for one in totals if isinstance(one, int) and not isinstance(one, bool)), None)
        return {"actors": [row for row in rows if _own_name(row)], "total_pages": total}


def _own_name(row: Mapping[str, object]) -> str:
    return next((name for key in OWN_NAMES if (name := read_text(row.get(key)))), "")


def _read_markings(fields: Mapping[str, object]) -> Iterable[FieldMarking]:
    for key, annotated in fields.items():
        if not key.endswith(ANNOTATED):
            continue
        for one in cast("list[object]", annotated) if isinstance(annotated, list) else [annotated]:
            inside = _as_object(one)
            if marking := read_marking(inside.get("tlp")):
                field, value = key.removesuffix(ANNOTATED), read_text(inside.get("value"))
                # A text with several names is marked in all of its parts.
                for part in dict.fromkeys([value, *_split([value])]):
                    yield FieldMarking(field=field, value=part, tlp=marking)

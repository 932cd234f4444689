"""Checks rows like single events, but fast enough for large files.

Checked values are remembered, because the same few words occur in row after row.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import anyio.lowlevel
from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, ThreatEventsError, Withheld
from cf1_mcp.events.field_sizes import MAX_WORD_LENGTH, check_length
from cf1_mcp.events.validation import EventValidator, check_raw, check_tags, check_text
from cf1_mcp.imports.date_forms import DateForm
from cf1_mcp.imports.indicator_values import read_indicators
from cf1_mcp.imports.readers.source_rows import (
    STRUCTURED_FIELDS,
    LeastMarking,
    ReaderNotes,
    SourceRow,
    unknown_field_error,
)
from cf1_mcp.imports.readers.tag_markings import find_marking
from cf1_mcp.models import Tlp
from cf1_mcp.models.fields import FREE_TEXTS, REQUIRED_TEXTS, SETTABLE_TEXTS
from cf1_mcp.text.dates import is_relative
from cf1_mcp.text.defang import refang_indicator

MAX_REMEMBERED: Final = 20_000

Fields = dict[str, JsonValue]


class CheckedRow(NamedTuple):
    """The event of a row as it is to be sent, by the field names of NewEvent, and the problems of the row."""

    fields: Fields
    problems: list[str]


class RowChecks:
    """Checks rows, and adds `constants`, the values of the argument or option `option`, to rows that lack them.

    `relative_dates` has the dates that were given relative to now, by the time as which they were read.
    """

    def __init__(
        self,
        validator: EventValidator,
        constants: Mapping[str, str],
        notes: ReaderNotes,
        option: str = "--set",
        raised: ReaderNotes | None = None,
        date_form: DateForm | None = None,
    ) -> None:
        """`raised` gets a note for each marking that is raised; by default `notes` does."""
        for name in constants:
            if name not in SETTABLE_TEXTS and name != "tags":
                raise unknown_field_error(name, option)
        self._option = option
        self._validator = validator
        self._constants: Fields = {
            name: [*filter(None, map(str.strip, text.split(",")))] if name == "tags" else text
            for name, text in constants.items()
        }
        self._notes = notes
        self._raised = raised or notes
        self._date_form = date_form or DateForm()
        self.relative_dates: dict[str, str] = {}
        self._checked: dict[tuple[str, str], str | ThreatEventsError] = {}

    async def check(self, row: SourceRow) -> CheckedRow:
        """Return the event of a row. Invalid fields are left out and reported as problems."""
        given = {**self._constants, **row.fields} if self._constants else row.fields
        given, raised = self._raise_marking(given, row)
        problems = [*row.problems]
        fields: Fields = {}
        for name, value in given.items():
            if name in STRUCTURED_FIELDS:
                continue
            if not isinstance(value, str):
                problems.append(f"{name}: this is not text")
            elif too_long := _describe_length(name, value):
                problems.append(too_long)
            elif name in FREE_TEXTS and value.isascii() and value.strip():
                fields[name] = value
            elif name in ("indicator", "indicator_type"):
                continue  # together, below
            else:
                count = len(problems)
                await self._check_text(fields, name, value, name, problems)
                if name == "tlp" and raised and len(problems) > count:
                    problems[-1] += f". The marking of the row {raised}"
        if raised and "tlp" in fields:
            self._raised.add(f"a marking {raised}")
        if not problems or row.fields:
            problems += [
                f"{name}: it is missing. Use a column or field for it, or {self._option} {name}=VALUE"
                for name in REQUIRED_TEXTS
                if name not in given
            ]
        await self._check_indicators(fields, given, problems)
        await self._check_structured(fields, given, problems)
        if (row.ref and not is_whole(row.ref)) or not all(is_whole(parent.ref) for parent in row.parents):
            problems.append("ref: it, or the ref of a parent, contains half a character (a lone surrogate)")
        problems += [
            found
            for name, ref in (("ref", row.ref or ""), *(("parent_ref", parent.ref) for parent in row.parents))
            if (found := _describe_length(name, ref))
        ]
        if problems:
            # To find out what was meant takes milliseconds a row.
            await anyio.lowlevel.checkpoint()
        return CheckedRow(fields, problems)

    def _raise_marking(self, given: Mapping[str, JsonValue], row: SourceRow) -> tuple[Mapping[str, JsonValue], str]:
        """Return the fields with the marking raised to that of the parts of the row, and how; empty if it is not."""
        least, own = _include_tags(row.least, given.get("tags")), given.get("tlp")
        if least is None or not isinstance(own, str | None):
            return given, ""
        if not (own or "").strip():
            # Without a marking of its own, only the highest is certain: any other might be too low for the rest.
            is_certain = least.suffices or least.level is Tlp.RED
            return ({**given, "tlp": least.level.value}, "") if is_certain else (given, "")
        level = Tlp.parse(str(own))
        if level is None or least.level.rank <= level.rank:
            return given, ""
        return {**given, "tlp": least.level.value}, f"is raised from {level} to {least.level}, because of {least.parts}"

    async def _check_structured(self, fields: Fields, given: Mapping[str, JsonValue], problems: list[str]) -> None:
        try:
            if tags := given.get("tags"):
                fields["tags"] = [*self._check_tags(tags)]
        except BadArgument as error:
            problems.append(str(error))
        if "raw" in given:
            await self._check_raw(fields, given["raw"], problems)
        else:
            fields["raw"] = {"data": None}

    async def _check_indicators(self, fields: Fields, given: Mapping[str, JsonValue], problems: list[str]) -> None:
        """Check the indicators of a row together with their types. A list in one text becomes several of the event."""
        text, kind, several = given.get("indicator"), given.get("indicator_type"), given.get("indicators")
        pairs = [(str(text), str(kind) if kind else None)] if isinstance(text, str) and text.strip() else []
        for one in several if isinstance(several, list) else ():
            if isinstance(one, dict):
                typed = one.get("indicator_type")
                pairs.append((str(one["value"]), str(typed) if typed else None))
        if not pairs:
            if isinstance(kind, str) and kind.strip():
                problems.append("indicator_type: there is no indicator of this type")
            return
        found: list[JsonValue] = []
        for value, typed in pairs:
            for part in await self._check_indicator(value, typed, problems):
                found.append(part)
        if isinstance(several, list) or len(found) > 1:
            fields["indicators"] = found
        elif found and isinstance(one := found[0], dict):
            fields["indicator"] = one["value"]
            if one["indicator_type"]:
                fields["indicator_type"] = one["indicator_type"]

    async def _check_raw(self, fields: Fields, given: JsonValue, problems: list[str]) -> None:
        raw = given if isinstance(given, dict) else {"data": given}
        data = raw.get("data")
        try:
            if data is not None and not isinstance(data, dict):
                raise BadArgument("raw", "the data is not a JSON object", 'an object such as {"report": "..."}')
            made: Fields = {"data": None if data is None else check_raw(data, "raw")}
            if source := raw.get("source"):
                made["source"] = check_text(check_length(str(source), "raw.source", "raw.source"), "raw.source")
        except BadArgument as error:
            problems.append(str(error))
            return
        marking: Fields = {}
        if raw.get("tlp"):
            await self._check_text(marking, "tlp", str(raw["tlp"]), "raw.tlp", problems)
        # Evidence without a marking would count as amber, whatever the marking of its event.
        level = marking.get("tlp") or fields.get("tlp")
        if level and (data is not None or "source" in made):
            made["tlp"] = level
        fields["raw"] = made

    def _check_tags(self, tags: JsonValue) -> list[str]:
        listed = tags if isinstance(tags, list) else [tags]
        if not all(isinstance(tag, str) for tag in listed):
            raise BadArgument("tags", "they are not a list of texts", 'texts such as ["malware", "botnet"]')
        filled = [str(tag) for tag in listed if str(tag).strip()]
        if len(filled) == 1 and ("tag", filled[0]) in self._checked:
            return filled
        checked = check_tags(filled) if filled else []
        if checked == filled and len(filled) == 1:
            self._remember(("tag", filled[0]), filled[0])
        return checked

    async def _check_indicator(self, text: str, kind: str | None, problems: list[str]) -> list[JsonValue]:
        """Return the indicators of a text in their canonical form, each with its type as the account spells it."""
        if too_long := _describe_length("indicator", text):
            problems.append(too_long)
            return []
        if not is_whole(text):
            problems.append("indicator: it contains half a character (a lone surrogate). Use whole characters")
            return []
        found = read_indicators(text, kind)
        if found.problem:
            problems.append(found.problem)
        self._note_reading(text, found.values)
        made: list[JsonValue] = []
        for value in found.values:
            part: Fields = {}
            if value.isascii() and value.isprintable():
                part["indicator"] = value
            else:
                await self._check_text(part, "indicator", value, "indicator", problems)
            made.append(
                {"value": part.get("indicator"), "indicator_type": await self._find_type(value, kind, problems)}
            )
        return made

    def _note_reading(self, text: str, values: Sequence[str]) -> None:
        """Note once for a file that indicators were read otherwise than written."""
        if len(values) > 1:
            self._notes.add("a text with several indicators is imported as one event with all of them")
        elif values and values[0] != text.strip() and values[0] == refang_indicator(text):
            self._notes.add("an indicator was written defanged and is imported in its usable form")
        elif values and values[0].casefold() != text.strip().casefold():
            self._notes.add("an indicator was written in another form and is imported in its canonical form")

    async def _find_type(self, value: str, kind: str | None, problems: list[str]) -> str | None:
        """Return the type of an indicator as the account spells it; None if it is not known."""
        part: Fields = {}
        if kind:
            await self._check_text(part, "indicator_type", kind, "indicator_type", problems)
        else:
            part["indicator_type"] = await self._validator.infer_type(value)
        if named := str(part.get("indicator_type") or ""):
            return named
        if not kind:
            self._notes.add("the type of an indicator is not known, so its event has none")
        return None

    async def _check_text(self, fields: Fields, name: str, text: str, argument: str, problems: list[str]) -> None:
        found = self._checked.get((name, text))
        if found is None:
            found = await self._validate(name, text, argument)
        if isinstance(found, str):
            if found or name in REQUIRED_TEXTS:
                fields[name] = found
        else:
            problems.append(str(found).rstrip("."))

    async def _validate(self, name: str, text: str, argument: str) -> str | ThreatEventsError:
        try:
            if name == "date":
                text = self._date_form.read(text)
            found = (await self._validator.check_fields({name: text.strip() if name not in FREE_TEXTS else text}))[name]
        except (BadArgument, Withheld) as error:
            return error if argument == name else ThreatEventsError(f"{argument}: {str(error).partition(': ')[2]}")
        if name == "date" and is_relative(text):
            self.relative_dates[found] = text
        self._remember((name, text), found)
        return found

    def _remember(self, key: tuple[str, str], found: str) -> None:
        if len(key[1]) > MAX_WORD_LENGTH:
            return  # longer values are texts of their own, and many of them would fill the memory
        if len(self._checked) >= MAX_REMEMBERED:
            self._checked.clear()
        self._checked[key] = found


def _include_tags(least: LeastMarking | None, tags: JsonValue) -> LeastMarking | None:
    """Return the least marking of a row, or that of its tags if it is higher."""
    found = find_marking([tag for tag in tags if isinstance(tag, str)]) if isinstance(tags, list) else None
    if found is None or (least is not None and found.rank <= least.level.rank):
        return least
    return LeastMarking(found, "its tags")


def _describe_length(name: str, text: str) -> str:
    """Return the problem of a text that is too long for its field, empty if it is not."""
    try:
        check_length(text, name, name)
    except BadArgument as error:
        return str(error).rstrip(".")
    return ""


def is_whole(text: str) -> bool:
    """Whether a text can be stored and sent: JSON may contain halves of characters, which cannot."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)

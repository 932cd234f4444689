"""Finds out what the columns of a CSV file are: by their names, and by their first values where names mislead."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.errors import BadFile, choices, list_words
from cf1_mcp.imports.indicator_values import is_blank, is_indicator, is_type_word
from cf1_mcp.imports.readers.source_rows import FIELDS, ReaderNotes, quote, unknown_field_error
from cf1_mcp.models.fields import REQUIRED_TEXTS, SETTABLE

MAX_COLUMNS: Final = 1_000
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")

# Fields by column name in lower case, without spaces and punctuation.
FIELD_BY_NAME: Final[Mapping[str, str]] = {
    **{name.replace("_", ""): name for name in FIELDS},
    **{header: field.name for field in SETTABLE for header in field.headers},
    **dict.fromkeys(("evidence", "rawdata"), "raw"),
    **dict.fromkeys(("id", "key", "eventid"), "ref"),
    **dict.fromkeys(("parent", "parentid"), "parent_ref"),
    **dict.fromkeys(("relation", "relationship"), "relationship_type"),
    **dict.fromkeys(("note", "remark", "remarks", "comments"), "insight"),
    **dict.fromkeys(("iocs", "indicatorofcompromise", "observablevalue", "artifactvalue"), "indicator"),
    **dict.fromkeys(("indicatortypename", "typeofindicator", "observablekind", "attributetype"), "indicator_type"),
    **dict.fromkeys(("firstseenutc", "firstseenat", "firstseendate", "firstobserved", "reportdate"), "date"),
    "uuid": "uuid",
}
# Read only if no other column is: a date that is nearer to the event comes first.
FALLBACKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("dateadded", "lastseen", "lastseenutc", "published", "added", "created", "createdat"), "date"),
    **dict.fromkeys(("updated", "modified", "lastonline"), "date"),
    **dict.fromkeys(("data", "indicatordata"), "indicator"),
}
# Columns of one kind of value, each with the type that accounts usually give it.
TYPE_BY_NAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ip", "ips", "ipaddress", "ipaddr", "ipv4", "ipv6", "ipv4address", "ipv6address"), "ip"),
    **dict.fromkeys(("dstip", "ipdst", "destinationip", "c2ip", "cidr", "network"), "ip"),
    **dict.fromkeys(("domain", "domains", "domainname", "hostname", "fqdn", "host"), "domain"),
    **dict.fromkeys(("url", "urls", "uri", "link"), "url"),
    **dict.fromkeys(("hash", "hashes", "filehash", "md5", "sha1", "sha256", "sha512"), "hash"),
    **dict.fromkeys(("md5hash", "sha1hash", "sha256hash", "sha512hash"), "hash"),
    **dict.fromkeys(("email", "emailaddress", "mail", "sender"), "email"),
    **dict.fromkeys(("cve", "cveid", "vulnerability"), "cve"),
    "ja3": "ja3",
}
# Columns of addresses and names that are not indicators: those of pages, people, files and victims.
_OTHER_VALUES: Final = re.compile(
    "ref|report|source|src|link|author|victim|target|file|path|version|site|port|asset|contact|sensor|observer"
)
# The last word of a column's name such as `host.name`, which looks like a domain.
_LAST_WORDS: Final = frozenset(
    {"name", "date", "id", "type", "value", "address", "country", "group", "app", "as", "tld"}
)
# Only a table that this server exported has all of these columns.
OWN_COLUMNS: Final = frozenset({"uuid", "dataset_id", "has_children", "kill_chain", "mitre_capec", "source", "tlp"})
_OWN_UNREAD: Final = frozenset({"dataset_id", "has_children", "kill_chain", "mitre_attack", "mitre_capec", "source"})


class NoColumn(BadFile):
    """A required column is missing. `problem` is the message without the next step."""

    def __init__(self, problem: str, words: Sequence[str]) -> None:
        super().__init__(
            f"{problem}. Name the column with --map COLUMN=FIELD, "
            "or set the same value for all rows with --set FIELD=VALUE.",
            words,
        )
        self.problem = problem


@dataclass
class Columns:
    """The field of each column, empty for one that is left out, and the type of the values of a column of one kind.

    With `own`, this server exported the table.
    """

    names: Sequence[str]
    fields: list[str]
    types: dict[int, str] = field(default_factory=dict[int, str])
    own: bool = False

    @property
    def unread(self) -> list[int]:
        """The places of the columns that are left out."""
        return [place for place, name in enumerate(self.fields) if not name and place not in self.types]


def read_columns(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    mapping: Mapping[str, str],
    constants: Mapping[str, str],
    notes: ReaderNotes,
) -> Columns:
    """Return what the columns are, by their names and the first rows.

    Raises:
        BadFile: there are too many, a required one is missing, or the column of indicators has other values.
        BadArgument: `mapping` names an unknown field.
    """
    if len(names) > MAX_COLUMNS:
        raise BadFile(
            f"The first line of the file has {len(names):,} cells, and at most {MAX_COLUMNS:,} are read. "
            "Start it with a header of the columns that events need."
        )
    columns = Columns(names, _assign_fields(names, mapping), own={*map(str.strip, names)} >= OWN_COLUMNS)
    _assign_types(columns)
    _swap_kinds_and_values(columns, rows, mapping)
    _find_indicators(columns, rows, mapping, notes)
    _leave_out_columns(columns, mapping, notes)
    missing = [name for name in REQUIRED_TEXTS if name not in {*columns.fields, *constants}]
    if missing:
        raise NoColumn(
            f"the file has no column for {choices(missing)}: its columns are {'these' if names else 'none'}",
            list_words([quote(name) for name in names], 20),
        )
    return columns


def is_header(names: Sequence[str]) -> bool:
    """Whether at least two cells of a line are names of columns that are read."""
    known = [name for name in names if (one := normalize(name)) in FIELD_BY_NAME or one in TYPE_BY_NAME]
    return len(known) > 1 or (len(known) == len(names) == 1)


def is_value(name: str) -> bool:
    """Whether a cell of a line is an indicator, and not the name of a column such as `host.name`."""
    last = normalize(name.rpartition(".")[2])
    is_name = last in FIELD_BY_NAME or last in TYPE_BY_NAME or last in _LAST_WORDS
    return not is_name and is_indicator(name)


def normalize(name: str) -> str:
    """Return a column name in lower case, without spaces and punctuation."""
    return _NOT_ALPHANUMERIC.sub("", name).lower()


def _assign_fields(names: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    by_name = {normalize(column): field for column, field in mapping.items()}
    for column, named in mapping.items():
        if named not in FIELDS:
            raise unknown_field_error(named, "--map")
        if normalize(column) not in {normalize(name) for name in names}:
            raise BadFile(
                f"--map: there is no column {quote(column)}. The columns are these.",
                list_words([quote(name) for name in names], 20),
            )
    fields = [by_name.get(normalize(name)) or FIELD_BY_NAME.get(normalize(name), "") for name in names]
    for word in FALLBACKS:
        for place, name in enumerate(names):
            if normalize(name) == word and not fields[place] and FALLBACKS[word] not in fields:
                fields[place] = FALLBACKS[word]
    return fields


def _assign_types(columns: Columns) -> None:
    for place, name in enumerate(columns.names):
        if not columns.fields[place] and (kind := TYPE_BY_NAME.get(normalize(name))):
            columns.types[place] = kind


def _swap_kinds_and_values(columns: Columns, rows: Sequence[Sequence[str]], mapping: Mapping[str, str]) -> None:
    """Find the column of values in a table such as `Indicator,Data,Note`, whose first column has the types.

    Raises:
        BadFile: the column of indicators has no indicators, and no other column has them.
    """
    if "indicator" not in columns.fields or "indicator" in mapping.values():
        return
    place = columns.fields.index("indicator")
    filled = [row for row in rows if len(row) == len(columns.fields) and row[place].strip()]
    if not filled or any(is_indicator(row[place]) for row in filled):
        return
    if not all(is_type_word(row[place]) for row in filled):
        return
    others = [
        other
        for other, name in enumerate(columns.fields)
        if (not name or other in columns.types) and all(is_indicator(row[other]) for row in filled)
    ]
    if not others:
        raise BadFile(
            "The column of indicators has types, and no other column has the values. Name that column with "
            "--map COLUMN=indicator.",
            [quote(columns.names[place]), *(quote(row[place]) for row in filled[:3])],
        )
    columns.types.pop(others[0], None)
    columns.fields[others[0]] = "indicator"
    columns.fields[place] = "" if "indicator_type" in columns.fields else "indicator_type"


def _find_indicators(
    columns: Columns, rows: Sequence[Sequence[str]], mapping: Mapping[str, str], notes: ReaderNotes
) -> None:
    """Read a column of an unknown name as that of the indicators if it alone has them, and note if several may be."""
    if "indicator" in columns.fields or columns.types or "indicator" in mapping.values():
        return
    cells = {
        place: [row[place] for row in rows if len(row) == len(columns.names) and not is_blank(row[place])]
        for place in columns.unread
        if not _OTHER_VALUES.search(normalize(columns.names[place]))
    }
    some = [place for place, values in cells.items() if any(map(is_indicator, values))]
    if len(some) == 1 and all(map(is_indicator, cells[some[0]])):
        columns.fields[some[0]] = "indicator"
        notes.add(f"column {quote(columns.names[some[0]])} is read as indicator: each of its first values is one")
    elif some:
        named = ", ".join(quote(columns.names[place]) for place in some[:5])
        notes.add(f"no column is read as indicator, although {named} has some: name it with --map COLUMN=indicator")


def _leave_out_columns(columns: Columns, mapping: Mapping[str, str], notes: ReaderNotes) -> None:
    """Leave out the columns that repeat a field, and note those that are not read."""
    fields, names = columns.fields, columns.names
    mapped = {normalize(column) for column in mapping}
    for place, name in enumerate(fields):
        is_mapped = normalize(names[place]) in mapped
        taken = name in fields[:place] or (name in mapping.values() and not is_mapped)
        if name and taken:
            notes.add(f"column {quote(names[place])} is left out: another column is already read as {name}")
            fields[place] = ""
        is_read = bool(fields[place]) or place in columns.types
        if not is_read and "tlp" not in mapping.values() and _is_marking(names[place]):
            raise BadFile(
                "A column that is not read has a marking by its name, so it is not certain which marking counts. "
                "Keep one column of markings, and call it tlp.",
                [quote(names[place])],
            )
        if not (name or is_read or (columns.own and names[place].strip() in _OWN_UNREAD)):
            notes.add(f"column {quote(names[place])} is left out: its name does not match a field of an event")


def _is_marking(name: str) -> bool:
    normalized = normalize(unicodedata.normalize("NFKC", name))
    return "tlp" in normalized or FIELD_BY_NAME.get(normalized) == "tlp"

"""The formats by the names that people choose them by."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from cf1_mcp.errors import BadArgument, choices
from cf1_mcp.exports.blocklist import BlockList, ListKind
from cf1_mcp.exports.csv_rows import CsvRows
from cf1_mcp.exports.format import Format, Heading
from cf1_mcp.exports.gateway import LIST_TYPES, GatewayList
from cf1_mcp.exports.handling import Handling
from cf1_mcp.exports.misp import MispEvent
from cf1_mcp.exports.navigator import NavigatorLayer
from cf1_mcp.exports.stix import StixBundle
from cf1_mcp.exports.taxii import TaxiiEnvelope
from cf1_mcp.exports.waf import WafExpressions
from cf1_mcp.text.sanitize import clean

FormatName = Literal["stix2", "taxii", "misp", "csv", "navigator", "waf", "blocklist", "gateway"]

_WHOLE: Final[Mapping[FormatName, type[Format]]] = {
    "stix2": StixBundle,
    "taxii": TaxiiEnvelope,
    "misp": MispEvent,
    "csv": CsvRows,
    "navigator": NavigatorLayer,
    "waf": WafExpressions,
}
FORMATS: Final[Mapping[FormatName, type[Format]]] = {**_WHOLE, "blocklist": BlockList, "gateway": GatewayList}
"""What a file of each format is."""
MEDIA_TYPES: Final[Mapping[str, str]] = {name: made.media_type for name, made in FORMATS.items()}


def new_export(name: FormatName, handling: Handling, heading: Heading, kind: str | None = None) -> Format:
    """An empty file of the format. `kind` says which values a `blocklist` or `gateway` list holds, and is for those.

    Raises:
        BadArgument: the kind is missing, unknown, or given to a format that has none.
    """
    if name == "blocklist":
        return BlockList(handling, heading, _list_kind(kind, ListKind))
    if name == "gateway":
        return GatewayList(handling, heading, _list_kind(kind, LIST_TYPES))
    if kind is not None:
        raise BadArgument("kind", f"a {name} file holds every kind", "it with blocklist or gateway, or leave it out")
    return _WHOLE[name](handling, heading)


def _list_kind(kind: str | None, known: Iterable[ListKind]) -> ListKind:
    found = next((one for one in known if one == kind), None)
    if found is None:
        problem = f"there is no list of {clean(kind, 40)!r}" if kind else "a list holds one kind of value"
        raise BadArgument("kind", problem, choices([one.value for one in known]))
    return found

"""The export formats by name."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from cf1_mcp.errors import BadArgument, choices
from cf1_mcp.exports.blocklist import BlockList, ListKind
from cf1_mcp.exports.csv_rows import CsvRows
from cf1_mcp.exports.detection.sigma import SigmaRules
from cf1_mcp.exports.detection.suricata import SuricataRules
from cf1_mcp.exports.export_file import ExportFile, FileHeading
from cf1_mcp.exports.gateway import LIST_TYPES, GatewayList
from cf1_mcp.exports.misp import MispEvent
from cf1_mcp.exports.navigator import NavigatorLayer
from cf1_mcp.exports.stix import StixBundle, TaxiiEnvelope
from cf1_mcp.exports.waf import WafExpressions
from cf1_mcp.models import Tlp
from cf1_mcp.text.sanitize import clean

FormatName = Literal["stix2", "taxii", "misp", "csv", "navigator", "waf", "sigma", "suricata", "blocklist", "gateway"]

_FORMATS_OF_ALL_KINDS: Final[Mapping[FormatName, type[ExportFile]]] = {
    "stix2": StixBundle,
    "taxii": TaxiiEnvelope,
    "misp": MispEvent,
    "csv": CsvRows,
    "navigator": NavigatorLayer,
    "waf": WafExpressions,
    "sigma": SigmaRules,
    "suricata": SuricataRules,
}
FORMATS: Final[Mapping[FormatName, type[ExportFile]]] = {
    **_FORMATS_OF_ALL_KINDS,
    "blocklist": BlockList,
    "gateway": GatewayList,
}
"""The class of each format."""
MEDIA_TYPES: Final[Mapping[str, str]] = {name: format_.media_type for name, format_ in FORMATS.items()}


def create_export_file(name: FormatName, max_tlp: Tlp, heading: FileHeading, kind: str | None = None) -> ExportFile:
    """Return an empty file of the format. `kind` is the kind of values of a `blocklist` or `gateway` list.

    Raises:
        BadArgument: the kind is missing, unknown, or given for another format.
    """
    if name == "blocklist":
        return BlockList(max_tlp, heading, _list_kind(kind, ListKind))
    if name == "gateway":
        return GatewayList(max_tlp, heading, _list_kind(kind, LIST_TYPES))
    if kind is not None:
        raise BadArgument("kind", f"a {name} file contains all kinds", "it with blocklist or gateway, or leave it out")
    return _FORMATS_OF_ALL_KINDS[name](max_tlp, heading)


def _list_kind(kind: str | None, valid: Iterable[ListKind]) -> ListKind:
    found = next((one for one in valid if one == kind), None)
    if found is None:
        problem = f"{clean(kind, 40)!r} is not a kind of list" if kind else "a list contains one kind of value"
        raise BadArgument("kind", problem, choices([one.value for one in valid]))
    return found

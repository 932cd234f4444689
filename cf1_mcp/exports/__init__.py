"""Events as files of the formats that other systems take. Nothing here reads, writes or sends.

A file is made piece by piece, so that the caller may fetch page after page and memory stays small:

>>> file = new_export("stix2", Handling(Tlp.GREEN), Heading("Weekly", "Cloudforce One Threat Events", now))
>>> pieces = [file.head(), *(file.add(event) for event in events), *file.tail()]
"""

from cf1_mcp.exports.blocklist import ListKind
from cf1_mcp.exports.catalog import FORMATS, MEDIA_TYPES, FormatName, new_export
from cf1_mcp.exports.format import Format, Heading
from cf1_mcp.exports.handling import Handling, label

__all__ = ["FORMATS", "MEDIA_TYPES", "Format", "FormatName", "Handling", "Heading", "ListKind", "label", "new_export"]

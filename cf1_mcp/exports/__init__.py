"""Events as files in the formats that other systems import.

A file is produced piece by piece, so that events can be fetched page after page and memory use stays small:

>>> file = create_export_file("stix2", Tlp.GREEN, FileHeading("Weekly", "Cloudforce One Threat Events", now))
>>> pieces = [file.head(), *(file.add(event) for event in events), *file.tail()]

The formats do no I/O; `writer` fetches the events and writes the file.
"""

from cf1_mcp.exports.blocklist import ListKind
from cf1_mcp.exports.catalog import FORMATS, MEDIA_TYPES, FormatName, create_export_file
from cf1_mcp.exports.export_file import ExportFile, FileHeading
from cf1_mcp.exports.markings import tlp_label

__all__ = [
    "FORMATS",
    "MEDIA_TYPES",
    "ExportFile",
    "FileHeading",
    "FormatName",
    "ListKind",
    "create_export_file",
    "tlp_label",
]

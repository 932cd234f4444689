"""A TAXII 2.1 envelope of events."""

from typing import ClassVar

from cf1_mcp.exports.stix import StixBundle


class TaxiiEnvelope(StixBundle):
    """The objects of the STIX bundle as the answer of a TAXII 2.1 collection, complete in one page."""

    media_type: ClassVar[str] = "application/taxii+json;version=2.1"
    suffix: ClassVar[str] = ".json"

    def _opening(self) -> str:
        return '{"more": false, "objects": ['

    def _closing(self) -> str:
        return "\n]}\n"

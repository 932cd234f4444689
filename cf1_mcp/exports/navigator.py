"""A layer for the ATT&CK Navigator."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Final

from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.markings import tlp_label
from cf1_mcp.exports.stix_vocabulary import technique_ids
from cf1_mcp.models import Event, Tlp

VERSIONS: Final = {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}


class NavigatorLayer(ExportFile):
    """The number of events that used each technique, from their technique ids and from tags that are such ids."""

    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._events: Final = Counter[str]()

    def tail(self) -> Iterator[str]:
        scores = [
            {"techniqueID": technique, "score": count, "comment": f"Events: {count}"}
            for technique, count in sorted(self._events.items())
        ]
        layer = {
            "name": self._name(),
            "versions": VERSIONS,
            "domain": "enterprise-attack",
            "description": self._provenance(),
            "metadata": [
                {"name": "TLP", "value": tlp_label(self.marking)},
                {"name": "Source", "value": self._source()},
            ],
            "layout": {"layout": "side", "expandedSubtechniques": "annotated"},
            "gradient": {
                "colors": ["#ffffff", "#ff6666"],
                "minValue": 0,
                "maxValue": max(self._events.values(), default=1),
            },
            "techniques": scores,
        }
        yield json.dumps(layer, ensure_ascii=False, indent=1) + "\n"

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        found = technique_ids(event)
        if not found:
            return Omission("no technique")
        self._events.update(found)
        return ""

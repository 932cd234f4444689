"""A layer for the ATT&CK Navigator."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Final

from cf1_mcp.exports.format import Format, Heading, LeftOut
from cf1_mcp.exports.handling import Handling, label
from cf1_mcp.exports.stix_terms import techniques
from cf1_mcp.models import Event, Tlp

VERSIONS: Final = {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}


class NavigatorLayer(Format):
    """How many events used each technique, by their own technique ids and by tags that are such ids."""

    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"

    def __init__(self, handling: Handling, heading: Heading) -> None:
        super().__init__(handling, heading)
        self._events: Final = Counter[str]()

    def tail(self) -> Iterator[str]:
        told = [
            {"techniqueID": technique, "score": count, "comment": f"Events: {count}"}
            for technique, count in sorted(self._events.items())
        ]
        layer = {
            "name": self._name(),
            "versions": VERSIONS,
            "domain": "enterprise-attack",
            "description": self._provenance(),
            "metadata": [{"name": "TLP", "value": label(self.marking)}, {"name": "Source", "value": self._source()}],
            "layout": {"layout": "side", "expandedSubtechniques": "annotated"},
            "gradient": {
                "colors": ["#ffffff", "#ff6666"],
                "minValue": 0,
                "maxValue": max(self._events.values(), default=1),
            },
            "techniques": told,
        }
        yield json.dumps(layer, ensure_ascii=False, indent=1) + "\n"

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        found = techniques(event)
        if not found:
            return LeftOut("no technique")
        self._events.update(found)
        return ""

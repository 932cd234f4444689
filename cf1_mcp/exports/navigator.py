"""A layer for the ATT&CK Navigator."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from cf1_mcp.exports.attack_matrix import is_enterprise_technique, name_matrix
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.markings import tlp_label
from cf1_mcp.exports.stix_vocabulary import technique_ids
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.plurals import plural

MAX_NAMED: Final = 10
VERSIONS: Final = {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}


class NavigatorLayer(ExportFile):
    """The number of events that used each technique, from their technique ids and from tags that are such ids.

    A layer shows one matrix, the enterprise one, so techniques of others are left out.
    """

    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._events: Final = Counter[str]()
        self._others: Final = Counter[str]()

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

    def notes(self) -> Sequence[str]:
        if not self._others:
            return ()
        some = ", ".join(f"{one} ({plural(count, 'event')})" for one, count in self._others.most_common(MAX_NAMED))
        return (
            f"{plural(len(self._others), 'technique')} of other matrices (control systems, mobile) or unknown "
            f"left out of the enterprise layer: {some}{', ...' if len(self._others) > MAX_NAMED else ''}.",
        )

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        named = technique_ids(event)
        if not named:
            return Omission("no technique")
        found = [one for one in named if is_enterprise_technique(one)]
        others = [one for one in named if one not in found]
        self._others.update(others)
        if not found:
            return Omission(f"{name_matrix(others[0])} alone, which the enterprise layer does not have")
        self._events.update(found)
        return ""

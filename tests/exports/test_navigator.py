"""The layer for the ATT&CK Navigator."""

import json

from inline_snapshot import snapshot

from cf1_mcp.models import Tlp
from tests.exports.files import BARE, EVENT, empty_file, make_event, render_file


def test_the_score_of_a_technique_is_its_number_of_events() -> None:
    file = empty_file("navigator", Tlp.AMBER)
    tagged = make_event(
        "t", mitre_attack=["T1090", "T1090"], tags=["T1090", "T1566.002", "t1059", "T1", "not T1059"], tlp="amber"
    )
    text = render_file(file, [EVENT, tagged, BARE, make_event("r", tlp="red")])
    assert json.loads(text) == snapshot(
        {
            "name": "Relays of autumn",
            "versions": {"attack": "18", "navigator": "5.1.0", "layer": "4.5"},
            "domain": "enterprise-attack",
            "description": "Relays of autumn. TLP:AMBER. Source: cf1-mcp sandbox, fictional events. Created 2026-11-24T12:00:00Z. Events: 2.",
            "metadata": [
                {"name": "TLP", "value": "TLP:AMBER"},
                {"name": "Source", "value": "cf1-mcp sandbox, fictional events"},
            ],
            "layout": {"layout": "side", "expandedSubtechniques": "annotated"},
            "gradient": {"colors": ["#ffffff", "#ff6666"], "minValue": 0, "maxValue": 2},
            "techniques": [
                {"techniqueID": "T1071.001", "score": 1, "comment": "Events: 1"},
                {"techniqueID": "T1090", "score": 2, "comment": "Events: 2"},
                {"techniqueID": "T1566.002", "score": 1, "comment": "Events: 1"},
            ],
        }
    )
    assert dict(file.left_out) == {"no technique": 1, "above TLP:AMBER": 1}


def test_a_layer_without_techniques_is_valid() -> None:
    layer = json.loads(render_file(empty_file("navigator"), [BARE]))
    assert (layer["techniques"], layer["gradient"]["maxValue"]) == ([], 1)

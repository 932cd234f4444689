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


def test_techniques_of_other_matrices_are_left_out_and_counted() -> None:
    file = empty_file("navigator")
    mixed = make_event("m", mitre_attack=["T1090", "T0883"], tags=["T1398", "T9999", "T1566.099"])
    control = make_event("c", mitre_attack=["T0883"], tags=[])
    mobile = make_event("p", mitre_attack=[], tags=["T1398"])
    layer = json.loads(render_file(file, [mixed, control, mobile]))
    assert [one["techniqueID"] for one in layer["techniques"]] == ["T1090"]
    assert (file.event_count, dict(file.left_out), [*file.notes()]) == snapshot(
        (
            1,
            {
                "techniques of industrial control systems alone, which the enterprise layer does not have": 1,
                "mobile, revoked or unknown techniques alone, which the enterprise layer does not have": 1,
            },
            [
                "4 techniques of other matrices (control systems, mobile) or unknown left out of the enterprise layer: T0883 (2 events), T1398 (2 events), T9999 (1 event), T1566.099 (1 event)."
            ],
        )
    )

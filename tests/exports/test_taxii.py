"""The TAXII 2.1 envelope."""

import json

from cf1_mcp.models import Tlp
from tests.exports.files import BARE, EVENT, empty_file, make_event, render_file


def test_an_envelope_is_complete_and_contains_the_objects_of_the_bundle() -> None:
    events, links = [EVENT, BARE, make_event("secret", tlp="red")], [(BARE.uuid, EVENT.uuid)]
    envelope = json.loads(render_file(empty_file("taxii", Tlp.GREEN), events, links))
    bundle = json.loads(render_file(empty_file("stix2", Tlp.GREEN), events, links))
    assert envelope == {"more": False, "objects": bundle["objects"]}


def test_an_envelope_has_its_media_type() -> None:
    assert empty_file("taxii").media_type == "application/taxii+json;version=2.1"

"""The TAXII 2.1 envelope."""

import json

from cf1_mcp.models import Tlp
from tests.exports.making import BARE, EVENT, event, export, written


def test_an_envelope_is_complete_and_holds_the_objects_of_the_bundle() -> None:
    events, links = [EVENT, BARE, event("secret", tlp="red")], [(BARE.uuid, EVENT.uuid)]
    envelope = json.loads(written(export("taxii", Tlp.GREEN), events, links))
    bundle = json.loads(written(export("stix2", Tlp.GREEN), events, links))
    assert envelope == {"more": False, "objects": bundle["objects"]}


def test_an_envelope_says_its_media_type() -> None:
    assert export("taxii").media_type == "application/taxii+json;version=2.1"

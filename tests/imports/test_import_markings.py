"""An imported event has the highest marking of all parts that it is made of, by the tool and by the command."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import EventSearch, Tlp
from tests.conversations import ask, refused
from tests.imports.import_command import import_command
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
CLEAR_1 = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
GREEN_1 = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
AMBER_1 = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
RED_1 = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
CLEAR = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
OWN = "marking-definition--00000000-0000-4000-8000-000000000001"
SECRET = "SECRET ACTOR"


def granular(ref: str, *selectors: str) -> Json:
    return {"granular_markings": [{"marking_ref": ref, "selectors": [*selectors]}]}


def thing(kind: str, *refs: str, **more: JsonValue) -> Json:
    return {"type": kind, "id": f"{kind}--x", "name": SECRET, "object_marking_refs": [*refs], **more}


def link(other: str, *refs: str, kind: JsonValue = "indicates", **more: JsonValue) -> Json:
    ends: Json = {"source_ref": "indicator--a", "relationship_type": kind, "target_ref": other}
    return {"type": "relationship", "id": "relationship--x", "object_marking_refs": [*refs], **ends, **more}


def define(**more: JsonValue) -> Json:
    return {"type": "marking-definition", "id": OWN, **more}


def bundle(own: Json, *others: Json) -> str:
    shared: Json = {"spec_version": "2.1", "created": "2026-11-20T00:00:00Z"}
    first: Json = {
        "type": "indicator",
        "id": "indicator--a",
        "name": "the event",
        "pattern": "[domain-name:value = 'a.example']",
        "object_marking_refs": [GREEN],
    }
    return json.dumps(
        {
            "type": "bundle",
            "id": "bundle--1",
            "objects": [{**shared, **first, **own}, *({**shared, **one} for one in others)],
        }
    )


EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
# A bundle with the event that is marked green, what is added to it, and the marking of the event.
STIX: list[tuple[str, Json, list[Json], str]] = [
    ("nothing is higher", {}, [thing("intrusion-set", CLEAR), link("intrusion-set--x", GREEN)], "green"),
    ("granular description", {"description": SECRET, **granular(RED, "description")}, [], "red"),
    ("granular name", granular(AMBER, "name"), [], "amber"),
    ("granular pattern", granular(STRICT, "pattern"), [], "amber+strict"),
    ("granular label", {"labels": ["x", "y"], **granular(RED_1, "labels.[1]")}, [], "red"),
    ("granular reference", granular(AMBER_1, "external_references.[0].description"), [], "amber"),
    ("granular date", granular(RED, "created"), [], "red"),
    (
        "two granular",
        {
            "granular_markings": [
                {"marking_ref": RED, "selectors": ["labels"]},
                {"marking_ref": CLEAR, "selectors": ["name"]},
            ]
        },
        [],
        "red",
    ),
    ("granular below the object", {"object_marking_refs": [AMBER], **granular(CLEAR, "name")}, [], "amber"),
    (
        "granular of what is not imported",
        {"x_internal_notes": "x", "modified": "2026-11-21T00:00:00Z", **granular(RED, "x_internal_notes", "modified")},
        [],
        "green",
    ),
    ("granular of a property that is not there", granular(RED, "nam\u0435"), [], "red"),
    ("granular of another property that is not there", granular(STRICT, "Name.[0]"), [], "amber+strict"),
    ("a property of its own", {"x_tlp": "red"}, [], "red"),
    ("a property of a platform", {"x_opencti_tlp": "TLP:AMBER"}, [], "amber"),
    ("a property of its own with an unknown level", {"x_tlp": "very secret"}, [], "red"),
    ("a property of an extension", {"extensions": {EXTENSION: {"tlp_2_0": "red"}}}, [], "red"),
    ("a property of a red actor", {}, [thing("intrusion-set", GREEN, x_tlp="red"), link("intrusion-set--x")], "red"),
    (
        "a statement with a level",
        {"object_marking_refs": [GREEN, OWN]},
        [define(definition_type="statement", definition={"statement": "TLP:RED"})],
        "red",
    ),
    ("granular language", {"granular_markings": [{"lang": "de", "selectors": ["name"]}]}, [], "green"),
    ("granular without selectors", {"granular_markings": [{"marking_ref": RED}]}, [], "red"),
    ("granular that cannot be read", {"granular_markings": ["red"]}, [], "red"),
    ("granular of an unknown definition", granular("marking-definition--gone", "name"), [], "red"),
    ("granular as an object alone", {"granular_markings": {"marking_ref": RED, "selectors": "name"}}, [], "red"),
    ("two markings of the object", {"object_marking_refs": [GREEN, RED_1]}, [], "red"),
    ("a marking that is not in a list", {"object_marking_refs": RED}, [], "red"),
    ("TLP 1.0 white", {"object_marking_refs": [CLEAR_1]}, [], "clear"),
    ("TLP 1.0 green", {"object_marking_refs": [GREEN_1]}, [], "green"),
    ("a red actor", {}, [thing("intrusion-set", RED), link("intrusion-set--x", GREEN)], "red"),
    ("a red threat actor", {}, [thing("threat-actor", RED_1), link("threat-actor--x")], "red"),
    (
        "an actor whose name is red",
        {},
        [thing("intrusion-set", GREEN, **granular(RED, "name")), link("intrusion-set--x")],
        "red",
    ),
    (
        "an actor whose notes are red",
        {},
        [thing("intrusion-set", GREEN, goals=["x"], **granular(RED, "goals")), link("intrusion-set--x")],
        "green",
    ),
    ("amber malware", {}, [thing("malware", AMBER), link("malware--x")], "amber"),
    ("a red technique", {}, [thing("attack-pattern", RED), link("attack-pattern--x")], "red"),
    ("a red tool", {}, [thing("tool", RED), link("tool--x")], "red"),
    ("a red country", {}, [thing("location", RED, country="DE"), link("location--x", kind="targets")], "red"),
    (
        "a red victim",
        {},
        [thing("identity", RED, identity_class="class", name="Agriculture"), link("identity--x", kind="targets")],
        "red",
    ),
    (
        "a red organisation that is not imported",
        {},
        [thing("identity", RED, identity_class="organization"), link("identity--x")],
        "green",
    ),
    (
        "an unknown marking of an actor",
        {},
        [thing("intrusion-set", "marking-definition--gone"), link("intrusion-set--x")],
        "red",
    ),
    ("a red relationship", {}, [thing("intrusion-set", GREEN), link("intrusion-set--x", RED)], "red"),
    (
        "a relationship that is red in part",
        {},
        [thing("malware", GREEN), link("malware--x", GREEN, **granular(RED, "target_ref"))],
        "red",
    ),
    (
        "a red sighting",
        {},
        [
            {
                "type": "sighting",
                "id": "sighting--1",
                "sighting_of_ref": "indicator--a",
                "last_seen": "2026-11-21T00:00:00Z",
                "object_marking_refs": [RED],
            }
        ],
        "red",
    ),
    (
        "a place in a red sighting",
        {},
        [
            {
                "type": "sighting",
                "id": "sighting--1",
                "sighting_of_ref": "indicator--a",
                "object_marking_refs": [AMBER],
                "where_sighted_refs": ["location--x"],
            },
            thing("location", GREEN, country="DE"),
        ],
        "amber",
    ),
    (
        "a second version in red",
        {},
        [{"type": "indicator", "id": "indicator--a", "name": "newer", "object_marking_refs": [RED]}],
        "red",
    ),
    ("a label that is a marking", {"labels": ["TLP:Amber"]}, [], "amber"),
    ("a label of no TLP level", {"labels": ["tlp:ex:chr"]}, [], "red"),
    (
        "a statement",
        {"object_marking_refs": [GREEN, OWN]},
        [define(definition_type="statement", definition={"statement": "Copyright"})],
        "green",
    ),
    (
        "a definition of TLP 1 in capitals",
        {"object_marking_refs": [OWN]},
        [define(definition_type="tlp", definition={"tlp": "WHITE"})],
        "clear",
    ),
    ("a definition by its name", {"object_marking_refs": [OWN]}, [define(name="tlp:Amber+Strict")], "amber+strict"),
    (
        "the extension of TLP 2.0",
        {"object_marking_refs": [OWN]},
        [define(extensions={EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "red"}})],
        "red",
    ),
    (
        "an extension that contradicts its name",
        {"object_marking_refs": [OWN]},
        [define(name="TLP:CLEAR", extensions={EXTENSION: {"tlp_2_0": "amber"}})],
        "amber",
    ),
    (
        "a definition of another kind",
        {"object_marking_refs": [GREEN, OWN]},
        [define(definition_type="iep", definition={})],
        "red",
    ),
    (
        "a level that TLP does not have",
        {"object_marking_refs": [OWN]},
        [define(definition_type="tlp", definition={"tlp": "purple"})],
        "red",
    ),
    ("tlp:ex: as a name", {"object_marking_refs": [OWN]}, [define(name="tlp:ex:chr")], "red"),
    (
        "a definition that claims to be clear under the id of red",
        {"object_marking_refs": [RED]},
        [{"type": "marking-definition", "id": RED, "name": "TLP:CLEAR"}],
        "red",
    ),
]


def misp(tags: list[str], attribute: list[str], **more: JsonValue) -> str:
    one: Json = {"type": "domain", "value": "a.example", "uuid": "a1", "Tag": [{"name": tag} for tag in attribute]}
    one |= {"Galaxy": more.pop("attribute_galaxy", [])}
    event: Json = {"uuid": "e1", "info": "the event", "date": "2026-11-20", "Attribute": [one], **more}
    return json.dumps({"Event": {"Tag": [{"name": tag} for tag in tags], **event}})


def galaxy(*tags: str) -> list[JsonValue]:
    return [{"type": "threat-actor", "GalaxyCluster": [{"value": "X", "Tag": [{"name": tag} for tag in tags]}]}]


# A red marking in the forms in which exports write tags.
SPELT: list[JsonValue] = [
    [{"Tag": {"name": "tlp:red"}}],
    [{"tag_id": 1, "Tag": [{"name": "type:x"}, {"name": "tlp:red"}]}],
    {"Tag": {"name": "TLP:RED"}},
    [{"name": "tlp:red"}],
    ["tlp:green", "tlp:red"],
    "tlp:red",
    [["tlp:eyes-only"]],
]
ATTRIBUTE: Json = {"type": "domain", "value": "a.example", "uuid": "a1"}
RED_PART: Json = {"value": SECRET, "Tag": [{"name": "tlp:red"}]}


def misp_object(part: Json, attributes: list[JsonValue], **more: JsonValue) -> str:
    """Return an event that is marked green, with an object that has this part."""
    groups: list[JsonValue] = [{"name": "file", "Attribute": attributes, **part}]
    return misp(["tlp:green"], [], **{"Attribute": [], "Object": groups} | more)


# The tags of an event and of its attribute, and the markings of the two rows.
ACTOR = 'misp-galaxy:threat-actor="SECRET ACTOR"'
MISP: list[tuple[str, str, list[str]]] = [
    ("the same", misp(["tlp:green"], ["tlp:green"]), ["green", "green"]),
    ("a red event", misp(["tlp:red", ACTOR], ["tlp:clear"]), ["red", "red"]),
    ("a red attribute", misp(["tlp:clear"], ["tlp:red"]), ["clear", "red"]),
    ("an attribute without a marking", misp(["tlp:amber"], []), ["amber", "amber"]),
    ("several markings", misp(["tlp:green", "TLP:AMBER+STRICT", "tlp:white"], ["tlp:green"]), ["amber+strict"] * 2),
    ("mixed case and blanks", misp([" TLP : Amber "], ["Tlp:GREEN"]), ["amber", "amber"]),
    ("tlp:ex:", misp(["tlp:ex:chr"], ["tlp:clear"]), ["red", "red"]),
    ("no level", misp(["tlp:unclear"], ["tlp:green"]), ["red", "red"]),
    ("as a machine tag", misp(['tlp="red"'], ["tlp:green"]), ["red", "red"]),
    ("a red galaxy of the event", misp(["tlp:green"], ["tlp:clear"], Galaxy=galaxy("tlp:red")), ["red", "red"]),
    (
        "an amber galaxy of the attribute",
        misp(["tlp:clear"], [], attribute_galaxy=galaxy("tlp:amber")),
        ["clear", "amber"],
    ),
    (
        "relations of a galaxy",
        misp(
            ["tlp:green"], [], Galaxy=[{"GalaxyCluster": [{"GalaxyClusterRelation": [{"Tag": [{"name": "tlp:red"}]}]}]}]
        ),
        ["red", "red"],
    ),
    ("a tag that is not in a list", misp([], ["tlp:clear"], Tag={"name": "tlp:red"}), ["red", "red"]),
    *(
        (
            f"a red {name} of the attribute as {type(tag).__name__} {number}",
            misp_object({name: tag}, [], Attribute=[{**ATTRIBUTE, name: tag}]),
            ["green", "red"],
        )
        for name in ("Tag", "AttributeTag", "Tags", "attributetag")
        for number, tag in enumerate(SPELT)
    ),
    *(
        (f"a red {name} of the object {number}", misp_object({name: tag}, [ATTRIBUTE]), ["green", "red"])
        for name in ("Tag", "ObjectTag")
        for number, tag in enumerate(SPELT)
    ),
    *(
        (f"a red EventTag {number}", misp(["tlp:green"], ["tlp:clear"], EventTag=tag), ["red", "red"])
        for number, tag in enumerate(SPELT)
    ),
    *(
        (f"spelt {tag}", misp([tag, "tlp:green"], ["tlp:clear"]), ["red", "red"])
        for tag in (
            "TLP-RED",
            "tlp_red",
            "TLP RED",
            "\uff54\uff4c\uff50\uff1a\uff52\uff45\uff44",
            "tlp: =red",
            "Tlp - red",
        )
    ),
    ("a red galaxy of the object", misp_object({"Galaxy": galaxy("tlp:red")}, [ATTRIBUTE]), ["green", "red"]),
    ("an unknown marking of the object", misp_object({"Tag": ["tlp:ex:chr"]}, [ATTRIBUTE]), ["green", "red"]),
    (
        "a clear object",
        misp_object({"Tag": ["tlp:clear"]}, [{**ATTRIBUTE, "Tag": ["tlp:amber"]}]),
        ["green", "amber"],
    ),
    (
        "a proposal and a sighting that are red",
        misp_object({}, [{**ATTRIBUTE, "ShadowAttribute": [RED_PART], "Sighting": [RED_PART]}]),
        ["green", "green"],
    ),
    ("a deleted attribute", misp_object({}, [ATTRIBUTE, {**ATTRIBUTE, **RED_PART, "deleted": True}]), ["green"] * 2),
]


async def imported(tenant: Tenant, content: str, *defaults: str) -> list[str]:
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        given: list[JsonValue] = ["category=Phishing", *defaults]
        await ask(client, "import_threat_events", dataset_id=MINE, content=content, defaults=given)
    tenant.wait(600)
    async with tenant.api() as api:
        found = await api.list_events(EventSearch(dataset_id=[tenant.dataset_id(MINE)]))
    events = sorted(found.result, key=lambda event: event.indicator)
    for event in events:
        async with tenant.api() as api:
            assert (await api.read_raw(event.uuid, event.raw_id)).tlp == event.tlp
    return [event.tlp for event in events]


@pytest.mark.parametrize(("own", "others", "marking"), [one[1:] for one in STIX], ids=[one[0] for one in STIX])
async def test_an_event_of_a_bundle_has_the_highest_marking_of_its_parts(
    tenant: Tenant, own: Json, others: list[Json], marking: str
) -> None:
    assert await imported(tenant, bundle(own, *others)) == [marking]


@pytest.mark.parametrize(("content", "markings"), [one[1:] for one in MISP], ids=[one[0] for one in MISP])
async def test_an_event_of_misp_has_the_highest_marking_of_its_parts(
    tenant: Tenant, content: str, markings: list[str]
) -> None:
    assert await imported(tenant, content) == markings


RANKED = [(name, bundle(own, *others), [marking]) for name, own, others, marking in STIX] + MISP
ABOVE = [one for one in RANKED if any(Tlp.of(marking).rank > Tlp.AMBER.rank for marking in one[2])]


@pytest.mark.parametrize("content", [one[1] for one in ABOVE], ids=[one[0] for one in ABOVE])
async def test_what_is_above_the_ceiling_is_not_imported(tenant: Tenant, content: str) -> None:
    async with tenant.server(tenant.allowed()) as client:
        given: Json = {"content": content, "defaults": ["category=Phishing"]}
        words = await refused(client, "import_threat_events", dataset_id=MINE, **given)
    assert "withheld by CF1_MAX_TLP (amber)" in words and SECRET not in words
    assert tenant.changes_sent() == []


async def test_a_default_is_raised_to_the_marking_of_the_parts(tenant: Tenant) -> None:
    unmarked = bundle({"object_marking_refs": []}, thing("intrusion-set", AMBER), link("intrusion-set--x"))
    async with tenant.server(tenant.allowed()) as client:
        given: Json = {"content": unmarked, "defaults": ["category=Phishing"]}
        missing = await refused(client, "import_threat_events", dataset_id=MINE, **given)
    assert "tlp: it is missing" in missing
    assert await imported(tenant, unmarked, "tlp=green") == ["amber"]


@pytest.mark.parametrize(
    "columns",
    [
        "tlp,TLP",
        "tlp,marking",
        "tlp,tlp_marking",
        "tlp,raw_tlp",
        "Sharing,TLP",
        "date,TLP colour",
        "x,\uff34\uff2c\uff30",
    ],
)
async def test_a_table_with_two_columns_of_markings_is_refused(tenant: Tenant, columns: str) -> None:
    content = f"date,category,event,{columns}\n2026-11-20,Phishing,x,green,red"
    if columns.startswith("date"):
        content = f"category,event,{columns}\nPhishing,x,2026-11-20,red"
    async with tenant.server(tenant.allowed()) as client:
        given: Json = {"content": content, "format": "csv", "defaults": ["tlp=green"]}
        words = await refused(client, "import_threat_events", dataset_id=MINE, **given)
    assert "Keep one column of markings, and call it tlp" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("column", ["classification", "Sharing Level", "handling", "restriction"])
async def test_a_marking_in_a_column_that_is_not_read_is_refused(tenant: Tenant, column: str) -> None:
    content = f"date,category,event,tlp,{column}\n2026-11-20,Phishing,x,green,TLP:RED"
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, content=content, format="csv")
    assert "a cell has a marking, but its column is not read" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tag", ["tlp:red", "TLP-RED", " tlp = Red", "tlp:ex:chr"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "rows"])
async def test_a_marking_among_tags_raises_that_of_the_event(tenant: Tenant, tag: str, form: str) -> None:
    row: Json = {"date": "2026-11-20", "category": "Phishing", "event": "x", "tlp": "green", "tags": ["lure", tag]}
    contents: dict[str, Json] = {
        "csv": {"content": f"date,category,event,tlp,tags\n2026-11-20,Phishing,x,green,lure;{tag}", "format": "csv"},
        "jsonl": {"content": json.dumps(row), "format": "jsonl"},
        "rows": {"rows": [row]},
    }
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, **contents[form])
    assert "withheld by CF1_MAX_TLP (amber)" in words and tenant.changes_sent() == []
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        done = await ask(client, "import_threat_events", dataset_id=MINE, **contents[form])
    async with tenant.api() as api:
        search = EventSearch(dataset_id=[tenant.dataset_id()], page_size=5)
        assert [event.tlp for event in (await api.list_events(search)).result] == ["red"]
    told = "such as green as red" if form == "rows" else "raised from green to red, because of its tags"
    assert told in json.dumps(done)


async def test_what_is_proposed_or_sighted_is_noted(tenant: Tenant) -> None:
    content = misp_object({}, [{**ATTRIBUTE, "ShadowAttribute": [RED_PART, RED_PART], "Sighting": RED_PART}])
    async with tenant.server(tenant.allowed()) as client:
        given: Json = {"content": content, "defaults": ["category=Phishing"]}
        answer = await ask(client, "import_threat_events", dataset_id=MINE, **given)
    assert answer["content_notes"] == snapshot(
        ["a ShadowAttribute is not imported (2 times)", "a Sighting is not imported"]
    )


async def test_a_default_is_not_lowered_by_the_marking_of_an_attribute(tenant: Tenant) -> None:
    assert await imported(tenant, misp([], ["tlp:clear"]), "tlp=green") == ["green", "green"]


async def test_raised_markings_are_told_with_their_reasons(tenant: Tenant) -> None:
    parts = bundle(
        {"description": "x", **granular(AMBER, "description", "name")}, thing("malware", AMBER), link("malware--x")
    )
    async with tenant.server(tenant.allowed()) as client:
        answers = [
            await ask(client, "import_threat_events", dataset_id=MINE, content=content, defaults=["category=Phishing"])
            for content in (parts, misp(["tlp:amber"], ["tlp:green"]))
        ]
        red = bundle({}, thing("intrusion-set", RED), link("intrusion-set--x"))
        words = await refused(
            client, "import_threat_events", dataset_id=MINE, content=red, defaults=["category=Phishing"]
        )
    assert [answer["content_notes"] for answer in answers] == snapshot(
        [
            ["a marking is raised from green to amber, because of its description, its name, its malware"],
            ["a marking is raised from green to amber, because of the tags of its event"],
        ]
    )
    assert words == snapshot("""\
content: 1 of 1 row cannot be imported, so nothing was sent. Use the same content with these corrected.
<untrusted MARK>
object 1: tlp: the marking red is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it. The marking of the row is raised from green to red, because of its intrusion-set
</untrusted MARK>\
""")


def test_the_command_raises_markings_and_leaves_out_what_is_above_the_ceiling(tmp_path: Path) -> None:
    bundles = {
        "raised.stix": bundle({}, thing("malware", AMBER), link("malware--x")),
        "above.stix": bundle(
            granular(RED, "name"), {"type": "report", "id": "report--r", "name": "seen", "object_marking_refs": [GREEN]}
        ),
        "misp.json": misp(["tlp:amber"], ["tlp:clear"]),
    }
    told: dict[str, list[str]] = {}
    with import_command(tmp_path) as api:
        for name, content in bundles.items():
            result = api.run(api.write_file(name, content), "--set", "category=Phishing", "--skip-bad")
            told[name] = [line for line in result.sentences() if "marking" in line]
        assert SECRET not in str(told)
        markings = sorted((event["event"], event["tlp"]) for event in api.events())
    assert told == snapshot(
        {
            "raised.stix": ["a marking is raised from green to amber, because of its malware"],
            "above.stix": [
                "row 1: tlp: the marking red is withheld by CF1_MAX_TLP (amber). Change that setting to allow it. The marking of the row is raised from green to red, because of its name"
            ],
            "misp.json": ["a marking is raised from clear to amber, because of the tags of its event"],
        }
    )
    assert markings == snapshot([("seen", "green"), ("the event", "amber"), ("the event", "amber")])

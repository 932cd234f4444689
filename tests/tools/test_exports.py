"""The export tool: files for other systems, offered as links and read in pages."""

import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceLink, TextResourceContents
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.exports import FileHeading, create_export_file, gateway, writer
from cf1_mcp.exports.reading import describe_rules
from cf1_mcp.exports.writer import PAGE_SIZE, RESERVED_AFTER_EVENTS, export_events
from cf1_mcp.models import EventSearch, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from cf1_mcp.store.export_files import MAX_PAGE_LENGTH, ExportFolder
from tests.contract.every_tool import PlantedTenant
from tests.contract.harmless import assert_harmless, assert_visible
from tests.contract.test_untrusted_text import ADDRESS, PLANT
from tests.conversations import ask, refused, same_mark, text_of
from tests.exports.test_stix import problems
from tests.tenant import NOW, Tenant
from tests.upstreams import ACCOUNT, TOKEN, Act, answer, failed, upstream

pytestmark = pytest.mark.anyio

TOOL = "export_threat_events"
FORMATS: list[tuple[str, str | None]] = [
    ("stix2", None),
    ("taxii", None),
    ("misp", None),
    ("csv", None),
    ("navigator", None),
    ("waf", None),
    ("sigma", None),
    ("suricata", None),
    ("blocklist", "ip"),
    ("blocklist", "hash"),
    ("gateway", "domain"),
]
ID = re.compile(r"\b[a-z2-7]{16}\b")


@asynccontextmanager
async def serve(sample: Tenant, settings: Settings, now: datetime = NOW, mode: str = "auto") -> AsyncGenerator[Client]:
    server = build_server(settings, sample.connect, clock=lambda: now)
    async with Client(server, mode="legacy" if mode == "legacy" else "auto") as client:
        yield client


async def read_page(client: Client, address: str) -> tuple[str, dict[str, JsonValue]]:
    """Return the text and the metadata of a page."""
    (content,) = (await client.read_resource(address)).contents
    assert isinstance(content, TextResourceContents)
    return content.text, dict(content.meta or {})


async def read_whole(client: Client, export_id: JsonValue) -> str:
    """Return a file, joined from its pages."""
    pages: list[str] = []
    following: JsonValue = 0
    while following is not None:
        text, about = await read_page(client, f"cf1://exports/{export_id}?offset={following}")
        assert 0 < len(text) <= MAX_PAGE_LENGTH
        pages.append(text)
        following = about.get("next_offset")
    return "".join(pages)


async def export_rows(client: Client, **arguments: JsonValue) -> list[dict[str, str]]:
    """Return the rows of a CSV export."""
    made = await ask(client, TOOL, format="csv", **arguments)
    return [*csv.DictReader(StringIO(await read_whole(client, made["export_id"]), newline=""))]


def read_files(folder: Path) -> dict[str, str]:
    """Return the text of each export in the folder, by its id."""
    files = [path for path in (folder / "exports").iterdir() if path.name.count(".") == 3]
    return {path.name.split(".")[0]: path.read_bytes().decode() for path in files}


def folder_of(settings: Settings) -> ExportFolder:
    """Return the folder of exports under the rules that the sample tenant has with these settings."""
    return ExportFolder(settings, lambda: NOW).under(describe_rules(ReadPolicy((), False, settings.max_tlp)))


def call_over_stdio(version: str, folder: Path, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Call the tool through the real server in a version of the protocol, and return the raw result."""
    about: dict[str, JsonValue] = {"name": "old", "version": "1"}
    opening: dict[str, JsonValue] = {"protocolVersion": version, "capabilities": {}, "clientInfo": about}
    lines: list[dict[str, JsonValue]] = [
        {"id": 1, "method": "initialize", "params": opening},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": TOOL, "arguments": arguments}},
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "cf1_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "CF1_STATE_DIR": str(folder)},
        text=True,
    ) as server:
        assert server.stdin and server.stdout
        for line in lines:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **line}) + "\n")
        server.stdin.flush()
        answers = (json.loads(line) for line in server.stdout)
        found = next(answer for answer in answers if answer.get("id") == 2)
        server.stdin.close()
    return found["result"]


def replace_ids(text: str) -> str:
    """Replace the ids of exports in a text by one."""
    return ID.sub("ID", text)


# -- the result


@pytest.mark.both_moods
async def test_an_export_is_summarised_and_offered_as_a_link(any_client: Client) -> None:
    result = await any_client.call_tool(TOOL, {"format": "csv", "attacker": ["COPPER LANTERN"], "since": "7d"})
    assert replace_ids(same_mark(text_of(result.content))) == snapshot("""\
[sandbox: fictional data, not intelligence]
export_id: ID
resource: cf1://exports/ID
format: csv
size: 28300
marking: TLP:GREEN
expires: 2026-11-25T12:00:00Z
events: 80
left_out: 48 events: above TLP:GREEN
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: since: 7d as 2026-11-17T12:00:00Z
</untrusted MARK>\
""")
    data: dict[str, JsonValue] = dict(result.structured_content or {})
    assert json.loads(replace_ids(json.dumps(data))) == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "export_id": "ID",
            "resource": "cf1://exports/ID",
            "format": "csv",
            "size": 28300,
            "marking": "TLP:GREEN",
            "expires": "2026-11-25T12:00:00Z",
            "events": 80,
            "datasets": [
                "Cloudforce One Threat Events",
                "Cybercrime",
                "DDoS Attacks",
                "Compromised Devices",
                "ACME Incident Response",
            ],
            "left_out": ["48 events: above TLP:GREEN"],
            "read_as": ["since: 7d as 2026-11-17T12:00:00Z"],
            "untrusted": ["datasets", "read_as"],
        }
    )
    (link,) = [block for block in result.content if isinstance(block, ResourceLink)]
    assert link.uri == data["resource"] == f"cf1://exports/{data['export_id']}"
    assert json.loads(replace_ids(link.model_dump_json(exclude_none=True))) == snapshot(
        {
            "name": "csv-ID.csv",
            "uri": "cf1://exports/ID",
            "description": "TLP:GREEN, until 2026-11-25T12:00:00Z",
            "mime_type": "text/csv;charset=utf-8;header=present",
            "size": 28300,
            "type": "resource_link",
        }
    )


@pytest.mark.parametrize(
    ("version", "blocks"),
    [("2024-11-05", ["text"]), ("2025-03-26", ["text"]), ("2025-06-18", ["text", "resource_link"])],
)
def test_a_client_of_a_protocol_without_links_gets_none(tmp_path: Path, version: str, blocks: list[str]) -> None:
    result = call_over_stdio(version, tmp_path, format="csv", since="7d")
    content = result["content"]
    assert isinstance(content, list)
    assert [block["type"] for block in content if isinstance(block, dict)] == blocks
    assert "resource: cf1://exports/" in json.dumps(content)


@pytest.mark.parametrize(("name", "kind"), FORMATS)
async def test_the_pages_of_a_file_add_up_to_the_file(
    client: Client, tmp_path: Path, name: str, kind: str | None
) -> None:
    made = await ask(client, TOOL, format=name, kind=kind, since="60d", handling="amber")
    text = await read_whole(client, made["export_id"])
    assert {str(made["export_id"]): text} == read_files(tmp_path)
    assert len(text.encode()) == made["size"]
    match name:
        case "stix2":
            bundle = json.loads(text)
            exported = [one for one in bundle["objects"] if one["type"] in ("indicator", "vulnerability", "campaign")]
            assert len(exported) == made["events"]
        case "taxii" | "misp" | "navigator":
            assert {"taxii": "objects", "misp": "Event", "navigator": "techniques"}[name] in json.loads(text)
        case "csv":
            assert len([*csv.reader(StringIO(text, newline=""))]) == int(str(made["events"])) + 1
        case _:
            assert text.splitlines()


async def test_a_stix_bundle_passes_the_official_validator_and_has_relationships(client: Client) -> None:
    made = await ask(client, TOOL, format="stix2", tags=["ledger-frost"], handling="amber")
    bundle = json.loads(await read_whole(client, made["export_id"]))
    assert problems(bundle) == []
    links = [one for one in bundle["objects"] if one.get("relationship_type") == "related-to"]
    assert {one["description"] for one in links} == snapshot({"attributed_to", "caused_by", "related_to"})


@pytest.mark.parametrize("defang", ["text", "all", "off"])
async def test_the_tool_shows_the_same_pages_between_marks_and_not_defanged(
    sample: Tenant, tmp_path: Path, defang: str
) -> None:
    settings = Settings.from_environment({"CF1_DEFANG": defang, "CF1_STATE_DIR": str(tmp_path)})
    async with serve(sample, settings) as client:
        made = await ask(client, TOOL, format="csv", since="60d")
        page = await client.call_tool(TOOL, {"export_id": made["export_id"]})
        second = await ask(
            client, TOOL, export_id=made["export_id"], offset=dict(page.structured_content or {})["next_offset"]
        )
        text, _ = await read_page(client, str(made["resource"]))
    data: dict[str, JsonValue] = dict(page.structured_content or {})
    assert data["content"] == text and data["untrusted"] == ["content"] and second["offset"] == data["next_offset"]
    before, inside, after = re.split(r"</?untrusted MARK>\n", same_mark(text_of(page.content)))
    assert inside == f"{text}\n" and "198.51.100." in inside
    assert replace_ids(before) == snapshot("""\
[sandbox: fictional data, not intelligence]
export_id: ID
format: csv
media_type: text/csv;charset=utf-8;header=present
size: 280446
offset: 0
next_offset: 31744
""")
    assert after == snapshot(
        "The content is exactly that of the file. Its indicators are not defanged: it is meant for machines."
    )
    assert not any(isinstance(block, ResourceLink) for block in page.content)


async def test_a_list_too_long_for_one_file_is_split(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_LIST_ROWS", 50)
    result = await client.call_tool(TOOL, {"format": "gateway", "kind": "ip", "since": "60d"})
    data: dict[str, JsonValue] = dict(result.structured_content or {})
    further = data["further"]
    assert isinstance(further, list)
    ids = [data["export_id"], *(one["export_id"] for one in further if isinstance(one, dict))]
    links = [block for block in result.content if isinstance(block, ResourceLink)]
    assert [link.uri for link in links] == [f"cf1://exports/{one}" for one in ids] and len(ids) > 2
    assert [link.name.split("-")[-1] for link in links][:2] == ["1.csv", "2.csv"]
    assert {str(one): await read_whole(client, one) for one in ids} == read_files(tmp_path)


async def test_an_export_reports_progress(any_client: Client) -> None:
    reports: list[tuple[float, str | None]] = []

    async def collect(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, message))

    await any_client.call_tool(TOOL, {"format": "csv"}, progress_callback=collect)
    assert reports == snapshot([(2000, "2,000 events read"), (3323, "3,323 events read")])


async def test_a_file_states_that_sandbox_events_are_fictional(client: Client, tmp_path: Path) -> None:
    for name, kind in FORMATS:
        await ask(client, TOOL, format=name, kind=kind, since="60d")
    texts = read_files(tmp_path)
    assert len(texts) == len(FORMATS) and all("fictional" in text for text in texts.values())


async def test_only_the_operator_may_open_the_files(sample: Tenant, tmp_path: Path) -> None:
    async with serve(sample, Settings(state_dir=tmp_path)) as client:
        await ask(client, TOOL, format="csv", since="7d")
    files = [*(tmp_path / "exports").iterdir()]
    assert sorted(file.name.rpartition(".")[2] for file in files) == ["csv", "events", "key"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "exports").stat().st_mode & 0o777 == 0o700


# -- what is exported


async def test_events_above_the_handling_level_are_left_out_and_counted(client: Client) -> None:
    green = await ask(client, TOOL, format="csv", since="60d")
    amber = await ask(client, TOOL, format="csv", since="60d", handling="TLP:AMBER")
    assert {one["tlp"] for one in await export_rows(client, since="60d")} == {"clear", "green"}
    assert {one["tlp"] for one in await export_rows(client, since="60d", handling="amber")} == {
        "clear",
        "green",
        "amber",
    }
    held = int(str(amber["events"])) - int(str(green["events"]))
    assert (green["left_out"], green["marking"]) == ([f"{held} events: above TLP:GREEN"], "TLP:GREEN")
    assert ("left_out" in amber, amber["marking"]) == (False, "TLP:AMBER")
    assert "withheld" not in green and "withheld" not in amber


async def test_no_file_exceeds_the_ceiling(client: Client) -> None:
    assert await refused(client, TOOL, format="csv", handling="amber+strict") == snapshot(
        "handling: a file up to TLP:AMBER+STRICT is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it."
    )
    assert await refused(client, TOOL, format="csv", handling="pink") == snapshot(
        "handling: 'pink' is not a TLP marking. Use clear, green, amber, amber+strict or red."
    )


async def test_a_low_ceiling_lowers_the_default_level(sample: Tenant, tmp_path: Path) -> None:
    async with serve(sample, Settings(state_dir=tmp_path, max_tlp=Tlp.CLEAR)) as client:
        made = await ask(client, TOOL, format="csv", since="60d")
        assert {one["tlp"] for one in await export_rows(client, since="60d")} == {"clear"}
    assert (made["marking"], "withheld" in made, "left_out" in made) == ("TLP:CLEAR", False, False)
    told = Settings(state_dir=tmp_path, max_tlp=Tlp.CLEAR, tell_withheld=True)
    async with serve(sample, told) as client:
        counted = await ask(client, TOOL, format="csv", since="60d")
    assert (counted["events"], counted["withheld"]) == (made["events"], snapshot(["877 by CF1_MAX_TLP (clear)"]))


async def test_only_what_may_be_read_is_exported(sample: Tenant, tmp_path: Path) -> None:
    async with serve(sample, Settings(state_dir=tmp_path, read_datasets=("Cybercrime",))) as client:
        made = await ask(client, TOOL, format="csv", since="60d")
        found = {one["dataset_id"] for one in await export_rows(client, since="60d")}
        assert (made["datasets"], found) == (["Cybercrime"], {"1845c219-708a-5742-ae10-15645f39ca69"})
        assert "CF1_READ_DATASETS" in await refused(client, TOOL, format="csv", dataset_ids=["DDoS Attacks"])


async def test_filters_work_as_in_a_search(client: Client, sample: Tenant) -> None:
    filters: dict[str, JsonValue] = {
        "attacker": "copper lantern",
        "target_country": ["Germany", "AT"],
        "category": ["Account Takeover"],
        "since": "30d",
        "until": "yesterday",
        "text": "session",
    }
    await ask(client, "search_threat_events", **filters, limit=500)
    await ask(client, TOOL, format="csv", **filters)
    searched, exported = (dict(one.query) for one in sample.searches()[:2])
    assert {**exported, "pageSize": "501"} == searched


@pytest.mark.both_moods
async def test_an_empty_export_is_explained_and_creates_no_file(client: Client, tmp_path: Path) -> None:
    found = await ask(client, TOOL, format="csv", attacker=["MARSH HERONN"])
    assert found == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "events": 0,
            "datasets": [
                "Cloudforce One Threat Events",
                "Cybercrime",
                "DDoS Attacks",
                "Compromised Devices",
                "ACME Incident Response",
            ],
            "unknown_words": ["attacker: MARSH HERONN is unknown, the nearest is GLASS HERON"],
            "untrusted": ["datasets", "unknown_words"],
            "notes": [
                "Without attacker there are events: this filter alone removes all of them.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )
    assert read_files(tmp_path) == {}


async def test_events_that_a_format_cannot_express_are_counted_and_create_no_file(
    client: Client, tmp_path: Path
) -> None:
    result = await client.call_tool(
        TOOL, {"format": "blocklist", "kind": "hash", "indicator_type": ["ip"], "since": "7d"}
    )
    assert same_mark(text_of(result.content)) == snapshot("""\
[sandbox: fictional data, not intelligence]
events: 0
left_out: 182 events: an indicator that is not of kind hash, 42 events: above TLP:GREEN
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: since: 7d as 2026-11-17T12:00:00Z
</untrusted MARK>
No file was created.\
""")
    assert len(result.content) == 1 and read_files(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {},
            snapshot(
                "format: an export needs a format. Use stix2, taxii, misp, csv, navigator, waf, sigma, suricata, blocklist or gateway."
            ),
        ),
        ({"format": "gateway"}, snapshot("kind: a list contains one kind of value. Use ip, domain or url.")),
        ({"format": "gateway", "kind": "hash"}, snapshot("kind: 'hash' is not a kind of list. Use ip, domain or url.")),
        (
            {"format": "csv", "kind": "ip"},
            snapshot("kind: a csv file contains all kinds. Use it with blocklist or gateway, or leave it out."),
        ),
        (
            {"format": "stix"},
            snapshot(
                "format: Input should be 'stix2', 'taxii', 'misp', 'csv', 'navigator', 'waf', 'sigma', 'suricata', 'blocklist' or 'gateway'. Use stix2, taxii, misp, csv, navigator, waf, sigma, suricata, blocklist or gateway."
            ),
        ),
        (
            {"format": "csv", "conditions": []},
            snapshot(
                "export_threat_events has no argument 'conditions'. Valid arguments: attacker, category, dataset_ids, export_id, format, handling, indicator_type, kind, offset, query_id, selection, since, tags, target_country, target_industry, text, until."
            ),
        ),
    ],
)
async def test_an_invalid_export_is_refused_with_the_valid_values(
    sample: Tenant, tmp_path: Path, arguments: dict[str, JsonValue], words: str
) -> None:
    async with serve(sample, Settings(state_dir=tmp_path)) as client:
        assert await refused(client, TOOL, **arguments) == words
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize(("name", "kind"), FORMATS)
async def test_untrusted_text_in_a_page_stays_between_the_marks_and_is_remembered(
    tmp_path: Path, name: str, kind: str | None
) -> None:
    planted = PlantedTenant(tmp_path, PLANT, "PLANTED <i>tag</i>", ADDRESS)
    async with planted.connected() as (client, _):
        await planted.plant(indicator="192.0.2.9", indicatorType="ip", attacker="")
        await planted.plant(indicator="bait.example", indicatorType="domain", tags=["T1059"])
        await planted.plant(indicator="a1" * 32, indicatorType="hash")
        made = await client.call_tool(TOOL, {"format": name, "kind": kind, "handling": "amber"})
        assert_harmless(made)
        export_id = dict(made.structured_content or {})["export_id"]
        page = await client.call_tool(TOOL, {"export_id": export_id})
    outside = re.sub(r"(?ms)^<untrusted MARK>.*^</untrusted MARK>$", "", same_mark(text_of(page.content)))
    assert "PLANTED" not in outside and outside.count("untrusted") == 0
    content = str(dict(page.structured_content or {})["content"])
    for line in content.replace("\r\n", "\n").split("\n"):
        assert_visible(line)


# -- how long a file exists


async def test_an_export_expires_after_a_day(sample: Tenant, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    async with serve(sample, settings) as client:
        made = await ask(client, TOOL, format="csv", since="7d")
    async with serve(sample, settings, NOW + timedelta(hours=23, minutes=59)) as client:
        assert await read_whole(client, made["export_id"])
    async with serve(sample, settings, NOW + timedelta(hours=24)) as client:
        assert replace_ids(await refused(client, TOOL, export_id=made["export_id"])) == snapshot(
            "export_id: there is no such export: exports are deleted after 24 hours, and cannot be read after what may be read has changed. Use the id of an earlier answer, or export again."
        )
    assert read_files(tmp_path) == {}


async def test_a_new_export_deletes_only_expired_files(sample: Tenant, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    async with serve(sample, settings) as client:
        old = await ask(client, TOOL, format="csv", since="7d")
    (tmp_path / "exports" / "notes.txt").write_text("the operator's own", encoding="utf-8")
    async with serve(sample, settings, NOW + timedelta(days=2)) as client:
        new = await ask(client, TOOL, format="csv", since="7d")
    assert old["export_id"] not in read_files(tmp_path)
    assert [*read_files(tmp_path)] == [str(new["export_id"])]
    kept = {path.name.rpartition(".")[2] for path in (tmp_path / "exports").iterdir()}
    assert kept == {"csv", "events", "key", "txt"}


@pytest.mark.parametrize("other", [{"max_tlp": Tlp.GREEN}, {"read_datasets": ("Cybercrime",)}])
async def test_an_export_created_under_other_rules_is_not_shown(
    sample: Tenant, tmp_path: Path, other: dict[str, object]
) -> None:
    async with serve(sample, Settings(state_dir=tmp_path)) as client:
        made = await ask(client, TOOL, format="csv", since="7d")
    async with serve(sample, Settings(state_dir=tmp_path, **other)) as client:  # pyright: ignore[reportArgumentType]
        assert "there is no such export" in await refused(client, TOOL, export_id=made["export_id"])


@pytest.mark.parametrize(
    "export_id",
    [
        "../journal.db",
        "..",
        "*",
        "a" * 16,
        "a" * 15 + "/",
        "../exports/" + "a" * 16,
        "\u202e\x00",
        "x" * 5_000,
        "%2e%2e",
    ],
)
async def test_an_unknown_export_id_is_refused(client: Client, tmp_path: Path, export_id: str) -> None:
    (tmp_path / "journal.db").write_text("secret", encoding="utf-8")
    words = await refused(client, TOOL, export_id=export_id)
    assert words.startswith("export_id: there is no such export") and len(words) < 300


@pytest.mark.parametrize(
    "rest", ["a" * 16, "..%2f..%2fjournal.db", "../journal.db", "?offset=0", "a" * 16 + "?offset=x"]
)
async def test_an_unknown_export_address_is_refused(any_client: Client, rest: str) -> None:
    with pytest.raises(MCPError) as caught:
        await any_client.read_resource(f"cf1://exports/{rest}")
    assert caught.value.error.code == -32602


async def test_an_offset_where_no_page_begins_is_refused(sample: Tenant, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    draft = folder_of(settings).create_draft("csv", ".csv")
    draft.write("a\u00fc\n" * 9)
    made = draft.keep([])
    async with serve(sample, settings) as client:
        words = [await refused(client, TOOL, export_id=made.id, offset=offset) for offset in (2, 36, 10**40)]
    assert words == snapshot(
        [
            "offset: no page begins there. Use next_offset of the previous page, or 0.",
            "offset: the file ends at 36. Use next_offset of the previous page, or 0.",
            "offset: the file ends at 36. Use next_offset of the previous page, or 0.",
        ]
    )


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "\u00fc" * 50_000, '"\u4e2d\U0001f4a5"' * 9_000, "a\r\n" * 40_000, "\\\n" * 60_000]
)
async def test_the_pages_of_any_text_add_up_to_it(sample: Tenant, tmp_path: Path, text: str) -> None:
    settings = Settings(state_dir=tmp_path)
    draft = folder_of(settings).create_draft("csv", ".csv")
    draft.write(text)
    made = draft.keep([])
    async with serve(sample, settings) as client:
        assert await read_whole(client, made.id) == text
        page = await client.call_tool(TOOL, {"export_id": made.id})
    assert max(len(text_of(page.content)), len(json.dumps(page.structured_content))) <= 40_000


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_no_export_is_read_if_its_toolset_is_switched_off(sample: Tenant, tmp_path: Path, mode: str) -> None:
    async with serve(sample, Settings(state_dir=tmp_path)) as client:
        made = await ask(client, TOOL, format="csv", since="7d")
    async with serve(sample, Settings(state_dir=tmp_path, toolsets=("events",)), mode=mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert [one.uri_template for one in templates] == ["cf1://events/{dataset_id}/{event_id}"]
        with pytest.raises(MCPError, match="withheld by CF1_TOOLSETS"):
            await client.read_resource(str(made["resource"]))


# -- exports that are cut or fail


async def test_an_export_that_is_cut_reports_where_to_continue(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = {one["uuid"] for one in await export_rows(client)}
    monkeypatch.setattr(writer, "MAX_FILE_SIZE", 1)
    made = await ask(client, TOOL, format="csv")
    assert made["notes"] == snapshot(
        [
            "Cut: the newest 2,000 events were read, and there are older ones. To export those, pass until='2026-07-01T08:41:12Z'; events of that time are in both files."
        ]
    )
    first = {one["uuid"] for one in await export_rows(client)}
    notes = str(made["notes"])
    second = {one["uuid"] for one in await export_rows(client, until=notes.split("until='")[1].split("'")[0])}
    assert first < everything and second < everything and first | second == everything


async def test_links_beyond_the_maximum_are_reported_as_missing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_PARENTS", 2)
    made = await ask(client, TOOL, format="stix2", tags=["ledger-frost"], handling="amber")
    assert made["notes"] == snapshot(["Only the links below 2 events are in the file."])


VOCABULARY = (
    answer([{"uuid": "1845c219-708a-5742-ae10-15645f39ca69", "name": "One", "isPublic": True}]),
    answer({"success": True, "result": {"tags": []}}),
)


def page_of_events(cursor: str | None, children: bool = False) -> bytes:
    body: dict[str, JsonValue] = {"tlp": "green", "date": "2026-11-20T00:00:00Z", "indicator": "a.example"}
    events: list[JsonValue] = [{**body, "uuid": f"u{number}", "hasChildren": children} for number in range(3)]
    return answer({"success": True, "result": events, "result_info": {"cursor": cursor}})


@asynccontextmanager
async def serve_script(folder: Path, *script: bytes | Act) -> AsyncGenerator[Client]:
    """Yield a client of a server over an upstream that plays the script."""
    async with upstream(*script) as api:
        base = f"http://127.0.0.1:{api.port}/client/v4"
        settings = Settings(credentials=Credentials(ACCOUNT, TOKEN), base_url=base, state_dir=folder)
        async with Client(build_server(settings, lambda: network(base), clock=lambda: NOW)) as client:
            yield client


async def test_an_upstream_that_fails_midway_leaves_no_file(tmp_path: Path) -> None:
    async with serve_script(tmp_path, *VOCABULARY, page_of_events("next"), failed("403 Forbidden", "no")) as client:
        assert await refused(client, TOOL, format="csv") == snapshot(
            """\
The token may not do this (403). Ask the operator whether the account has Cloudforce One and the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes.
<untrusted MARK>
The API said: "no"
</untrusted MARK>\
"""
        )
    assert read_files(tmp_path) == {}


async def test_unreadable_relationships_are_noted_and_the_file_is_complete(tmp_path: Path) -> None:
    script = (*VOCABULARY, page_of_events(None, children=True), failed("403 Forbidden", "no"))
    async with serve_script(tmp_path, *script) as client:
        made = await ask(client, TOOL, format="stix2")
    bundle = json.loads(read_files(tmp_path)[str(made["export_id"])])
    assert made["notes"] == snapshot(
        [
            "Only the links below 0 events are in the file. The token may not do this (403). Ask the operator whether the account has Cloudforce One and the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes.",
            "3 indicators without a STIX form: only described in the text of a campaign.",
        ]
    )
    assert problems(bundle) == []


async def test_a_list_without_a_cursor_is_read_page_by_page(tmp_path: Path) -> None:
    full = [{"uuid": f"u{number}", "tlp": "green"} for number in range(PAGE_SIZE)]
    last = [{"uuid": "last", "tlp": "green"}]
    async with serve_script(tmp_path, *VOCABULARY, answer(full), answer(last)) as client:
        assert (await ask(client, TOOL, format="csv"))["events"] == PAGE_SIZE + 1


async def test_an_api_that_hangs_cuts_the_export_at_the_last_whole_page(tmp_path: Path) -> None:
    folder = ExportFolder(Settings(state_dir=tmp_path), lambda: NOW)
    file = create_export_file("csv", Tlp.RED, FileHeading("x", "x", NOW))

    async def ignore(progress: float, total: float | None, message: str | None) -> None:
        pass

    async with upstream(page_of_events("next"), Act.HANG) as api, api.client() as calling:
        with anyio.fail_after(RESERVED_AFTER_EVENTS + 1):
            export = await export_events(
                calling, EventSearch(), ReadPolicy((), False, Tlp.RED), file, "csv", folder, ignore
            )
    assert (export.cut, export.read, export.reached) == (True, 3, "2026-11-20T00:00:00Z")
    assert folder.read_page(export.stored[0].id, 0).text.count("\n") == 4


@contextmanager
def small_disk(size: int) -> Generator[None]:
    """Limit the size of files to `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_reported_and_leaves_no_file(client: Client, tmp_path: Path) -> None:
    with small_disk(50_000):
        words = await refused(client, TOOL, format="csv", since="60d")
    assert words == snapshot(
        "The export cannot be written, as the disk is full or failing. Ask the operator to free space in CF1_STATE_DIR."
    )
    assert read_files(tmp_path) == {}


async def test_an_unusable_folder_is_reported(client: Client, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("no folder", encoding="utf-8")
    assert await refused(client, TOOL, format="csv", since="7d") == snapshot(
        "The folder of exports cannot be used. Ask the operator to check CF1_STATE_DIR and who may write there."
    )

"""The commands, as users run them."""

import gzip
import json
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from time import monotonic

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client, StdioServerParameters
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.server.mcp_server import build_server, offered_tools
from cf1_mcp.settings import Settings
from tests.commands import run_command
from tests.conversations import ask, ask_for_text, column, refused
from tests.ports import REAL, environment_for, sandbox_on_a_port, settings_for

pytestmark = pytest.mark.anyio

EVENT: dict[str, JsonValue] = {
    "category": "Phishing",
    "date": "2026-11-01T00:00:00Z",
    "event": "x",
    "raw": {"data": {}},
    "tlp": "green",
}
RECORDS: list[dict[str, JsonValue]] = [
    {"ref": "a", "dataset": "Mine", "body": {**EVENT, "event": "the campaign"}},
    {"ref": "b", "dataset": "Mine", "parents": [{"ref": "a", "type": "attributed_to"}], "body": EVENT},
]


def write_lines(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_the_tour_runs_every_step_with_the_real_server() -> None:
    ended = run_command("try")
    assert ended.returncode == 0, ended.stderr
    output = ended.stdout
    for tool in offered_tools(Settings()):
        assert tool.name in output
    assert "COPPER LANTERN" in output and "Operation Ledger Frost" in output


@pytest.mark.parametrize("command", ["try", "tools", "tools --json"])
def test_output_that_nobody_reads_to_its_end_is_not_an_error(command: str) -> None:
    given = [sys.executable, "-m", "cf1_mcp", *command.split()]
    with subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_version_is_the_installed_one() -> None:
    ended = run_command("--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"cf1-mcp {version('cf1-mcp')}\n", "")


def test_the_tools_are_listed_as_in_their_contracts() -> None:
    listed = json.loads(run_command("tools", "--json").stdout)
    contracts = Path(__file__).parents[2] / "tools"
    for tool in listed:
        contract = json.loads((contracts / f"{tool['name']}.json").read_text(encoding="utf-8"))
        assert {name: contract[name] for name in tool} == tool
    assert run_command("tools").stdout.splitlines()[0] == snapshot("search_threat_events         Search threat events")


async def test_the_server_uses_a_sandbox_on_a_port_like_the_live_api() -> None:
    with sandbox_on_a_port() as base:
        server = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env=environment_for(base))
        async with Client(server) as client:
            data = await ask(client, "search_threat_events", attacker=["VELOUR CICADA"], fields=["attacker"], limit=2)
    assert (data["source"], column(data, "attacker")) == (
        "sandbox: fictional data, not intelligence",
        ["VELOUR CICADA", "VELOUR CICADA"],
    )


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of this repository")
async def test_real_events_are_loaded_and_found() -> None:
    with sandbox_on_a_port("--load", str(REAL)) as base:
        async with Client(build_server(settings_for(base), lambda: network(base))) as client:
            datasets = await ask(client, "list_threat_datasets")
            counted = await ask(client, "aggregate_threat_events", columns=["tlp"])
            found = await ask(
                client, "search_threat_events", text="Night Dragon", category=["Campaign"], fields=["uuid"]
            )
            event = column(found, "uuid")[0]
            phases = await ask(client, "list_related_threat_events", event_id=event, fields=["category"])
    assert sorted(map(str, column(datasets, "name"))) == snapshot(
        ["Cloudforce One Threat Events", "Exploited Vulnerabilities", "Vendor IOC Reports"]
    )
    assert (counted["events"], counted["rows"]) == snapshot((3658, [["clear", 3658]]))
    assert sorted(map(str, column(phases, "category"))) == snapshot(
        [
            "Command and Control",
            "Credential Access & Discovery",
            "Execution",
            "Infrastructure Setup",
            "Initial Access",
            "Lateral Movement & Collection",
            "Persistence & Evasion",
            "Targeting",
            "Targeting",
            "Targeting",
            "Targeting",
            "Targeting",
            "Targeting",
        ]
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
async def test_a_file_of_events_is_loaded_into_the_datasets_that_it_names(tmp_path: Path, packed: bool) -> None:
    lines = "\n".join(json.dumps(record) for record in RECORDS).encode()
    file = tmp_path / "events.jsonl"
    file.write_bytes(gzip.compress(lines) if packed else lines)
    with sandbox_on_a_port("--load", str(file), "--bare", "--sunset") as base:
        async with Client(build_server(settings_for(base), lambda: network(base))) as client:
            text = await ask_for_text(
                client, "search_threat_events", dataset_ids=["mine"], fields=["event"], order="asc"
            )
    assert sorted(text.split("\n")[-3:-1]) == ["the campaign", "x"]


def test_a_line_that_is_not_json_stops_the_start_and_is_named(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "events.jsonl", json.dumps(RECORDS[0]), "{nonsense")
    ended = run_command("sandbox", "--port", "0", "--load", file)
    assert (ended.returncode, ended.stdout, ended.stderr) == snapshot(
        (
            2,
            "",
            "cf1-mcp: line 2 of events.jsonl is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1); fix it or load the rest with --skip-bad\n",
        )
    )


async def test_invalid_lines_are_skipped_on_request(tmp_path: Path) -> None:
    lines = [json.dumps(RECORDS[0]), "{nonsense", json.dumps({"ref": "c"}), json.dumps(RECORDS[1])]
    file = write_lines(tmp_path / "events.jsonl", *lines)
    with sandbox_on_a_port("--load", file, "--skip-bad") as base:
        async with Client(build_server(settings_for(base), lambda: network(base))) as client:
            data = await ask(client, "search_threat_events", fields=["event"])
    assert data["events"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--load", "no-such-file.jsonl"],
            snapshot(
                "cf1-mcp: no-such-file.jsonl cannot be read: No such file or directory; name a file of events as JSONL\n"
            ),
        ),
        (
            ["--faults", "earthquake"],
            snapshot(
                "cf1-mcp: fault 'earthquake' is unknown; valid are latency=SECONDS, slow=SECONDS, reset, truncate, html or a status from 400 to 599, the last four optionally with =COUNT, and all optionally with @PART_OF_PATH\n"
            ),
        ),
        (
            ["--rate-limit", "fast"],
            snapshot("cf1-mcp: rate limit 'fast' is not REQUESTS/SECONDS, both above 0, such as 5/1\n"),
        ),
        (
            ["--no-introspection"],
            snapshot(
                "cf1-mcp: --no-introspection and --fail-dataset belong to --like-live; add it, or leave them out\n"
            ),
        ),
    ],
    ids=["no file", "no fault", "no rate", "no mood"],
)
def test_a_sandbox_that_cannot_start_reports_why(arguments: list[str], words: str) -> None:
    ended = run_command("sandbox", *arguments)
    assert (ended.returncode, ended.stderr) == (2, words)


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_command("sandbox", "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        f"cf1-mcp: port {port} cannot be used: Address already in use; name another with --port, or 0"
    )


def test_a_sandbox_like_the_live_api_is_slow_strict_and_limited() -> None:
    path = f"/accounts/{'c' * 32}/cloudforce-one/events"
    with sandbox_on_a_port("--like-live", "--token", "mine") as base, httpx.Client(base_url=base) as http:
        refused = http.get(path, headers={"Authorization": "Bearer any"})
        began = monotonic()
        answer = http.get(path, headers={"Authorization": "Bearer mine"}, params={"pageSize": 1})
        seconds = monotonic() - began
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 6003)
    assert (answer.status_code, answer.headers["Ratelimit-Policy"]) == (200, '"default";q=1200;w=300')
    assert seconds >= 0.3


async def test_a_read_token_reads_and_a_wrong_one_does_not() -> None:
    with sandbox_on_a_port("--token", "writer", "--read-token", "reader") as base:
        async with Client(build_server(settings_for(base, "reader"), lambda: network(base))) as client:
            await ask(client, "list_threat_datasets")
            # The newer GraphQL route requires a write token, so the older one is used.
            await ask(client, "query_threat_graphql", query="{ __typename }")
        async with Client(build_server(settings_for(base, "unknown"), lambda: network(base))) as client:
            assert await refused(client, "list_threat_datasets") == snapshot(
                """\
The API does not accept the token for this account (401, code 10000). Ask the operator to check that CLOUDFLARE_API_TOKEN is current, that CLOUDFLARE_ACCOUNT_ID is the account it belongs to, and that it has 'Cloudforce One Read', or 'Cloudforce One Write' for changes.
<untrusted MARK>
The API said: "Authentication error"
</untrusted MARK>\
"""
            )


async def test_reads_survive_faults_and_rate_limits() -> None:
    with sandbox_on_a_port("--faults", "503=1,reset=1,truncate=1@/events/dataset", "--rate-limit", "100/1") as base:
        async with Client(build_server(settings_for(base), lambda: network(base))) as client:
            assert (await ask(client, "list_threat_datasets"))["datasets"] == 5

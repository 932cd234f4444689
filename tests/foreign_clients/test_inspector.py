"""The command line of the MCP Inspector, a client in another language, with the real server over stdio."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tests.sandbox.api_client import Json

ROOT = Path(__file__).parents[2]
PACKAGE = "@modelcontextprotocol/inspector@2.12.0"
TIMEOUT = 60
"""Seconds for a run; the first one downloads the package."""

TOOL_ERROR = 5
"""The Inspector's exit code for a tool result with an error."""


class Inspector:
    """The command, and a configuration with the server once for each generation of the protocol."""

    def __init__(self, command: str, folder: Path) -> None:
        server = {
            "type": "stdio",
            "command": sys.executable,
            "args": ["-m", "cf1_mcp"],
            "cwd": str(ROOT),
            "env": {"CF1_MODE": "full", "CF1_STATE_DIR": str(folder)},
        }
        servers = {era: {**server, "protocolEra": era} for era in ("legacy", "modern")}
        self._command = command
        self._config = folder / "mcp.json"
        self._config.write_text(json.dumps({"mcpServers": servers}))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CF1_", "CLOUDFLARE_"))}
        self._environment = clean | {
            "MCP_CLIENT_CONFIG_PATH": str(folder / "client.json"),
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [self._command, "--cli", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=TIMEOUT)

    def __call__(self, era: str, method: str, *arguments: str, code: int = 0) -> Json:
        """Return the printed result of a run, which must end with the expected code."""
        where = ("--config", str(self._config), "--server", era)
        ended = self.run(*where, "--method", method, *arguments, "--format", "json", "--quiet")
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)["result"]


@pytest.fixture(scope="session")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    """The Inspector, downloaded once; without Node.js or the package these tests are skipped."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not installed: install Node.js to test the server with the MCP Inspector")
    # npx takes longer than the Inspector itself: it only locates it. Without access to a registry it fails immediately.
    quiet = {"npm_config_fetch_retries": "0", "npm_config_loglevel": "error", "npm_config_update_notifier": "false"}
    where = [npx, "--yes", "--package", PACKAGE, "-c", "command -v mcp-inspector"]
    try:
        found = subprocess.run(where, env=os.environ | quiet, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npx did not download {PACKAGE} within {TIMEOUT} s")
    if found.returncode != 0:
        pytest.skip(f"npx cannot run {PACKAGE}: {found.stderr.splitlines()[:1]}")
    inspector = Inspector(found.stdout.strip(), tmp_path_factory.mktemp("inspector"))
    assert inspector.run("--version").stdout.strip() == PACKAGE.rpartition("@")[2]
    return inspector


def test_the_inspector_shows_the_name_and_version_of_the_server(inspector: Inspector) -> None:
    result = inspector("legacy", "initialize")
    assert (result["serverInfo"]["name"], result["protocolVersion"]) == ("cf1-mcp", "2025-11-25")
    assert result["instructions"].startswith("Threat events of Cloudflare's Cloudforce One")


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_the_published_tools_and_accepts_their_schemas(inspector: Inspector, era: str) -> None:
    # --strict exits with 6 where a schema is not accepted by every model's API.
    tools = inspector(era, "tools/list", "--strict")["tools"]
    published = {file.stem: json.loads(file.read_text()) for file in (ROOT / "tools").glob("*.json")}
    assert {tool["name"]: tool["inputSchema"] for tool in tools} == {
        name: contract["inputSchema"] for name, contract in published.items()
    }
    assert len(tools) == len(published)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_calls_a_tool_with_arguments(inspector: Inspector, era: str) -> None:
    arguments = {
        "attacker": ["GLASS HERON"],
        "tlp": ["green"],
        "fields": ["attacker", "tlp"],
        "limit": 3,
        "order": "asc",
    }
    answer = inspector(
        era, "tools/call", "--tool-name", "search_threat_events", "--tool-args-json", json.dumps(arguments)
    )
    data = answer["structuredContent"]
    assert (data["source"], data["columns"]) == ("sandbox: fictional data, not intelligence", ["attacker", "tlp"])
    assert [attacker for attacker, _ in data["rows"]] == ["GLASS HERON"] * 3
    table = "\n".join("\t".join(row) for row in data["rows"])
    assert f"\n{table}\n</untrusted " in answer["content"][0]["text"]


def test_the_inspector_shows_the_error_for_a_wrong_argument(inspector: Inspector) -> None:
    answer = inspector(
        "modern", "tools/call", "--tool-name", "list_related_threat_events", "--tool-arg", "event=x", code=TOOL_ERROR
    )
    assert (answer["isError"], [part["text"] for part in answer["content"]]) == snapshot(
        (
            True,
            [
                "list_related_threat_events has no argument 'event', did you mean 'event_id'? Valid arguments: cursor, dataset_id, direction, event_id, fields, limit, max_depth, relationship_types."
            ],
        )
    )

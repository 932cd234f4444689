"""Starts that go wrong: each ends with one sentence on stderr and exit code 2, before anything is served."""

import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from mcp import Client, StdioServerParameters

from cf1_mcp.api.wire.certificates import check_certificates
from cf1_mcp.cli.serve import create_connector
from cf1_mcp.errors import SettingsError
from cf1_mcp.settings import Settings
from cf1_mcp.text.folders import find_state_folder
from tests.commands import run_command
from tests.conversations import refused

pytestmark = pytest.mark.anyio

LIVE = {"CLOUDFLARE_API_TOKEN": "t" * 40, "CLOUDFLARE_ACCOUNT_ID": "0" * 32}


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Paths that tests name, by the names that messages show instead of them."""
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    file.write_text("garbage", encoding="utf-8")
    return {"FOLDER": str(folder), "FILE": str(file), "MISSING": str(tmp_path / "missing")}


def fill_in(text: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        text = text.replace(name, path)
    return text


def say(arguments: Sequence[str], environment: Mapping[str, str], places: Mapping[str, str]) -> str:
    """Run a command that must end with code 2 and without a word on stdout, and return what it says on stderr."""
    given = {name: fill_in(value, places) for name, value in environment.items()}
    ended = run_command(*(fill_in(one, places) for one in arguments), environment={"PATH": os.environ["PATH"], **given})
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    said = ended.stderr
    for name, path in places.items():
        said = said.replace(path, name)
    assert said.startswith("cf1-mcp: ") and said.endswith("\n") and said.count("\n") == 1, said
    return said.removeprefix("cf1-mcp: ").removesuffix("\n")


PROXIES = [
    "socks5://proxy.corp:1080",
    "socks5h://x",
    "ftp://x",
    "://",
    "http://",
    "http:proxy",
    "http://[::1",
    "http://proxy.corp:99999",
    "http://proxy.corp:0",
    "http://proxy.corp:http",
    "proxy.corp:312x",
    "http://me:secret@proxy.corp:1:2",
    "http://proxy corp:1",
    "http://a..b:1",
]


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_cannot_be_used_stops_the_start(proxy: str, places: dict[str, str]) -> None:
    assert say([], {**LIVE, "HTTPS_PROXY": proxy}, places) == (
        "HTTPS_PROXY is not a proxy that can be used. Set it to http://HOST:PORT, or unset it."
    )


@pytest.mark.parametrize("proxy", ["proxy.corp:3128", "proxy", "http://me:secret@10.0.0.1:8080", "https://[::1]:1", "HTTP://p"])  # fmt: skip
def test_a_proxy_needs_no_scheme(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    create_connector(Settings.from_environment(LIVE))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "SSL_CERT_FILE",
            "MISSING",
            snapshot(
                "SSL_CERT_FILE: 'MISSING' is not a file of certificates in PEM format. Set it to one, or unset it."
            ),
        ),
        (
            "SSL_CERT_FILE",
            "FILE",
            snapshot("SSL_CERT_FILE: 'FILE' is not a file of certificates in PEM format. Set it to one, or unset it."),
        ),
        (
            "SSL_CERT_FILE",
            "FOLDER",
            snapshot(
                "SSL_CERT_FILE: 'FOLDER' is not a file of certificates in PEM format. Set it to one, or unset it."
            ),
        ),
        (
            "SSL_CERT_FILE",
            "~/ca.pem",
            snapshot(
                "SSL_CERT_FILE: '~/ca.pem' is not a file of certificates in PEM format. Set it to one, or unset it."
            ),
        ),
        (
            "SSL_CERT_DIR",
            "MISSING",
            snapshot("SSL_CERT_DIR: 'MISSING' is not a folder of certificates. Set it to one, or unset it."),
        ),
        (
            "SSL_CERT_DIR",
            "FILE",
            snapshot("SSL_CERT_DIR: 'FILE' is not a folder of certificates. Set it to one, or unset it."),
        ),
        (
            "CF1_SANDBOX_DB",
            "MISSING/x.db",
            snapshot(
                "CF1_SANDBOX_DB: 'MISSING/x.db' is in a folder that does not exist. Use a file of a sandbox, or the path of a new one."
            ),
        ),
        (
            "CF1_SANDBOX_DB",
            "FILE/x.db",
            snapshot(
                "CF1_SANDBOX_DB: 'FILE/x.db' is in a folder that does not exist. Use a file of a sandbox, or the path of a new one."
            ),
        ),
        (
            "CF1_SANDBOX_DB",
            "FILE",
            snapshot("CF1_SANDBOX_DB: 'FILE' is another file. Use a file of a sandbox, or the path of a new one."),
        ),
        (
            "CF1_SANDBOX_DB",
            "FOLDER",
            snapshot("CF1_SANDBOX_DB: 'FOLDER' is a folder. Use a file of a sandbox, or the path of a new one."),
        ),
        (
            "CF1_STATE_DIR",
            "FILE",
            snapshot("CF1_STATE_DIR: 'FILE' is not a folder, and cannot become one. Use the path of a folder."),
        ),
        (
            "CF1_STATE_DIR",
            "FILE/below/it",
            snapshot(
                "CF1_STATE_DIR: 'FILE/below/it' is not a folder, and cannot become one. Use the path of a folder."
            ),
        ),
        (
            "CF1_STATE_DIR",
            "~nobody-here/x",
            snapshot("CF1_STATE_DIR: '~nobody-here/x': the home folder of this user is unknown. Use a path without ~."),
        ),
        (
            "CF1_PROMPTS_DIR",
            "FILE",
            snapshot("CF1_PROMPTS_DIR: 'FILE' is not a folder. Use the path of an existing folder."),
        ),
        (
            "CF1_PROMPTS_DIR",
            "MISSING",
            snapshot("CF1_PROMPTS_DIR: 'MISSING' is not a folder. Use the path of an existing folder."),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://[::1",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://[1:2]/client/v4",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://[v1.x]/client/v4",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://[10.0.0.1]/client/v4",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://1.2.3.4.5/client/v4",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://api..example/client/v4",
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://api.cloudflare.com",
            snapshot(
                "CLOUDFLARE_BASE_URL has the path '/'. Use the address that ends before /accounts, as in https://api.cloudflare.com/client/v4."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://api.cloudflare.com/v4/",
            snapshot(
                "CLOUDFLARE_BASE_URL has the path '/v4'. Use the address that ends before /accounts, as in https://api.cloudflare.com/client/v4."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "https://gateway.example/cf/accounts/0123/",
            snapshot(
                "CLOUDFLARE_BASE_URL has the path '/cf/accounts/0123'. Use the address that ends before /accounts, as in https://gateway.example/client/v4."
            ),
        ),
        (
            "CLOUDFLARE_BASE_URL",
            "http://127.0.0.1:8787",
            snapshot(
                "CLOUDFLARE_BASE_URL has the path '/'. Use the address that ends before /accounts, as in http://127.0.0.1:8787/client/v4."
            ),
        ),
    ],
)
def test_a_setting_that_names_what_cannot_be_used_stops_the_start(
    name: str, value: str, words: str, places: dict[str, str]
) -> None:
    others = {} if name == "CF1_SANDBOX_DB" else LIVE
    assert say([], {**others, name: value}, places) == words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "sandbox --port 99999",
            snapshot(
                "Invalid value for '--port': Input should be less than or equal to 65535. See 'cf1-mcp sandbox --help'."
            ),
        ),
        (
            "sandbox --port -1",
            snapshot(
                "Invalid value for '--port': Input should be greater than or equal to 0. See 'cf1-mcp sandbox --help'."
            ),
        ),
        (
            "sandbox --port 80x",
            snapshot(
                "Invalid value for '--port': Input should be a valid integer, unable to parse string as an integer. See 'cf1-mcp sandbox --help'."
            ),
        ),
        (
            "sandbox --db MISSING/x.db",
            snapshot("MISSING/x.db is in a folder that does not exist; name a file in a folder that exists"),
        ),
        (
            "sandbox --db FILE/x.db",
            snapshot("FILE/x.db is in a folder that does not exist; name a file in a folder that exists"),
        ),
        ("sandbox --db FILE", snapshot("FILE is not a sandbox database (file is not a database); name another file")),
        ("sandbox --db FOLDER", snapshot("FOLDER is a folder; name a file in a folder that exists")),
        (
            "sandbox --db=~nobody-here/x.db",
            snapshot("'~nobody-here/x.db': the home folder of this user is unknown. Use a path without ~."),
        ),
        ("sandbox --load FOLDER", snapshot("FOLDER cannot be read: Is a directory; name a file of events as JSONL")),
        (
            "journal list --limit 0",
            snapshot(
                "Invalid value for '--limit': Input should be greater than or equal to 1. See 'cf1-mcp journal list --help'."
            ),
        ),
        ("journal show", snapshot("Missing argument 'change_id'. See 'cf1-mcp journal show --help'.")),
        ("approve", snapshot("Missing argument 'code'. See 'cf1-mcp approve --help'.")),
        ("import FILE", snapshot("Missing option '--dataset'. See 'cf1-mcp import --help'.")),
        ("search", snapshot("No such command 'search'. See 'cf1-mcp --help'.")),
        ("--mode full", snapshot("No such option: --mode. See 'cf1-mcp --help'.")),
        ("tools now", snapshot("Got unexpected extra argument(s) (now). See 'cf1-mcp tools --help'.")),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments: str, words: str, places: dict[str, str]) -> None:
    assert say(arguments.split(), {"CF1_STATE_DIR": "MISSING"}, places) == words


def test_a_database_of_another_program_does_not_become_a_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    said = say(["sandbox", "--db", "OTHER", "--port", "0"], {}, {"OTHER": str(path)})
    assert said == snapshot("OTHER is not a sandbox database (it has the tables of another program); name another file")
    assert path.read_bytes() == before


async def test_what_the_start_cannot_see_of_a_file_is_told_by_the_first_call(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "cf1_mcp"],
        env={"CF1_SANDBOX_DB": str(path), "CF1_STATE_DIR": str(tmp_path)},
    )
    async with Client(server) as client:
        said = await refused(client, "list_threat_datasets")
    assert said.replace(str(path), "OTHER") == snapshot(
        "CF1_SANDBOX_DB: OTHER is not a sandbox database (it has the tables of another program); name another file."
    )


def test_paths_of_options_may_start_in_the_home_folder(tmp_path: Path) -> None:
    said = say(["sandbox", "--db=~/missing/x.db"], {"HOME": str(tmp_path)}, {"HOME": str(tmp_path)})
    assert said == snapshot("HOME/missing/x.db is in a folder that does not exist; name a file in a folder that exists")


@pytest.mark.parametrize("home", ["", "relative", None])
def test_a_user_without_a_home_folder_needs_a_folder_for_state(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: int) -> object:
        raise KeyError

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({})
    assert str(error.value) == snapshot(
        "The home folder of this user is unknown, so there is no place for the journal. Set CF1_STATE_DIR to the path of a folder, or HOME."
    )
    assert Settings.from_environment({"CF1_STATE_DIR": str(tmp_path)}).state_dir == tmp_path
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert find_state_folder() == tmp_path / "cf1-mcp"


def test_usable_certificates_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "unread"))
    check_certificates()
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    check_certificates()


STREAMS = {
    "no stdin": ("", "<&-"),
    "no stdout": ("", ">&-"),
    "neither": ("serve", "<&- >&-"),
    "no stdin and no stderr": ("", "<&- 2>&-"),
    "stdout of a command": ("tools", ">&-"),
    "stdin for writing alone": ("", "0>/dev/null"),
    "stdout for reading alone": ("", "1</dev/null"),
    "stdout on a full disk": ("", ">/dev/full"),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_that_is_closed_is_told(case: str, tmp_path: Path) -> None:
    command, redirected = STREAMS[case]
    script = f'exec "$0" -m cf1_mcp {command} {redirected}'
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    environment = {"PATH": os.environ["PATH"], "CF1_STATE_DIR": str(tmp_path / "state")}
    ended = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable], input=ping, capture_output=True, env=environment, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr.decode()) == (
        2,
        b"",
        snapshot(
            {
                "no stdin": "cf1-mcp: stdin is closed, but a client speaks to the server through stdin and stdout. Start the program with it open.\n",
                "no stdout": "cf1-mcp: stdout is closed, but a client speaks to the server through stdin and stdout. Start the program with it open.\n",
                "neither": "cf1-mcp: stdout is closed, but a client speaks to the server through stdin and stdout. Start the program with it open.\n",
                "no stdin and no stderr": "",
                "stdout of a command": "cf1-mcp: stdout is closed, but the result is written there. Start the program with it open.\n",
                "stdin for writing alone": "cf1-mcp: stdin or stdout cannot be used: an MCP client must be at the other end of both. Let one start this program, as README.md shows.\n",
                "stdout for reading alone": "cf1-mcp: stdin or stdout cannot be used: an MCP client must be at the other end of both. Let one start this program, as README.md shows.\n",
                "stdout on a full disk": "cf1-mcp: stdin or stdout cannot be used: an MCP client must be at the other end of both. Let one start this program, as README.md shows.\n",
            }
        )[case],
    )


def test_a_command_without_stderr_still_answers(tmp_path: Path) -> None:
    script = 'exec "$0" -m cf1_mcp journal list <&- 2>&-'
    ended = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        capture_output=True,
        env={"PATH": os.environ["PATH"], "CF1_STATE_DIR": str(tmp_path / "state")},
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (0, b"The journal lists no changes.\n")


def test_a_server_that_a_person_starts_says_what_it_waits_for(tmp_path: Path) -> None:
    inside, outside = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "CF1_STATE_DIR": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-m", "cf1_mcp"],
        stdin=outside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        os.write(inside, b"\x04")  # the end of what is typed
        assert process.wait(60) == 0
    os.close(outside)
    os.close(inside)
    assert line == snapshot(
        "cf1-mcp: waiting for an MCP client on stdin. A client starts this program by itself: README.md shows how to add it. 'cf1-mcp try' shows what it does, 'cf1-mcp --help' lists the commands, Ctrl-C ends it.\n"
    )

"""`cf1-mcp exports`, and the path that an answer over stdio names."""

import json
import os
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from cf1_mcp.context import utc_now
from cf1_mcp.settings import Settings
from cf1_mcp.store.export_drafts import StoredExport
from cf1_mcp.store.export_files import ExportFolder
from tests.commands import run_command
from tests.conversations import ask

pytestmark = pytest.mark.anyio


def environment_of(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CF1_STATE_DIR": str(folder)}


def export_to(folder: Path, text: str, name: str = "csv", suffix: str = ".csv") -> StoredExport:
    draft = ExportFolder(Settings(state_dir=folder), utc_now).create_draft(name, suffix)
    draft.write(text)
    return draft.keep(["an-event"])


def test_kept_files_are_listed_and_saved_where_they_are_needed(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "out"
    target.mkdir()
    one, other = export_to(state, "a,b\n"), export_to(state, "alert ...", "suricata", ".rules")
    listed = run_command("exports", "list", environment=environment_of(state))
    assert sorted(line.split()[:3] for line in listed.stdout.splitlines()) == sorted(
        [[one.id, "csv", "4"], [other.id, "suricata", "9"]]
    )
    lines = run_command("exports", "list", "--json", environment=environment_of(state)).stdout.splitlines()
    assert {json.loads(line)["path"] for line in lines} == {str(one.path), str(other.path)}
    saved = run_command("exports", "save", f"cf1://exports/{other.id}", str(target), environment=environment_of(state))
    path = target / f"suricata-{other.id}.rules"
    assert (saved.returncode, saved.stdout, path.read_text()) == (0, f"{path}\n", "alert ...")
    again = run_command("exports", "save", one.id, str(path), environment=environment_of(state))
    assert (again.returncode, path.read_text()) == (2, "alert ...")
    assert "exists already. Name another file, or add --overwrite." in again.stderr
    replaced = run_command("exports", "save", one.id, str(path), "--overwrite", environment=environment_of(state))
    assert (replaced.returncode, path.read_text()) == (0, "a,b\n")


def test_an_unknown_export_and_a_path_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    kept = export_to(tmp_path, "a")
    unknown = run_command("exports", "save", "nothing", environment=environment_of(tmp_path))
    assert unknown.returncode == 2 and "Use an id of 'cf1-mcp exports list'." in unknown.stderr
    missing = run_command(
        "exports", "save", kept.id, str(tmp_path / "no" / "file"), environment=environment_of(tmp_path)
    )
    assert missing.returncode == 2 and "cannot be written: No such file or directory." in missing.stderr
    itself = run_command(
        "exports", "save", kept.id, str(kept.path), "--overwrite", environment=environment_of(tmp_path)
    )
    assert (itself.returncode, kept.path.read_text()) == (2, "a")


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    ended = run_command("exports", "list", environment=environment_of(tmp_path))
    assert (ended.returncode, ended.stdout) == (0, f"No export is kept in {tmp_path}: they are deleted after a day.\n")


async def test_an_export_over_stdio_names_the_path_of_its_file(tmp_path: Path) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env=environment_of(tmp_path))
    async with Client(server) as client:
        made = await ask(client, "export_threat_events", format="csv", since="7d")
    [kept] = ExportFolder(Settings(state_dir=tmp_path), utc_now).list_kept()
    assert (made["file"], made["size"]) == (str(kept.path), kept.size)

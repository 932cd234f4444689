"""The worked examples of CONTRIBUTING.md run as they are printed, in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documents.tables import ROOT
from tests.test_architecture import MAX_MODULES

CALLS = """
import sys
from pathlib import Path

import anyio

from tests.conversations import ask
from tests.tenant import MINE, Tenant


async def main() -> None:
    tenant = Tenant(Path(sys.argv[1]))
    event = await tenant.add("An event", insight="A wrong analysis")
    async with tenant.server(tenant.allowed()) as client:
        card = await ask(client, "get_threat_dataset", dataset_id=MINE)
        print(card["name"], card["kind"], card["public"])
        call = {"dataset_id": MINE, "event_id": event.uuid}
        preview = await ask(client, "clear_threat_insight", **call)
        print(preview["status"], await insight(client, event.uuid))
        done = await ask(client, "clear_threat_insight", **call, confirm=preview["code"])
        print(done["status"], await insight(client, event.uuid))
        undone = await ask(client, "undo_change", change_id=done["change_id"])
        print(undone["status"], await insight(client, event.uuid))


async def insight(client, event_id):
    return (await ask(client, "get_threat_event", event_id=event_id)).get("insight", "-")


anyio.run(main)
"""


def test_the_worked_examples_run_as_printed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cf1_mcp", tmp_path / "cf1_mcp", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    examples = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", page, flags=re.DOTALL)
    assert [name for name, _ in examples] == [
        "cf1_mcp/tools/dataset_details.py",
        "cf1_mcp/changes/insights.py",
        "cf1_mcp/tools/insights.py",
    ]
    for name, code in examples:
        (tmp_path / name).write_text(code, encoding="utf-8")
    for folder in ("tools", "changes"):
        assert len([*(tmp_path / "cf1_mcp" / folder).glob("[!_]*.py")]) <= MAX_MODULES
    # The lines that the text says to add.
    edit(tmp_path / "cf1_mcp/tools/__init__.py", "MODULES: Final = (", '    "dataset_details",\n    "insights",')
    edit(tmp_path / "cf1_mcp/changes/undo.py", "KINDS: Final[tuple[ChangeKind[Any], ...]] = (", "    INSIGHT,")
    edit(tmp_path / "cf1_mcp/changes/undo.py", '"""', "from cf1_mcp.changes.insights import INSIGHT", last=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", CALLS, str(tmp_path / "state")]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.stdout.splitlines() == [
        "Mine operational False",
        "confirmation_required A wrong analysis",
        "done -",
        "done A wrong analysis",
    ], ended.stderr


def edit(path: Path, after: str, line: str, *, last: bool = False) -> None:
    """Add a line after the one that ends in `after`."""
    text = path.read_text(encoding="utf-8")
    place = (text.index(after, 3) if last else text.index(after)) + len(after)
    path.write_text(f"{text[:place]}\n{line}{text[place:]}", encoding="utf-8")

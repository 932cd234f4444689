"""One full answer of every tool, text and data, as a client receives it: `tests/contract/answers/*.txt`."""

import json
import re
from pathlib import Path

import pytest
from inline_snapshot import external_file

from tests.contract.every_tool import CALLS, PlantedTenant
from tests.conversations import same_mark, text_of
from tests.tenant import GENERATIONS, Generation

pytestmark = pytest.mark.anyio

ANSWERS = Path(__file__).parent / "answers"
WRITE_ANSWERS = "python -m pytest -n 0 --inline-snapshot=create,fix tests/contract/test_whole_answers.py"
# Values that differ in every run: ids, ids of changes and exports, codes.
VARIABLE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}(?:-[A-Z0-9]{4}-[A-Z0-9]{4})?|c-[0-9a-z]{5}-[0-9a-z]{5}|\b[a-z2-7]{16}\b"
)


@pytest.mark.parametrize("mode", GENERATIONS)
@pytest.mark.parametrize("tool", CALLS)
async def test_the_full_answer_of_a_tool_is_as_recorded(tmp_path: Path, tool: str, mode: Generation) -> None:
    tenant = PlantedTenant(
        tmp_path, "Invoice lure from billing.example.com", "invoice", "http://kit.example.com/pay/index.php"
    )
    parts: list[str] = []
    for answer in await tenant.answers(tool, mode):
        data = json.dumps(answer.structured_content, indent=1, ensure_ascii=False)
        parts.append(f"{same_mark(text_of(answer.content))}\n\n{data}\n")
    assert with_numbered_ids("\n".join(parts)) == external_file(ANSWERS / f"{tool}.txt", format=".txt"), (
        f"{tool} answers differently: run {WRITE_ANSWERS} and review it"
    )


def with_numbered_ids(text: str) -> str:
    """Replace each id in the text by a number, in the order of appearance."""
    known: dict[str, str] = {}
    return VARIABLE.sub(lambda found: known.setdefault(found[0], f"ID{len(known) + 1}"), text)


def test_every_recorded_answer_has_its_tool() -> None:
    orphans = [f"git rm tests/contract/answers/{path.name}" for path in ANSWERS.iterdir() if path.stem not in CALLS]
    assert not orphans, "\n".join(orphans)

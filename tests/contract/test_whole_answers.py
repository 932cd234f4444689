"""One full answer of every tool, text and data, as a client gets it: `tests/contract/answers/*.txt`."""

import json
import re
from pathlib import Path

import pytest
from inline_snapshot import external_file

from tests.contract.every_tool import CALLS, Tenant
from tests.conversations import same_mark, text_of

pytestmark = pytest.mark.anyio

ANSWERS = Path(__file__).parent / "answers"
WRITE_ANSWERS = "python -m pytest -n 0 --inline-snapshot=create,fix tests/contract/test_whole_answers.py"
# What is new in every run: ids, ids of changes and exports, codes.
NEW = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}|c-[0-9a-z]{5}-[0-9a-z]{5}|\b[a-z2-7]{16}\b"
)


@pytest.mark.parametrize("tool", CALLS)
async def test_a_tool_answers_in_full_as_it_is_written_down(tmp_path: Path, tool: str) -> None:
    tenant = Tenant(
        tmp_path, "Invoice lure from billing.example.com", "invoice", "http://kit.example.com/pay/index.php"
    )
    parts: list[str] = []
    for answer in await tenant.answers(tool):
        data = json.dumps(answer.structured_content, indent=1, ensure_ascii=False)
        parts.append(f"{same_mark(text_of(answer.content))}\n\n{data}\n")
    assert numbered("\n".join(parts)) == external_file(ANSWERS / f"{tool}.txt", format=".txt"), (
        f"{tool} answers differently: run {WRITE_ANSWERS} and review it"
    )


def numbered(text: str) -> str:
    """The text with a number for each id, in the order in which they come."""
    known: dict[str, str] = {}
    return NEW.sub(lambda found: known.setdefault(found[0], f"ID{len(known) + 1}"), text)


def test_every_answer_written_down_is_one_of_a_tool() -> None:
    orphans = [f"git rm tests/contract/answers/{path.name}" for path in ANSWERS.iterdir() if path.stem not in CALLS]
    assert not orphans, "\n".join(orphans)

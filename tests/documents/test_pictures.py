"""The pictures in docs/ show the current code."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.anyio


def load_script() -> ModuleType:
    """Import the script, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_pictures_are_up_to_date() -> None:
    """Where this fails: `make pictures`, look at the result, and commit it."""
    drawn: dict[str, str] = await load_script().pictures()
    stale = [name for name, picture in drawn.items() if (ROOT / "docs" / name).read_text(encoding="utf-8") != picture]
    assert stale == []

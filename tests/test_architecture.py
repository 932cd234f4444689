"""The layout: layers without circles, packages of a size that a reader takes in, names that mean one thing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FAST_FOLDERS, SLOW_FOLDERS, TESTS, folder_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cf1_mcp"
MAX_MODULES = 16
MAX_LINES = 300

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_packages_import_only_what_stands_below_them() -> None:
    """The contracts are in pyproject.toml. Where this fails: `lint-imports` says which import to move or turn around."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    linted = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_package_is_small_enough_to_take_in(package: Path) -> None:
    """Where this fails: give the modules that belong together a package of their own."""
    assert len([path for path in package.glob("*.py") if path.name != "__init__.py"]) <= MAX_MODULES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_at_most_300_lines(path: Path) -> None:
    """Where this fails: split it by noun."""
    assert path.read_text(encoding="utf-8").count("\n") <= MAX_LINES


def test_every_folder_of_tests_is_fast_or_slow() -> None:
    """Where this fails: add the folder to FAST_FOLDERS or SLOW_FOLDERS in tests/conftest.py."""
    folders = {folder_of(path) for path in TESTS.rglob("test_*.py")}
    assert folders <= FAST_FOLDERS | SLOW_FOLDERS
    assert not FAST_FOLDERS & SLOW_FOLDERS

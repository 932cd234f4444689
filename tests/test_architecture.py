"""The architecture: layers without circles, packages and functions of a readable size, names and words with one meaning."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FAST_FOLDERS, SLOW_FOLDERS, TESTS, folder_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cf1_mcp"
MAX_MODULES = 18
MAX_LINES = 300
MAX_FUNCTION_LINES = 60

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))

NOT_NAMES = frozenset(
    [
        "absence",
        "cells",
        "common",
        "helpers",
        "images",
        "manager",
        "question",
        "reaching",
        "seen",
        "spent",
        "style",
        "together",
        "utils",
        "watching",
        "writing",
    ]
)
"""Names of modules that do not say what is inside."""

API_NOUNS = frozenset(
    [
        "aggregates",
        "alerts",
        "changes",
        "datasets",
        "events",
        "graphql",
        "indicators",
        "queries",
        "relationships",
        "saved_queries",
        "vocabulary",
    ]
)
"""Nouns of the API: each layer may have a module of that name (models, client, sandbox endpoints, tools)."""
SAME_IDEA = {
    "app": "the application object of typer (cli) and of Starlette (sandbox)",
    "errors": "the server's errors and the sandbox's, which imports nothing of the server",
    "journal": "the journal (store) and the commands that show it (cli)",
    "dataset_scope": "the datasets that a call means, as the policy resolves them and as the sandbox's API does",
}
"""Other names that two modules share, each with the idea that both are about."""
SAME_CLASS: dict[str, str] = {}
"""Names that two public classes share, each with the reason."""

QUOTING = ("test_architecture.py", "test_older_journals.py")
# The sample tenant's reports are fiction, in the words of the reporters. This module quotes what it
# refuses, and older journals keep the wording of their version.
TEXTS = sorted(
    [
        *(path for path in PACKAGE.rglob("*.py") if path.parent.name != "sample"),
        *(path for path in TESTS.rglob("*.py") if path.name not in QUOTING),
        *(ROOT / "bench").glob("*.py"),
        *(ROOT / "evals").rglob("*.py"),
        *(ROOT / "prompts").glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / name for name in ("README.md", "BENCHMARKS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
)
ADVICE = {
    r"(?<![Tt]here )\bis no (?!longer|more|such|need|way)\w+": "write 'X is not a Y'",
    r"\b[Ss]trangers'?": "write 'untrusted text' or 'attacker-written'",
    r"\blooked after\b": "write 'checked' or 'verified'",
    r"\banew\b": "write 'again', or a verb with 're-'",
    r"\bof now\b": "write 'current' or 'now'",
    r"\b[Ii]t is looked\b": "name who looks: 'the server searches ...'",
    r"\bstands? apart\b": "write 'is separate from'",
    r"\bhouse\b": "write 'package' or 'server'",
    r"\bfloors?\b": "write 'layer'",
    r"\blest\b": "write 'so that ... does not'",
    r"\bthereby\b": "leave it out",
    r"(?<![\d.,])1 (events|queries|alerts|rows|tags|datasets|relationships|files)\b": "use cf1_mcp.text.plurals.plural",
}
"""Phrases of a private dialect, as regular expressions, with what to write instead."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def definitions(path: Path, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


def test_packages_import_only_lower_layers() -> None:
    """The contracts are in pyproject.toml. Where this fails: `lint-imports` says which import to move or turn around."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    linted = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_package_has_at_most_18_modules(package: Path) -> None:
    modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    step = "give the modules that belong together their own package"
    assert len(modules) <= MAX_MODULES, f"cf1_mcp/{name_of(package)} has {len(modules)} modules: {step}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    """Where this fails: split it by noun."""
    assert path.read_text(encoding="utf-8").count("\n") <= MAX_LINES


def test_a_function_has_at_most_60_lines() -> None:
    long = [
        f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines: name a part of it and move that out"
        for path in MODULES
        for node in definitions(path, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_module_has_a_name_that_says_nothing() -> None:
    unclear = [f"{name_of(path)}: name it after what is inside" for path in MODULES if path.stem in NOT_NAMES]
    assert not unclear, "\n".join(unclear)


def test_two_modules_share_a_name_only_for_the_same_idea() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        places[path.stem].append(name_of(path))
    # The plan of a change is in changes/, and the tool that makes the change has the same name in tools/.
    shared = {
        stem: paths
        for stem, paths in places.items()
        if len(paths) > 1 and set(paths) != {f"changes/{stem}.py", f"tools/{stem}.py"}
    }
    unexplained = [
        f"{' and '.join(paths)}: rename one, or add {stem!r} to SAME_IDEA with the idea that both are about"
        for stem, paths in shared.items()
        if stem not in API_NOUNS | SAME_IDEA.keys()
    ]
    unexplained += [f"SAME_IDEA: no modules share {stem!r} any longer: remove it" for stem in SAME_IDEA.keys() - shared]
    assert not unexplained, "\n".join(unexplained)


def test_two_public_classes_never_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in definitions(path, ast.ClassDef):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{name_of(path)}:{node.lineno}")
    shared = {name: found for name, found in places.items() if len(found) > 1}
    unexplained = [
        f"{' and '.join(found)}: two classes are named {name}: rename one"
        for name, found in shared.items()
        if name not in SAME_CLASS
    ]
    assert not unexplained, "\n".join(unexplained)
    assert SAME_CLASS.keys() <= shared.keys(), "SAME_CLASS: remove what is not shared any longer"


def test_texts_are_plain_english() -> None:
    found = [
        f'{path.relative_to(ROOT)}:{number}: "{match[0]}": {advice}'
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for phrase, advice in ADVICE.items()
        if (match := re.search(phrase, line))
    ]
    assert not found, "\n".join(found)


def test_every_folder_of_tests_is_fast_or_slow() -> None:
    """Where this fails: add the folder to FAST_FOLDERS or SLOW_FOLDERS in tests/conftest.py."""
    folders = {folder_of(path) for path in TESTS.rglob("test_*.py")}
    assert folders <= FAST_FOLDERS | SLOW_FOLDERS
    assert not FAST_FOLDERS & SLOW_FOLDERS

"""The house: every module stands on a floor and leans only on what stands below it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cf1_mcp"

# From the ground up. Within a floor, a module may lean on those named before it.
FLOORS = [
    ["errors"],
    [*("models.base", "models.changes", "models.events", "models.queries", "models.vocabulary", "models")],
    ["settings", "text", "style", "times", "together", "operations"],
    [
        "indicators.kinds",
        "indicators.hosts",
        "indicators.names",
        "indicators.urls",
        "indicators.candidates",
        "indicators.rewriting",
        "indicators.wording",
        "indicators.findings",
        "indicators.extraction",
        "indicators.classification",
        "indicators",
    ],
    [
        "exports.handling",
        "exports.observables",
        "exports.blocking",
        "exports.format",
        "exports.csv_rows",
        "exports.blocklist",
        "exports.gateway",
        "exports.waf",
        "exports.stix_terms",
        "exports.stix_objects",
        "exports.stix",
        "exports.taxii",
        "exports.misp",
        "exports.navigator",
        "exports.catalog",
        "exports",
    ],
    ["transport", "failures", "connection", "client"],
    [
        "confirmation",
        "spent",
        "seen",
        "approvals",
        "journal.changes",
        "journal.entries",
        "journal.file",
        "journal.journal",
        "journal",
        "export_folder",
    ],
    ["vocabulary", "context"],
    [
        "arguments",
        "queries",
        "policy",
        "countries",
        "spelling",
        "paging",
        "filters",
        "cells",
        "answers",
        "guide",
        "question",
        "listing",
        "sightings",
        "lookup_input",
        "lookups",
        "absence",
        "counting",
        "profiles.sampling",
        "profiles.facts",
        "profiles.actor",
        "profiles.tables",
        "profiles.profile",
        "profiles.comparison",
        "exporting",
        "graphql_guard",
        "writing",
        "watching",
        "reaching",
        "checking",
        "batches",
        "images",
        "changes",
        "inverses.inverse",
        "inverses.events",
        "inverses.fields",
        "inverses.links",
        "inverses.moves",
        "inverses.queries",
        "inverses.tags",
        "inverses",
    ],
    [
        "importing.rows",
        "importing.files",
        "importing.jsonl",
        "importing.tables",
        "importing.json_stream",
        "importing.patterns",
        "importing.stix",
        "importing.misp",
        "importing.reading",
        "importing.checks",
        "importing.progress",
        "importing.ledger",
        "importing.filling",
        "importing.workers",
        "importing.patience",
        "importing.finding",
        "importing.comparing",
        "importing.duplicates",
        "importing.intake",
        "importing.recovery",
        "importing.sending",
        "importing.linking",
        "importing.report",
        "importing.journaling",
        "importing.run",
    ],
    ["schemas", "toolset"],
    [
        "tools.aggregates",
        "tools.alert_changes",
        "tools.alerts",
        "tools.creation",
        "tools.datasets",
        "tools.deletion",
        "tools.events",
        "tools.exports",
        "tools.imports",
        "tools.links",
        "tools.lookups",
        "tools.moves",
        "tools.profiles",
        "tools.queries",
        "tools.query_changes",
        "tools.reverts",
        "tools.tags",
        "tools.updates",
        "tools.changes",
        "tools.undoing",
    ],
    ["prompts", "instructions", "resources", "completions"],
    ["server"],
    ["serve", "tour", "history", "imports_command", "cli", "__main__"],
]
ORDER = [module for floor in FLOORS for module in floor]
TOOLS = FLOORS[-4]
COMMANDS = FLOORS[-1]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cf1_mcp":
            inside = node.module.removeprefix("cf1_mcp").removeprefix(".")
            names = [f"{inside}.{alias.name}".removeprefix(".") for alias in node.names]
            found |= {name if (PACKAGE / f"{name.replace('.', '/')}.py").exists() else inside for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("cf1_mcp.") for alias in node.names if alias.name.startswith("cf1_mcp.")}
    return found


FILES = {
    name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.read_text(encoding="utf-8").count("\n") > 1
}
HOUSE = {name: path for name, path in FILES.items() if not name.startswith("sandbox")}
SANDBOX = {name_of(path): path for path in sorted((PACKAGE / "sandbox").rglob("*.py"))}


def test_every_module_has_its_floor() -> None:
    assert sorted(HOUSE) == sorted(ORDER)


@pytest.mark.parametrize("name", HOUSE)
def test_a_module_leans_only_on_what_stands_below(name: str) -> None:
    below = set(ORDER[: ORDER.index(name)]) - ({*TOOLS} if name in TOOLS else set())
    above = {module for module in imports(HOUSE[name]) if not module.startswith("sandbox")} - below
    assert above == set()


@pytest.mark.parametrize("name", HOUSE)
def test_only_commands_know_the_sandbox(name: str) -> None:
    assert name in COMMANDS or not any(module.startswith("sandbox") for module in imports(HOUSE[name]))


@pytest.mark.parametrize("name", SANDBOX)
def test_the_sandbox_stands_apart_on_the_models_alone(name: str) -> None:
    assert {module for module in imports(SANDBOX[name]) if not module.startswith("sandbox")} <= {"models"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_over_300_lines_asks_to_be_split(name: str) -> None:
    lines = FILES[name].read_text(encoding="utf-8").count("\n")
    assert lines <= 300

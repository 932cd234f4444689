"""Tenants that differ only in what the rules withhold answer every reading call the same.

Each test asks the same calls of tenants with nothing, little and much withheld, and compares everything that a client
receives: results, texts, cursors, counts, notes, files and progress messages.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from mcp import Client

from cf1_mcp.models import Tlp
from tests.non_interference import previews, readings, searches
from tests.non_interference.accounts import RULES, Rule, build_tenant, settings_for
from tests.non_interference.calls import Call
from tests.non_interference.comparison import describe_difference, transcribe
from tests.non_interference.contents import FEW, NOTHING
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

MIN_CALLS: Final = 400
MAX_SHOWN: Final = 6
Tenants = Mapping[str, Tenant]


@cache
def calls_by_family() -> Mapping[str, list[Call]]:
    """All calls, by what they ask for."""
    made: dict[str, Iterable[Call]] = {
        "conditions": searches.condition_searches(),
        "filters": searches.filter_searches(),
        "texts": searches.text_searches(),
        "pages": searches.page_searches(),
        "aggregates": readings.aggregates(),
        "graphql": readings.graphql(),
        "lookups": readings.lookups(),
        "profiles": readings.profiles(),
        "relations": readings.relations(),
        "vocabularies": readings.vocabularies(),
        "watches": readings.watches(),
        "journals": readings.journals(),
        "completions": readings.completions(),
        "exports": readings.exports(),
        "removals": previews.removals(),
        "reverts": previews.reverts(),
        "query changes": previews.query_changes(),
        "imports": previews.imports(),
        "refusals": previews.refusals(),
    }
    return {family: [*calls] for family, calls in made.items()}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=RULES, ids=lambda rule: rule.name)
async def compared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> tuple[Rule, Tenants]:
    rule: Rule = request.param
    folder = tmp_path_factory.mktemp("tenants")
    return rule, {name: await build_tenant(folder / name, content) for name, content in rule.contents.items()}


@pytest.mark.parametrize("family", calls_by_family())
async def test_tenants_answer_as_if_nothing_were_withheld(
    compared: tuple[Rule, Tenants], family: str
) -> None:
    rule, tenants = compared
    calls = calls_by_family()[family]
    differences = await find_differences(rule, tenants, calls)
    if differences:
        pytest.fail(summarize(differences, len(calls)), pytrace=False)


def test_there_are_at_least_400_calls(record_property: Callable[[str, object], None]) -> None:
    count = sum(len(calls) for calls in calls_by_family().values())
    tenants = sum(len(rule.contents) for rule in RULES)
    record_property("reading calls compared", f"{count} of each of {tenants} tenants")
    assert count >= MIN_CALLS
    assert len({str(call) for calls in calls_by_family().values() for call in calls}) == count


async def find_differences(rule: Rule, tenants: Tenants, calls: Iterable[Call]) -> dict[str, dict[str, str]]:
    """The calls that tenants answer otherwise than the first one: the tenants, each with the difference."""
    found: dict[str, dict[str, str]] = {}
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}
        for name, tenant in tenants.items():
            clients[name] = await stack.enter_async_context(tenant.server(settings_for(tenant, rule)))
        for call in calls:
            answers = {name: transcribe(await call.make(client)) for name, client in clients.items()}
            first, *others = answers
            for name in others:
                if answers[name] != answers[first]:
                    found.setdefault(str(call), {})[name] = describe_difference(answers[first], answers[name])
    return found


def summarize(differences: Mapping[str, Mapping[str, str]], asked: int) -> str:
    """What to read when a test fails: how many calls differ, and the first of them."""
    lines = [f"{len(differences)} of {asked} calls tell what is withheld."]
    for call, tenants in [*differences.items()][:MAX_SHOWN]:
        lines.append(call if len(call) < 400 else f"{call[:400]} ...")
        for name, difference in tenants.items():
            lines += [f"  {name}:", difference]
    return "\n".join(lines)

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
from cf1_mcp.models.fields import SEARCHABLE
from tests.non_interference import previews, readings, searches
from tests.non_interference.accounts import RULES, Rule, build_tenant, settings_for
from tests.non_interference.calls import Call
from tests.non_interference.comparison import describe_difference, transcribe
from tests.non_interference.contents import FEW, NOTHING
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

MIN_CALLS: Final = 400
MAX_SHOWN: Final = 6
MAX_CALL_LENGTH: Final = 400
BY_NAME: Final = {rule.name: rule for rule in RULES}
Tenants = Mapping[str, Tenant]
Differences = Mapping[str, Mapping[str, str]]
"""By call and tenant, how the answer differs from that of the first tenant."""


@cache
def calls_by_family() -> Mapping[str, list[Call]]:
    """All calls, by what they ask for."""
    made: dict[str, Iterable[Call]] = {
        **{f"conditions on {name}": searches.condition_searches(name) for name in SEARCHABLE},
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
        "duplicates": previews.duplicates(),
        "selections": previews.selections(),
        "reverts": previews.reverts(),
        "query changes": previews.query_changes(),
        "imports": previews.imports(),
        "refusals": previews.refusals(),
    }
    return {family: [*calls] for family, calls in made.items()}


def families_of(rule: Rule) -> tuple[str, ...]:
    return rule.families or tuple(calls_by_family())


PAIRS: Final = [(rule.name, family) for rule in RULES for family in families_of(rule)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def compared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> tuple[Rule, Tenants]:
    rule = BY_NAME[request.param]
    return rule, await build_tenants(rule, tmp_path_factory.mktemp("tenants"))


@pytest.mark.parametrize(("compared", "family"), PAIRS, indirect=["compared"])
async def test_a_client_cannot_tell_what_is_withheld(compared: tuple[Rule, Tenants], family: str) -> None:
    rule, tenants = compared
    calls = calls_by_family()[family]
    differences = await find_differences(rule, tenants, calls)
    assert not any(tenant.changes_sent() for tenant in tenants.values())
    if differences:
        pytest.fail(summarize(differences, len(calls)), pytrace=False)


def test_at_least_400_calls_are_compared(record_property: Callable[[str, object], None]) -> None:
    calls = [str(call) for family in calls_by_family().values() for call in family]
    answers = sum(len(calls_by_family()[family]) * len(BY_NAME[rule].contents) for rule, family in PAIRS)
    record_property("calls that must not tell what is withheld", f"{len(calls)}, with {answers} answers compared")
    assert len(set(calls)) == len(calls) >= MIN_CALLS


async def test_equal_tenants_answer_the_same(tmp_path: Path) -> None:
    """Random marks, codes and ids do not count as a difference."""
    rule = replace(RULES[0], contents={"one": NOTHING, "other": NOTHING})
    calls = [call for family in calls_by_family().values() for call in family[::12]]
    assert not await find_differences(rule, await build_tenants(rule, tmp_path), calls)


async def test_a_visible_difference_is_found(tmp_path: Path) -> None:
    """The same few events, below the ceiling of a server that shows red ones."""
    rule = replace(RULES[0], contents={"nothing": NOTHING, "few": FEW}, settings={"max_tlp": Tlp.RED})
    tenants = await build_tenants(rule, tmp_path)
    for family in ("pages", "aggregates", "lookups", "profiles", "exports", "vocabularies"):
        assert await find_differences(rule, tenants, calls_by_family()[family][::6]), family


async def test_numbers_of_withheld_events_are_found(tmp_path: Path) -> None:
    """With CF1_TELL_WITHHELD=counts, answers tell how much is withheld."""
    rule = replace(RULES[0], contents={"nothing": NOTHING, "few": FEW}, settings={"tell_withheld": True})
    tenants = await build_tenants(rule, tmp_path)
    for family in ("aggregates", "lookups", "exports"):
        differences = await find_differences(rule, tenants, calls_by_family()[family][::4])
        assert any("withheld" in text for texts in differences.values() for text in texts.values()), family


async def build_tenants(rule: Rule, folder: Path) -> Tenants:
    return {name: await build_tenant(folder / name, content) for name, content in rule.contents.items()}


async def find_differences(rule: Rule, tenants: Tenants, calls: Iterable[Call]) -> Differences:
    """Make the calls on every tenant, and compare all answers with those of the first one."""
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


def summarize(differences: Differences, asked: int) -> str:
    """Return what to read when a test fails: how many calls differ, and the first of them."""
    lines = [f"{len(differences)} of {asked} calls tell what is withheld."]
    for call, tenants in [*differences.items()][:MAX_SHOWN]:
        lines.append(call if len(call) < MAX_CALL_LENGTH else f"{call[:MAX_CALL_LENGTH]} ...")
        for name, difference in tenants.items():
            lines += [f"  {name}:", difference]
    return "\n".join(lines)

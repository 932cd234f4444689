"""Every changing tool against every rule: attempts of a hostile or confused model, after which nothing is sent.

The table is tools x situations. Each case is a call that would change something without the rule.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest
from pydantic import JsonValue

from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.models import Tlp
from cf1_mcp.tools import ALL_TOOLS
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
Call = Callable[[Tenant, str], Awaitable[Arguments]]

NEW: Arguments = {"date": "2026-11-20", "category": "Phishing", "event": "made", "tlp": "green"}


async def _event(tenant: Tenant, dataset: str, **fields: JsonValue) -> str:
    return (await tenant.add("target", dataset, **fields)).uuid


async def _create(tenant: Tenant, dataset: str) -> Arguments:
    return {**NEW, "dataset_id": dataset}


async def _import(tenant: Tenant, dataset: str) -> Arguments:
    return {"dataset_id": dataset, "rows": [{**NEW}]}


async def _update(tenant: Tenant, dataset: str) -> Arguments:
    return {"dataset_id": dataset, "event_id": await _event(tenant, dataset), "event": "rewritten"}


async def _tag(tenant: Tenant, dataset: str) -> Arguments:
    return {"dataset_id": dataset, "event_ids": [await _event(tenant, dataset)], "tags": ["benign"]}


async def _untag(tenant: Tenant, dataset: str) -> Arguments:
    return {
        "dataset_id": dataset,
        "event_ids": [await _event(tenant, dataset, tags=["malicious"])],
        "tags": ["malicious"],
    }


async def _relate(tenant: Tenant, dataset: str) -> Arguments:
    first, second = await _event(tenant, dataset), await _event(tenant, dataset)
    return {"dataset_id": dataset, "event_id": first, "related_ids": [second]}


async def _unrelate(tenant: Tenant, dataset: str) -> Arguments:
    arguments = await _relate(tenant, dataset)
    async with tenant.api() as api:
        await api.relate_event(str(arguments["event_id"]), [str(one) for one in _listed(arguments["related_ids"])])
    return arguments


async def _move(tenant: Tenant, dataset: str) -> Arguments:
    other = YOURS if dataset.strip().casefold() == MINE.casefold() else MINE
    return {"dataset_id": dataset, "destination_dataset_id": other, "event_ids": [await _event(tenant, dataset)]}


async def _delete(tenant: Tenant, dataset: str) -> Arguments:
    return {"dataset_id": dataset, "event_ids": [await _event(tenant, dataset)]}


async def _merge(tenant: Tenant, dataset: str) -> Arguments:
    return {
        "dataset_id": dataset,
        "keep": await _event(tenant, dataset),
        "event_ids": [await _event(tenant, dataset)],
    }


async def _revert(tenant: Tenant, dataset: str) -> Arguments:
    await _event(tenant, dataset)
    return {"dataset_id": dataset, "minutes_ago": 60}


async def _copy(tenant: Tenant, dataset: str) -> Arguments:
    """Into the dataset: the originals may be in any that may be read."""
    other = YOURS if dataset.strip().casefold() == MINE.casefold() else MINE
    return {"dataset_id": other, "destination_dataset_id": dataset, "event_ids": [await _event(tenant, other)]}


async def _create_dataset(tenant: Tenant, dataset: str) -> Arguments:
    return {"name": f"Not {dataset}"}


async def _create_category(tenant: Tenant, dataset: str) -> Arguments:
    return {"name": f"Not {dataset}", "kill_chain": 3}


async def _rename(tenant: Tenant, dataset: str) -> Arguments:
    return {"dataset_id": dataset, "name": "Renamed"}


CALLS: Mapping[str, Call] = {
    "create_threat_event": _create,
    "import_threat_events": _import,
    "update_threat_event": _update,
    "tag_threat_events": _tag,
    "untag_threat_events": _untag,
    "relate_threat_events": _relate,
    "unrelate_threat_events": _unrelate,
    "move_threat_events": _move,
    "copy_threat_events": _copy,
    "create_threat_dataset": _create_dataset,
    "create_threat_category": _create_category,
    "update_threat_dataset": _rename,
    "delete_threat_events": _delete,
    "merge_duplicate_events": _merge,
    "revert_threat_dataset": _revert,
}
OF_NO_EVENT = {
    "create_threat_event",
    "import_threat_events",
    "create_threat_dataset",
    "update_threat_dataset",
    "create_threat_category",
}
DESTROYING = {tool.name for tool in ALL_TOOLS if tool.name in CALLS and tool.effect.mode == "full"}


@dataclass(frozen=True)
class Situation:
    """Rules under which a call is tried, and the rule that must refuse it."""

    name: str
    changed: Mapping[str, object]
    dataset: str
    rule: str
    tools: frozenset[str] = frozenset(CALLS)


BOTH = {"write_datasets": (MINE, YOURS), "delete_datasets": (MINE, YOURS)}
SITUATIONS = [
    Situation("in read mode", {**BOTH, "mode": "read"}, MINE, "CF1_MODE"),
    Situation("in write mode", {**BOTH, "mode": "write"}, MINE, "CF1_MODE", frozenset(DESTROYING)),
    Situation("with its toolset off", {**BOTH, "toolsets": ("events", "watch")}, MINE, "CF1_TOOLSETS"),
    Situation("with no lists at all", {"write_datasets": (), "delete_datasets": ()}, MINE, "_DATASETS"),
    Situation("with the write list alone", {"delete_datasets": ()}, MINE, "CF1_DELETE_DATASETS", frozenset(DESTROYING)),
    Situation("in another dataset", {}, YOURS, "_DATASETS"),
    Situation("in another dataset, upper case and padded", {}, f"  {YOURS.upper()}\t", "_DATASETS"),
    Situation("in a dataset that may not be read", {**BOTH, "read_datasets": (YOURS,)}, MINE, "_DATASETS"),
]
CASES = [(situation, tool) for situation in SITUATIONS for tool in CALLS if tool in situation.tools]


@pytest.mark.parametrize(("situation", "tool"), CASES, ids=[f"{tool} {situation.name}" for situation, tool in CASES])
async def test_a_rule_refuses_a_change_before_anything_is_sent(tenant: Tenant, situation: Situation, tool: str) -> None:
    arguments = await CALLS[tool](tenant, situation.dataset.strip().title())
    target = "destination_dataset_id" if tool == "copy_threat_events" else "dataset_id"
    if target in arguments:
        arguments[target] = situation.dataset
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**situation.changed)) as client:
        words = await refused(client, tool, **arguments)
    assert "is withheld by CF1_" in words and situation.rule in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", sorted(DESTROYING))
@pytest.mark.parametrize("confirm", [" ", "yes", "true", "AAAA-BBBB-CCCC", "K7QF-2M9D-XW4T", "0" * 5_000, "\u202eK7QF"])
async def test_an_invented_code_is_refused(tenant: Tenant, tool: str, confirm: str) -> None:
    arguments = await CALLS[tool](tenant, MINE)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        words = await refused(client, tool, **arguments, confirm=confirm)
    assert words.startswith("confirm: this code is not for this change")
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", sorted(DESTROYING))
async def test_an_empty_code_only_previews(tenant: Tenant, tool: str) -> None:
    arguments = await CALLS[tool](tenant, MINE)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        preview = await ask(client, tool, **arguments, confirm="")
    assert (preview["status"], tenant.changes_sent()) == ("confirmation_required", [])


@pytest.mark.parametrize("tool", sorted(DESTROYING))
@pytest.mark.parametrize("other", sorted(DESTROYING))
async def test_a_code_of_one_change_is_refused_for_another(tenant: Tenant, tool: str, other: str) -> None:
    mine, theirs = await CALLS[tool](tenant, MINE), await CALLS[other](tenant, MINE)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        code = (await ask(client, tool, **mine))["code"]
        if tool == other == "revert_threat_dataset":
            theirs["minutes_ago"] = 61
        await refused(client, other, **theirs, confirm=code)
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", sorted(DESTROYING))
async def test_the_first_call_of_a_destructive_tool_changes_nothing(tenant: Tenant, tool: str) -> None:
    arguments = await CALLS[tool](tenant, MINE)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        preview = await ask(client, tool, **arguments)
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []


@pytest.mark.parametrize("tool", sorted(set(CALLS) - OF_NO_EVENT))
async def test_an_event_above_the_ceiling_is_not_changed(tenant: Tenant, tool: str) -> None:
    arguments = await CALLS[tool](tenant, MINE)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH, max_tlp=Tlp.CLEAR)) as client:
        assert "CF1_MAX_TLP (clear)" in await refused(client, tool, **arguments)
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", ["create_threat_event", "import_threat_events"])
async def test_an_event_above_the_ceiling_is_not_created(tenant: Tenant, tool: str) -> None:
    red: Arguments = {**NEW, "tlp": "red"}
    arguments: Arguments = (
        {**red, "dataset_id": MINE} if tool.startswith("create") else {"dataset_id": MINE, "rows": [red]}
    )
    async with tenant.server(tenant.allowed()) as client:
        assert "CF1_MAX_TLP (amber)" in await refused(client, tool, **arguments)
    assert tenant.changes_sent() == []


def test_every_changing_tool_of_events_is_attacked() -> None:
    changing = {tool.name for tool in ALL_TOOLS if tool.toolset == "curation" and tool.effect != ToolEffect.READ}
    assert changing == set(CALLS)


def test_there_are_many_attacks() -> None:
    codes = len(DESTROYING) * (7 + len(DESTROYING) + 1)
    assert len(CASES) + codes + len(CALLS) >= 80


def _listed(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value

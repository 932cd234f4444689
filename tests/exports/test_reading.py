"""Exports that are read: under the rules that they were made under, and only while their events may be shown."""

from datetime import timedelta
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import JsonValue

from cf1_mcp.exports import reading
from cf1_mcp.models import Dataset, EventChange, Tlp
from cf1_mcp.settings import Credentials, Settings
from cf1_mcp.store.export_files import ExportFolder
from tests.conversations import ask, refused
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio

TOOL = "export_threat_events"
UNKNOWN = snapshot(
    "export_id: there is no such export: exports are deleted after 24 hours, and cannot be read after what may be read has changed. Use the id of an earlier answer, or export again."
)


async def make(client: Client, **arguments: JsonValue) -> str:
    """Export events and return the id of the file."""
    return str((await ask(client, TOOL, **({"format": "csv"} | arguments)))["export_id"])


async def change(tenant: Tenant, event_id: str, **fields: JsonValue) -> None:
    async with tenant.api() as api:
        await api.update_event(event_id, EventChange.model_validate({"dataset_id": tenant.dataset_id(), **fields}))


# -- ids


def forgeries(one: str) -> list[str]:
    """Return texts that are close to an id, or name its file in another way."""
    cut = [one[:-1], one[1:], one[:1], one + "a", one + one, "a" * 16, one[::-1]]
    cased = [one.upper(), one.title(), one.replace(one[0], chr(ord(one[0]) + 0xFEE0) if one[0].isalpha() else "z", 1)]
    paths = [f"./{one}", f"../exports/{one}", f"/{one}", f"{one}/", f"{one}.csv", f"{one}\x00", f"{one[:8]}\n{one[8:]}"]
    patterns = ["*", f"{one[:8]}*", "?" * 16, f"[{one[0]}]{one[1:]}", f"{one}*", "key", "."]
    return [*cut, *cased, *paths, *patterns]


async def test_only_the_exact_id_of_an_export_is_known(tenant: Tenant) -> None:
    await tenant.add("open")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        words = {forged: await refused(client, TOOL, export_id=forged) for forged in forgeries(export_id)}
        assert {forged: text for forged, text in words.items() if text != UNKNOWN} == {}
        assert "open" in str((await ask(client, TOOL, export_id=export_id))["content"])


@pytest.mark.parametrize("part", ["id", "digest", "format"])
async def test_a_renamed_file_is_unknown(tenant: Tenant, part: str) -> None:
    await tenant.add("open")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        other = await make(client, format="stix2")
        file = next(tenant.folder.glob(f"exports/{export_id}.*.csv"))
        digest = next(tenant.folder.glob(f"exports/{other}.*.json")).name.split(".")[1]
        known = {"id": export_id, "digest": file.name.split(".")[1], "format": "csv-export.csv"}
        known |= {"id": {"id": "b" * 16}, "digest": {"digest": digest}, "format": {"format": "misp.json"}}[part]
        for suffix in ("", ".events"):
            named = "{id}.{digest}.{format}".format_map(known)
            file.with_name(file.name + suffix).rename(file.with_name(named + suffix))
        assert await refused(client, TOOL, export_id=known["id"]) == UNKNOWN


async def test_a_file_without_the_ids_of_its_events_is_unknown(tenant: Tenant) -> None:
    await tenant.add("open")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        next(tenant.folder.glob("exports/*.events")).unlink()
        assert await refused(client, TOOL, export_id=export_id) == UNKNOWN


@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["random key", "key of the operator"])
async def test_an_export_outlives_a_restart(tenant: Tenant, key: bytes | None) -> None:
    await tenant.add("open")
    settings = Settings(state_dir=tenant.folder, confirm_key=key)
    async with tenant.server(settings) as client:
        export_id = await make(client)
    async with tenant.server(settings) as client:
        assert "open" in str((await ask(client, TOOL, export_id=export_id))["content"])
        address = f"cf1://exports/{export_id}"
        assert (await client.read_resource(address)).contents


@pytest.mark.parametrize(
    "other",
    [
        {"max_tlp": Tlp.GREEN},
        {"max_tlp": Tlp.RED},
        {"read_datasets": (MINE,)},
        {"read_datasets": (MINE, YOURS)},
        {"confirm_key": b"z" * 32},
        {"credentials": Credentials("a" * 32, "token")},
        {"base_url": "https://other.example/client/v4"},
    ],
    ids=str,
)
async def test_under_other_rules_an_export_is_unknown(tenant: Tenant, other: dict[str, object]) -> None:
    await tenant.add("open")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
    changed = Settings(**({"state_dir": tenant.folder, "confirm_key": b"k" * 32} | other))  # pyright: ignore[reportArgumentType]
    async with tenant.server(changed) as client:
        assert await refused(client, TOOL, export_id=export_id) == UNKNOWN
        with pytest.raises(MCPError, match="there is no such export"):
            await client.read_resource(f"cf1://exports/{export_id}")


async def test_an_export_of_a_dataset_is_unknown_once_its_name_is_that_of_another(tmp_path: Path) -> None:
    def rules(uuid: str) -> JsonValue:
        return reading.describe_rules(reading.ReadPolicy((Dataset(uuid=uuid, name="Mine"),), True, Tlp.AMBER))

    folder = ExportFolder(Settings(state_dir=tmp_path, read_datasets=("Mine",)), lambda: NOW)
    made = folder.under(rules("11111111-1111-4111-8111-111111111111"))
    draft = made.create_draft("csv", ".csv")
    draft.write("secret")
    export_id = draft.keep([]).id
    assert made.find(export_id).id == export_id
    with pytest.raises(Exception, match="there is no such export"):
        folder.under(rules("22222222-2222-4222-8222-222222222222")).find(export_id)


async def test_a_tag_that_is_marked_later_makes_the_export_unknown(tmp_path: Path) -> None:
    folder = ExportFolder(Settings(state_dir=tmp_path), lambda: NOW)
    policies = [reading.ReadPolicy((), False, Tlp.AMBER, frozenset(tags)) for tags in ((), ("ledger",))]
    draft = folder.under(reading.describe_rules(policies[0])).create_draft("csv", ".csv")
    export_id = draft.keep([]).id
    with pytest.raises(Exception, match="there is no such export"):
        folder.under(reading.describe_rules(policies[1])).find(export_id)


# -- events that have changed since


CHANGED = snapshot(
    "export_id: an event in this export was deleted, moved or re-marked since, so the file is not shown. Use the same filters to export again."
)


@pytest.mark.parametrize("format_", ["csv", "stix2", "misp", "blocklist", "gateway"])
async def test_an_export_is_not_shown_after_one_of_its_events_was_marked_red(tenant: Tenant, format_: str) -> None:
    event = await tenant.add("open", indicator="a.example", indicatorType="domain")
    await tenant.add("other", indicator="b.example", indicatorType="domain")
    kind: dict[str, JsonValue] = {"kind": "domain"} if format_ in ("blocklist", "gateway") else {}
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client, format=format_, **kind)
        assert "a.example" in str((await ask(client, TOOL, export_id=export_id))["content"])
        await change(tenant, event.uuid, tlp="red")
        assert await refused(client, TOOL, export_id=export_id) == CHANGED
        assert await refused(client, TOOL, export_id=export_id, offset=3) == CHANGED
        with pytest.raises(MCPError, match="re-marked"):
            await client.read_resource(f"cf1://exports/{export_id}")
        again = await make(client, format=format_, **kind)
        assert "a.example" not in str((await ask(client, TOOL, export_id=again))["content"])


async def test_an_export_is_not_shown_after_one_of_its_events_was_moved_away(tenant: Tenant) -> None:
    event = await tenant.add("open")
    async with tenant.server(Settings(state_dir=tenant.folder, read_datasets=(MINE,))) as client:
        export_id = await make(client)
        async with tenant.api() as api:
            await api.move_events(tenant.dataset_id(), tenant.dataset_id(YOURS), [event.uuid], False)
        assert await refused(client, TOOL, export_id=export_id) == CHANGED


async def test_an_event_that_changes_without_becoming_withheld_does_not_matter(tenant: Tenant) -> None:
    event = await tenant.add("open")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        await change(tenant, event.uuid, tlp="amber", event="renamed")
        assert "open" in str((await ask(client, TOOL, export_id=export_id))["content"])


async def test_events_are_looked_at_a_hundred_at_a_time_and_once_a_minute(tenant: Tenant) -> None:
    events = [await tenant.add(f"number {number}") for number in range(150)]
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        tenant.log.clear()
        for offset in (0, 10, 20):
            await ask(client, TOOL, export_id=export_id, offset=offset)
        assert len(tenant.requests()) == 2
        await change(tenant, events[70].uuid, tlp="red")
        tenant.wait(60)
        assert await refused(client, TOOL, export_id=export_id, offset=10) == CHANGED


async def test_who_sees_everything_causes_no_request(tenant: Tenant) -> None:
    await tenant.add("open", tlp="red")
    async with tenant.server(Settings(state_dir=tenant.folder, max_tlp=Tlp.RED)) as client:
        export_id = await make(client, handling="red")
        tenant.log.clear()
        assert "open" in str((await ask(client, TOOL, export_id=export_id))["content"])
    assert tenant.requests() == []


async def test_an_export_of_too_many_events_can_be_read_for_ten_minutes(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_CHECKED", 2)
    for number in range(3):
        await tenant.add(f"number {number}")
    async with tenant.server(tenant.reading()) as client:
        export_id = await make(client)
        tenant.wait(timedelta(minutes=10).total_seconds())
        assert "number 1" in str((await ask(client, TOOL, export_id=export_id))["content"])
        tenant.wait(1)
        assert await refused(client, TOOL, export_id=export_id) == snapshot(
            "export_id: this export has 3 events, too many to check again whether they may still be shown. Use it within 10 minutes, or export again."
        )


# -- what a file does not tell


async def test_a_table_tells_children_only_to_who_sees_everything(tenant: Tenant) -> None:
    parent = await tenant.add("parent")
    child = await tenant.add("child", tlp="red")
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), parent.uuid, [child.uuid], "related_to")
    told: list[bool] = []
    for ceiling in (Tlp.AMBER, Tlp.RED):
        async with tenant.server(Settings(state_dir=tenant.folder, max_tlp=ceiling)) as client:
            export_id = await make(client)
            told.append(",true," in str((await ask(client, TOOL, export_id=export_id))["content"]))
    assert told == [False, True]


async def test_links_to_withheld_events_are_not_counted_as_left_out(tenant: Tenant) -> None:
    parent = await tenant.add("parent", tags=["one"])
    for title, marking in (("red", "red"), ("open", "green"), ("strict", "amber+strict")):
        child = await tenant.add(title, tlp=marking)
        async with tenant.api() as api:
            await api.create_relationships(tenant.dataset_id(), parent.uuid, [child.uuid], "related_to")
    async with tenant.server(tenant.reading()) as client:
        made = await ask(client, TOOL, format="stix2", tags=["one"])
        whole = await ask(client, TOOL, format="stix2")
    assert made["notes"] == snapshot(["1 link left out: one of the events is not in the file."])
    assert "notes" not in whole


async def test_withheld_children_take_no_place_of_links(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cf1_mcp.exports.writer.MAX_PARENTS", 1)
    for title, marking in (("closed", "red"), ("open", "green")):
        parent = await tenant.add(f"parent of {title}", date=f"2026-11-{20 if title == 'closed' else 10}T00:00:00Z")
        child = await tenant.add(title, tlp=marking, date="2026-11-01T00:00:00Z")
        async with tenant.api() as api:
            await api.create_relationships(tenant.dataset_id(), parent.uuid, [child.uuid], "related_to")
    async with tenant.server(tenant.reading()) as client:
        made = await ask(client, TOOL, format="stix2")
        content = str((await ask(client, TOOL, export_id=made["export_id"]))["content"])
    assert ('"relationship_type": "related-to"' in content, "Only the links" in str(made)) == (True, False)

"""Creating and renaming datasets: a name must not change what a list of the operator allows."""

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.conversations import ask, column, confirmed, data_of, refused
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio

EVERY = ("*",)


def free(tenant: Tenant, **changed: object) -> Settings:
    """Settings in which every dataset may be read, written and deleted from."""
    return tenant.allowed(**{"write_datasets": EVERY, "delete_datasets": EVERY, **changed})


async def names(client: Client) -> list[JsonValue]:
    return column(await ask(client, "list_threat_datasets"), "name")


# -- creating


@pytest.mark.both_moods
async def test_a_new_dataset_is_private_and_can_be_used_at_once(tenant: Tenant) -> None:
    event = {"category": "Phishing", "date": "1h", "event": "lure", "tlp": "green"}
    async with tenant.server(free(tenant)) as client:
        await names(client)
        made = await ask(client, "create_threat_dataset", name="  Case 12 ")
        assert {**made, "change_id": "", "dataset_id": ""} == snapshot(
            {
                "source": "sandbox: fictional data, not intelligence",
                "status": "done",
                "change_id": "",
                "dataset_id": "",
                "change": "Create the private dataset 'Case 12'.",
                "untrusted": ["change"],
            }
        )
        assert (await ask(client, "create_threat_event", dataset_id="case 12", **event))["status"] == "done"
    [dataset] = [one for one in tenant.store.datasets() if one.name == "Case 12"]
    assert (dataset.uuid, dataset.is_public) == (made["dataset_id"], False)
    assert tenant.changes_sent()[0] == "POST /events/dataset/create"


async def test_an_undo_deletes_an_empty_dataset(tenant: Tenant) -> None:
    async with tenant.server(free(tenant)) as client:
        made = await ask(client, "create_threat_dataset", name="Case 12")
        preview = await ask(client, "undo_change", change_id=made["change_id"])
        change = str(preview["change"]).replace(str(made["change_id"]), "CHANGE")
        assert (preview["status"], change, preview["undo"]) == snapshot(
            (
                "confirmation_required",
                "Undo change CHANGE: delete the empty dataset 'Case 12'.",
                "This cannot be undone from here: no route restores a deleted dataset.",
            )
        )
        assert (await confirmed(client, "undo_change", change_id=made["change_id"]))["status"] == "done"
        assert "Case 12" not in await names(client)
        undone = column(await ask(client, "list_changes"), "tool")
        assert undone == ["undo_change", "create_threat_dataset"]


async def test_an_undo_leaves_a_dataset_with_an_event(tenant: Tenant) -> None:
    async with tenant.server(free(tenant)) as client:
        made = await ask(client, "create_threat_dataset", name="Case 12")
        preview = await ask(client, "undo_change", change_id=made["change_id"])
        await tenant.add("late", "Case 12")
        assert await refused(client, "undo_change", change_id=made["change_id"], confirm=preview["code"]) == snapshot(
            "change_id: there are events in the dataset by now. Use delete_threat_events or move_threat_events first."
        )
        assert "Case 12" in await names(client)


async def test_an_undo_of_a_creation_needs_the_list_for_deletion(tenant: Tenant) -> None:
    async with tenant.server(free(tenant, delete_datasets=(MINE,))) as client:
        made = await ask(client, "create_threat_dataset", name="Case 12")
        assert made["undo"] == snapshot("Not by undo_change: CF1_DELETE_DATASETS does not contain a new dataset.")
        assert "CF1_DELETE_DATASETS" in await refused(client, "undo_change", change_id=made["change_id"])


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"write_datasets": ()}, "CF1_WRITE_DATASETS"),
        ({"write_datasets": (MINE, YOURS)}, "CF1_WRITE_DATASETS"),
        ({"write_datasets": ("Case 12",)}, "CF1_WRITE_DATASETS"),
        ({"read_datasets": (MINE, "Case 12")}, "CF1_READ_DATASETS"),
        ({"delete_datasets": ("CASE  12",)}, "CF1_DELETE_DATASETS"),
        ({"mode": "read"}, "CF1_MODE"),
    ],
)
async def test_a_dataset_that_a_list_would_not_or_would_newly_allow_is_not_created(
    tenant: Tenant, changed: dict[str, object], rule: str
) -> None:
    async with tenant.server(free(tenant, **changed)) as client:
        words = await refused(client, "create_threat_dataset", name="Case 12")
    assert f"is withheld by {rule}" in words and tenant.changes_sent() == []


BAD_NAMES = [
    " ",
    "\u200b",
    MINE,
    " mINE ",
    "Mi\u200bne",
    "\uff2d\uff49\uff4e\uff45",
    "all",
    "Operational",
    "*",
    "4c0157a5-9de0-5c1c-ae1c-4723e1a35b13",
    "4C0157A59DE05C1CAE1C4723E1A35B13",
    "two\nlines",
    "x" * 121,
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_could_mean_something_else_is_refused(tenant: Tenant, name: str) -> None:
    async with tenant.server(free(tenant)) as client:
        for tool, call in (("create_threat_dataset", {}), ("update_threat_dataset", {"dataset_id": YOURS})):
            assert (await refused(client, tool, name=name, **call)).startswith("name: ")
    assert tenant.changes_sent() == []


async def test_the_words_of_a_refusal(tenant: Tenant) -> None:
    async with tenant.server(free(tenant)) as client:
        assert [await refused(client, "create_threat_dataset", name=name) for name in ("", MINE, "all")] == snapshot(
            [
                "name: it is empty. Use a short line of visible text.",
                "name: 'Mine' is the name of another dataset, or reads like it. Use a name that no dataset has (list_threat_datasets).",
                "name: 'all' stands for several datasets. Use a short line of visible text.",
            ]
        )


# -- renaming


@pytest.mark.both_moods
async def test_a_dataset_is_renamed_after_a_preview_and_back(tenant: Tenant) -> None:
    async with tenant.server(free(tenant)) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "name": "Ours"}
        preview = await ask(client, "update_threat_dataset", **call)
        assert {**preview, "code": ""} == snapshot(
            {
                "source": "sandbox: fictional data, not intelligence",
                "status": "confirmation_required",
                "dataset_id": "a9fa1f29-a64a-58a3-af35-67f963de9ab6",
                "undo": "undo_change gives the dataset its name back. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
                "code": "",
                "change": "Rename dataset 'Mine' to 'Ours'. It stays private. Lists, saved texts and people that use the old name no longer find it.",
                "untrusted": ["change"],
                "notes": [
                    "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
                ],
            }
        )
        assert tenant.changes_sent() == []
        done = await ask(client, "update_threat_dataset", **call, confirm=preview["code"])
        assert (done["status"], "Ours" in await names(client)) == ("done", True)
        assert tenant.log[-2].body == snapshot({"name": "Ours", "isPublic": False})
        await confirmed(client, "undo_change", change_id=done["change_id"])
        assert MINE in await names(client) and "Ours" not in await names(client)


async def test_a_public_dataset_stays_public(tenant: Tenant) -> None:
    tenant.store.add_dataset("Open", is_public=True)
    async with tenant.server(free(tenant)) as client:
        await confirmed(client, "update_threat_dataset", dataset_id="Open", name="Opened")
    assert next(one for one in tenant.store.datasets() if one.name == "Opened").is_public


async def test_a_dataset_that_became_public_since_the_list_was_read_stays_public(tenant: Tenant) -> None:
    async with tenant.server(free(tenant)) as client:
        await names(client)
        with tenant.store.transaction() as db:
            db.execute("UPDATE dataset SET is_public = 1 WHERE name = ?", (MINE,))
        await confirmed(client, "update_threat_dataset", dataset_id=MINE, name="Ours")
    assert next(one for one in tenant.store.datasets() if one.name == "Ours").is_public


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"write_datasets": (MINE,)}, "CF1_WRITE_DATASETS"),
        ({"delete_datasets": (MINE,)}, "CF1_DELETE_DATASETS"),
        ({"delete_datasets": ("Ours", YOURS)}, "CF1_DELETE_DATASETS"),
        ({"read_datasets": (MINE, YOURS)}, "CF1_READ_DATASETS"),
        ({"write_datasets": (YOURS,)}, "CF1_WRITE_DATASETS"),
    ],
)
async def test_a_rename_that_changes_what_a_list_means_is_refused(
    tenant: Tenant, changed: dict[str, object], rule: str
) -> None:
    async with tenant.server(free(tenant, **changed)) as client:
        words = await refused(client, "update_threat_dataset", dataset_id=MINE, name="Ours")
    assert f"is withheld by {rule}" in words and tenant.changes_sent() == []


async def test_a_dataset_that_lists_name_by_uuid_may_be_renamed(tenant: Tenant) -> None:
    uuid = tenant.dataset_id(MINE)
    settings = free(tenant, write_datasets=(uuid,), delete_datasets=(uuid, YOURS))
    async with tenant.server(settings) as client:
        assert (await confirmed(client, "update_threat_dataset", dataset_id=MINE, name="Ours"))["status"] == "done"


async def test_an_account_that_does_not_tell_who_may_search_is_not_guessed_about(tenant: Tenant) -> None:
    class Untold(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/events/dataset"):
                result = [{"uuid": tenant.dataset_id(MINE), "name": MINE}]
                return httpx.Response(200, json={"success": True, "result": result})
            return await tenant.connect().handle_async_request(request)

    async with Client(build_server(free(tenant), Untold, clock=lambda: NOW)) as client:
        assert await refused(client, "update_threat_dataset", dataset_id=MINE, name="Ours") == snapshot(
            "The API does not tell whether this dataset is public, and renaming would set that as well. Ask the person to rename it in the dashboard."
        )


@pytest.mark.parametrize("tool", ["create_threat_dataset", "update_threat_dataset", "copy_threat_events"])
async def test_an_account_without_the_operation_says_so(tenant: Tenant, tool: str) -> None:
    event = await tenant.add("one", YOURS)
    calls: dict[str, dict[str, JsonValue]] = {
        "create_threat_dataset": {"name": "Case 12"},
        "update_threat_dataset": {"dataset_id": MINE, "name": "Ours"},
        "copy_threat_events": {"dataset_id": YOURS, "destination_dataset_id": MINE, "event_ids": [event.uuid]},
    }

    class Without(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                return httpx.Response(400, json={"success": False, "errors": [{"code": 7003, "message": "no route"}]})
            return await tenant.connect().handle_async_request(request)

    async with Client(build_server(free(tenant), Without, clock=lambda: NOW)) as client:
        code = data_of(await client.call_tool(tool, calls[tool])).get("code")
        assert "no route" in await refused(client, tool, **calls[tool], **({"confirm": code} if code else {}))
        assert column(await ask(client, "list_changes"), "outcome")[0] == "failed"


# -- categories


@pytest.mark.both_moods
async def test_a_category_is_created_after_a_preview_and_can_be_used_at_once(tenant: Tenant) -> None:
    call: dict[str, JsonValue] = {"name": " Prompt injection", "kill_chain": 4, "mitre_attack": ["t1190", "TA0001"]}
    event: dict[str, JsonValue] = {"dataset_id": MINE, "date": "1h", "event": "lure", "tlp": "green"}
    async with tenant.server(free(tenant)) as client:
        await refused(client, "create_threat_event", category="prompt injection", **event)
        preview = await ask(client, "create_threat_category", **call)
        assert (preview["status"], preview["change"], preview["undo"]) == snapshot(
            (
                "confirmation_required",
                "Create the category 'Prompt injection' in phase 4 of the kill chain, with T1190, TA0001. Everybody who uses the account gets it in every list of categories.",
                "This cannot be undone from here: events may have the category by then.",
            )
        )
        assert tenant.changes_sent() == []
        done = await ask(client, "create_threat_category", **call, confirm=preview["code"])
        assert done["status"] == "done"
        made = await ask(client, "create_threat_event", category="prompt injection", **event)
        assert made["status"] == "done"
        assert "no inverse" in await refused(client, "undo_change", change_id=done["change_id"])


@pytest.mark.parametrize(
    ("changed", "call", "words"),
    [
        ({"write_datasets": (MINE, YOURS)}, {}, "is withheld by CF1_WRITE_DATASETS"),
        ({"mode": "read"}, {}, "CF1_MODE"),
        ({}, {"name": "phishing "}, "there is a category 'phishing'"),
        ({}, {"name": " "}, "name: it is empty"),
        ({}, {"name": "a\nb"}, "line breaks"),
        ({}, {"mitre_attack": ["T12"]}, "mitre_attack: 'T12' is not an id"),
        ({}, {"kill_chain": -1}, "kill_chain"),
    ],
)
async def test_a_category_is_refused(
    tenant: Tenant, changed: dict[str, object], call: dict[str, JsonValue], words: str
) -> None:
    given: dict[str, JsonValue] = {"name": "Prompt injection", "kill_chain": 4, **call}
    async with tenant.server(free(tenant, **changed)) as client:
        assert words in await refused(client, "create_threat_category", **given)
    assert tenant.changes_sent() == []

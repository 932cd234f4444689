"""The journal under the current rules: every kind of change, read by servers on the same state folder with other rules."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import EventChange, RawChange, Tlp
from cf1_mcp.settings import Credentials, Settings
from cf1_mcp.store.journal_records import ChangeOrigin, Intent
from tests.conversations import ask, ask_for_text, column, refused, text_of
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
THIRD = "Third"
BOTH: Mapping[str, object] = {"write_datasets": (MINE, YOURS, THIRD), "delete_datasets": (MINE, YOURS, THIRD)}
SANDBOX = ChangeOrigin.of(Settings())
LIVE = Settings(credentials=Credentials("a" * 32, "token"), base_url="http://127.0.0.1:1/client/v4")


@dataclass(frozen=True)
class Written:
    """A change in the journal: what its entry holds, and a word that occurs in nothing else."""

    kind: str
    id: str
    datasets: frozenset[str]
    marking: Tlp
    word: str


@dataclass(frozen=True)
class Content:
    """What an event is: its dataset, its marking and that of its raw evidence."""

    dataset: str
    tlp: str
    raw_tlp: str

    @property
    def with_raw(self) -> Tlp:
        return max((Tlp.of(self.tlp), Tlp.of(self.raw_tlp)), key=lambda level: level.rank)

    async def add(self, tenant: Tenant, word: str, **fields: JsonValue) -> str:
        raw: JsonValue = {"data": {"evidence": word}, "source": word, "tlp": self.raw_tlp}
        event = await tenant.add(f"event {word}", self.dataset, tlp=self.tlp, attacker=f"actor {word}", raw=raw, **fields)  # fmt: skip
        return event.uuid


CONTENTS = (
    Content(MINE, "red", "green"),
    Content(MINE, "amber", "amber"),
    Content(MINE, "green", "red"),
    Content(MINE, "green", ""),
    Content(MINE, "green", "green"),
    Content(MINE, "clear", "clear"),
    Content(YOURS, "green", "green"),
    Content(YOURS, "red", "red"),
)


async def make(client: Client, tool: str, **arguments: JsonValue) -> str:
    """Make a change, with the code of its preview where it needs one, and return its id."""
    answer = await ask(client, tool, **arguments)
    if answer["status"] == "confirmation_required":
        answer = await ask(client, tool, **arguments, confirm=answer["code"])
    return str(answer["change_id"])


# -- every kind of change


@dataclass
class Writer:
    """Makes changes with one server, and notes what the journal then holds."""

    tenant: Tenant
    client: Client
    written: list[Written]

    async def note(self, kind: str, change_id: str, content: Content, marking: Tlp, word: str, *more: str) -> None:
        self.written.append(Written(kind, change_id, frozenset((content.dataset, *more)), marking, word))

    async def create(self, content: Content, word: str) -> None:
        evidence: Json = {"raw_data": {"evidence": word}, "raw_tlp": content.raw_tlp or None}
        new: Json = {"dataset_id": content.dataset, "category": "Phishing", "date": "2026-11-20"}
        change_id = await make(self.client, "create_threat_event", **new, **evidence, tlp=content.tlp, event=word)
        await self.note("create", change_id, content, content.with_raw, word)
        undo = await make(self.client, "undo_change", change_id=change_id)
        await self.note("undo of create", undo, content, content.with_raw, word)

    async def import_rows(self, content: Content, word: str) -> None:
        row: Json = {"category": "Phishing", "date": "2026-11-20", "event": word, "tlp": content.tlp}
        row["raw"] = {"evidence": word}  # which gets the marking of its event
        change_id = await make(self.client, "import_threat_events", dataset_id=content.dataset, rows=[row])
        await self.note("import", change_id, content, Tlp.of(content.tlp), word)

    async def update(self, content: Content, word: str) -> None:
        event_id = await content.add(self.tenant, word)
        home: Json = {"dataset_id": content.dataset, "event_id": event_id}
        change_id = await make(self.client, "update_threat_event", **home, attacker=f"new {word}")
        await self.note("update", change_id, content, content.with_raw, word)

    async def update_raw(self, content: Content, word: str) -> None:
        event_id = await content.add(self.tenant, word)
        home: Json = {"dataset_id": content.dataset, "event_id": event_id}
        change_id = await make(self.client, "update_threat_event", **home, raw_data={"new": word})
        await self.note("update of raw", change_id, content, content.with_raw, word)
        undo = await make(self.client, "undo_change", change_id=change_id)
        await self.note("undo of update of raw", undo, content, content.with_raw, word)

    async def mark(self, content: Content, word: str) -> None:
        """Raise the marking to red: what was green is red afterwards."""
        if content.tlp == "red":
            return
        event_id = await content.add(self.tenant, word)
        home: Json = {"dataset_id": content.dataset, "event_id": event_id}
        change_id = await make(self.client, "update_threat_event", **home, tlp="red", insight=word)
        await self.note("marking red", change_id, content, Tlp.RED, word)

    async def tag(self, content: Content, word: str) -> None:
        event_id = await content.add(self.tenant, word)
        some: Json = {"dataset_id": content.dataset, "event_ids": [event_id]}
        tagged = await make(self.client, "tag_threat_events", **some, tags=[f"tag-{word}"])
        await self.note("tag", tagged, content, Tlp.of(content.tlp), word)
        untagged = await make(self.client, "untag_threat_events", **some, tags=[f"tag-{word}"])
        await self.note("untag", untagged, content, Tlp.of(content.tlp), word)

    async def relate(self, content: Content, word: str) -> None:
        first, second = await content.add(self.tenant, word), await content.add(self.tenant, word)
        ends: Json = {"dataset_id": content.dataset, "event_id": first, "related_ids": [second]}
        for tool in ("relate_threat_events", "unrelate_threat_events"):
            change_id = await make(self.client, tool, **ends)
            await self.note(tool, change_id, content, Tlp.of(content.tlp), word)

    async def move(self, content: Content, word: str) -> None:
        event_id = await content.add(self.tenant, word)
        route: Json = {"dataset_id": content.dataset, "destination_dataset_id": THIRD, "event_ids": [event_id]}
        change_id = await make(self.client, "move_threat_events", **route)
        await self.note("move", change_id, content, content.with_raw, word, THIRD)

    async def delete(self, content: Content, word: str) -> None:
        event_id = await content.add(self.tenant, word)
        some: Json = {"dataset_id": content.dataset, "event_ids": [event_id]}
        change_id = await make(self.client, "delete_threat_events", **some)
        await self.note("delete", change_id, content, content.with_raw, word)
        undo = await make(self.client, "undo_change", change_id=change_id)
        await self.note("undo of delete", undo, content, content.with_raw, word)

    async def save_query(self, content: Content, word: str) -> None:
        text = f'{{"datasetId": ["{self.tenant.dataset_id(content.dataset)}"], "search": []}}'
        answer = await ask(self.client, "create_saved_query", name=f"query {word}", query_json=text)
        await self.note("query", str(answer["change_id"]), content, Tlp.CLEAR, word)
        alert = await make(self.client, "create_query_alert", query_id=answer["query_id"], enabled=False)
        await self.note("alert", alert, content, Tlp.CLEAR, word)

    async def revert(self, content: Content, word: str) -> None:
        self.tenant.wait(3600)
        marked = replace(content, dataset=THIRD)
        await marked.add(self.tenant, word)
        change_id = await make(self.client, "revert_threat_dataset", dataset_id=THIRD, minutes_ago=1)
        # The entry of a revert is marked like the highest event of its dataset, of which the first is red.
        await self.note("revert", change_id, marked, Tlp.RED, word)


KINDS: tuple[Callable[[Writer, Content, str], Awaitable[None]], ...] = (
    Writer.create,
    Writer.import_rows,
    Writer.update,
    Writer.update_raw,
    Writer.mark,
    Writer.tag,
    Writer.relate,
    Writer.move,
    Writer.delete,
    Writer.save_query,
    Writer.revert,
)


@asynccontextmanager
async def writer(tenant: Tenant, **changed: object) -> AsyncGenerator[Writer]:
    """A server that may do everything, and what it wrote."""
    async with tenant.server(tenant.allowed(**{**BOTH, "max_tlp": Tlp.RED, "max_change": 1000, **changed})) as client:
        yield Writer(tenant, client, [])


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path, (MINE, YOURS, THIRD))


# -- every reader


@dataclass(frozen=True)
class Reader:
    """The rules of a second server, and what they let it be told."""

    name: str
    changed: Mapping[str, object]
    ceiling: Tlp = Tlp.RED
    datasets: frozenset[str] = frozenset((MINE, YOURS, THIRD))

    def may_read(self, change: Written) -> bool:
        return change.datasets <= self.datasets and change.marking.rank <= self.ceiling.rank


def only(*datasets: str) -> Mapping[str, object]:
    return {"read_datasets": datasets}


NOTHING: frozenset[str] = frozenset()
READERS = (
    Reader("read mode, red", {"mode": "read"}),
    Reader("amber", {}, Tlp.AMBER),
    Reader("amber, read mode", {"mode": "read"}, Tlp.AMBER),
    Reader("green", {}, Tlp.GREEN),
    Reader("clear", {}, Tlp.CLEAR),
    Reader("amber+strict", {}, Tlp.AMBER_STRICT),
    Reader("Mine alone", only(MINE), Tlp.RED, frozenset((MINE,))),
    Reader("Yours alone", only(YOURS), Tlp.RED, frozenset((YOURS,))),
    Reader("Mine and Third, amber", only(MINE, THIRD), Tlp.AMBER, frozenset((MINE, THIRD))),
    Reader("Mine alone, green, read mode", {"mode": "read", **only(MINE)}, Tlp.GREEN, frozenset((MINE,))),
    Reader("another account", {"credentials": LIVE.credentials, "base_url": LIVE.base_url}, Tlp.RED, NOTHING),
    Reader("another account, amber", {"credentials": LIVE.credentials}, Tlp.AMBER, NOTHING),
)


async def list_everything(client: Client, limit: int) -> tuple[list[str], str, int]:
    """Return the ids of all changes that the list tells, all of its text, and the number of calls."""
    ids: list[str] = []
    texts: list[str] = []
    cursor: JsonValue = None
    while True:
        arguments: Json = {"limit": limit, "cursor": cursor}
        data = await ask(client, "list_changes", **arguments)
        texts.append(f"{data} {await ask_for_text(client, 'list_changes', **arguments)}")
        ids += [str(one) for one in column(data, "change_id")] if data.get("rows") else []
        assert data["changes"] == len(column(data, "change_id") if data.get("rows") else []) and "of" not in data
        cursor = data.get("next_cursor")
        if not cursor:
            return ids, " ".join(texts), len(texts)


async def test_no_reader_is_told_what_its_rules_withhold(
    tenant: Tenant, record_property: Callable[[str, object], None]
) -> None:
    async with writer(tenant) as making:
        for number, (kind, content) in enumerate((kind, content) for kind in KINDS for content in CONTENTS):
            await kind(making, content, f"w{number:03}q")
        written = making.written
    assert len({change.kind for change in written}) == 17
    tried = 0
    for reader in READERS:
        withheld = [change for change in written if not reader.may_read(change)]
        told = [change for change in written if reader.may_read(change)]
        settings = tenant.allowed(**{**BOTH, "max_tlp": reader.ceiling, **reader.changed})
        async with tenant.server(settings) as client:
            ids, text, calls = await list_everything(client, 7)
            kinds = {change.id: change.kind for change in written}
            assert [kinds[one] for one in ids if one not in {change.id for change in told}] == [], reader.name
            missing = [(change.kind, change.word) for change in told if change.id not in ids]
            assert not missing, (reader.name, missing)
            assert ids == [change.id for change in reversed(told)], reader.name
            assert not [change for change in withheld if change.id in text], reader.name
            words = {change.word for change in withheld} - {change.word for change in told}
            assert not [word for word in words if word in text], reader.name
            tried += calls
            for change in withheld:
                tools = ["list_changes"] if settings.mode == "read" else ["list_changes", "undo_change"]
                for tool in tools:
                    refusal = await refused(client, tool, change_id=change.id)
                    assert change.word not in refusal, (reader.name, change.kind)
                    assert re.search("is withheld by CF1_|There is no change", refusal), (reader.name, refusal)
                    if reader.datasets == NOTHING:
                        assert "There is no change" in refusal
                    tried += 1
    assert tried >= 30
    record_property("readings of the journal that told nothing withheld", tried)


async def test_a_reader_with_the_same_rules_is_told_everything(tenant: Tenant) -> None:
    async with writer(tenant) as making:
        for kind in KINDS:
            await kind(making, CONTENTS[0], "everything")
        ids, _, calls = await list_everything(making.client, 5)
        assert ids == [change.id for change in reversed(making.written)] and calls == -(-len(ids) // 5)
        for change_id in ids:
            assert (await ask(making.client, "list_changes", change_id=change_id))["change_id"] == change_id


# -- what a told change tells


async def test_evidence_is_never_repeated(tenant: Tenant) -> None:
    async with writer(tenant) as making:
        await making.create(CONTENTS[4], "secret")
        await making.update_raw(CONTENTS[4], "secret")
        await making.delete(CONTENTS[4], "secret")
        shown = {one.kind: await ask(making.client, "list_changes", change_id=one.id) for one in making.written}
    assert not [kind for kind, data in shown.items() if "'evidence': 'secret'" in str(data) or "'new':" in str(data)]
    arguments = shown["create"]["arguments"]
    assert isinstance(arguments, dict) and arguments["raw"] == snapshot(
        {"data": "not repeated here: get_threat_event reads it under the current rules", "tlp": "green"}
    )


@pytest.mark.parametrize("now", ["red", "moved", "copied"])
async def test_the_details_are_not_told_once_an_event_may_not_be_read(tenant: Tenant, now: str) -> None:
    event = await tenant.add("green at first")
    rules = {"read_datasets": (MINE,)}
    async with tenant.server(tenant.allowed(**rules)) as client:
        change_id = await make(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="Somebody")
        async with tenant.api() as api:
            if now == "red":
                await api.update_event(event.uuid, EventChange(dataset_id=event.dataset_id, tlp="red"))
            else:
                await api.move_events(event.dataset_id, tenant.dataset_id(YOURS), [event.uuid], True)
            if now == "copied":
                await api.move_events(tenant.dataset_id(YOURS), event.dataset_id, [event.uuid], True)
        data = await ask(client, "list_changes", change_id=change_id)
        undone = await client.call_tool("undo_change", {"change_id": change_id})
    if now == "copied":
        assert "Somebody" in str(data["arguments"])
        return
    assert "Somebody" not in str(data) and "arguments" not in data
    assert "withheld by CF1_" in str(data["notes"])
    assert undone.is_error and "green at first" not in text_of(undone.content)


async def test_the_undo_of_a_change_is_not_named_if_it_is_withheld(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        created = await ask(client, "create_threat_event", dataset_id=MINE, category="Phishing", date="1h", event="x", tlp="green")  # fmt: skip
        rows = created["created"]
        assert isinstance(rows, list) and isinstance(rows[0], dict)
        event_id = str(rows[0]["uuid"])
        async with tenant.api() as api:
            raw_id = (await api.read_event(tenant.dataset_id(), event_id)).raw_id
            await api.update_raw(event_id, raw_id, RawChange(data={"added": "by a colleague"}, tlp="red"))
        undo = await make(client, "undo_change", change_id=created["change_id"])
        assert column(await ask(client, "list_changes"), "undone_by") == ["", undo]
    async with tenant.server(tenant.allowed()) as client:
        data = await ask(client, "list_changes")
        assert (column(data, "change_id"), column(data, "undone_by")) == ([created["change_id"]], [""])
        assert "by a colleague" not in await refused(client, "undo_change", change_id=undo)
        again = await client.call_tool("undo_change", {"change_id": created["change_id"]})
        assert again.is_error and undo not in text_of(again.content)


async def test_an_undo_is_marked_at_least_as_the_change_that_it_undoes(tenant: Tenant) -> None:
    event = await tenant.add("red at first", tlp="red")
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        tagged = await make(client, "tag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["wave"])
        async with tenant.api() as api:
            await api.update_event(event.uuid, EventChange(dataset_id=event.dataset_id, tlp="green"))
        await make(client, "undo_change", change_id=tagged)
    async with tenant.server(tenant.allowed()) as client:
        assert (await ask(client, "list_changes"))["changes"] == 0


# -- accounts, base addresses, identities


async def begin(tenant: Tenant, origin: ChangeOrigin | None, summary: str, marking: Tlp | None = Tlp.GREEN) -> str:
    intent = Intent("tag_threat_events", {}, (tenant.dataset_id(),), summary, None, None, origin, marking)
    return await tenant.journal.begin(intent)


OWN = ChangeOrigin.of(LIVE)
FOREIGN = {
    "the sandbox": SANDBOX,
    "another account": replace(OWN, account="b" * 32),
    "another base address": replace(OWN, base_url="https://api.cloudflare.com/client/v4"),
    "an identity": replace(OWN, identity="somebody@example.com"),
    "the same account in a sandbox": replace(SANDBOX, account="a" * 32),
}


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN)
async def test_a_change_of_another_origin_does_not_exist(tenant: Tenant, origin: ChangeOrigin) -> None:
    foreign, own = await begin(tenant, origin, "Foreign."), await begin(tenant, replace(OWN, client="x 1"), "Own.")
    live = replace(LIVE, state_dir=tenant.folder, mode="full", write_datasets=("*",), delete_datasets=("*",))
    async with tenant.server(live) as client:
        assert column(await ask(client, "list_changes"), "change_id") == [own]
        for tool in ("list_changes", "undo_change"):
            unknown = await refused(client, tool, change_id="c-22222-22222")
            assert await refused(client, tool, change_id=foreign) == unknown.replace("c-22222-22222", foreign)


async def test_changes_of_the_live_api_do_not_exist_for_the_sandbox(tenant: Tenant) -> None:
    live, own = await begin(tenant, OWN, "Live."), await begin(tenant, SANDBOX, "Sandbox.")
    async with tenant.server(tenant.allowed()) as client:
        assert column(await ask(client, "list_changes"), "change_id") == [own]
        assert "There is no change" in await refused(client, "list_changes", change_id=live)
        assert (await ask(client, "list_changes", change_id=own))["made_in"] == "sandbox"


@pytest.mark.parametrize("credentials", [None, LIVE.credentials])
async def test_a_change_states_who_made_it_and_where(tenant: Tenant, credentials: Credentials | None) -> None:
    settings = replace(tenant.allowed(), credentials=credentials, base_url=LIVE.base_url)
    async with tenant.server(settings) as client:
        await make(client, "create_threat_event", dataset_id=MINE, category="Phishing", date="1h", event="x", tlp="green")  # fmt: skip
    [change] = await tenant.journal.changes()
    origin = change.intent.origin
    assert origin is not None and origin.client.startswith("mcp ")
    assert replace(origin, client="") == replace(SANDBOX if credentials is None else OWN, sandbox=True)


# -- entries of older releases


async def test_an_older_entry_is_told_if_its_datasets_are_known_and_what_it_holds_may_be_seen(tenant: Tenant) -> None:
    mine = (tenant.dataset_id(),)
    before: JsonValue = {"event": {"uuid": "e", "event": "secret", "tlp": "red"}, "raw": None}
    entries: dict[str, Intent] = {
        "green": Intent("delete_threat_events", {}, mine, "Delete.", [{"event": {"event": "x", "tlp": "green"}}]),
        "red": Intent("delete_threat_events", {}, mine, "Delete.", [before]),
        "red raw": Intent("delete_threat_events", {}, mine, "Delete.", [{"event": {"tlp": "green"}, "raw": {"tlp": "red"}}]),
        "unmarked raw": Intent("delete_threat_events", {}, mine, "Delete.", [{"event": {"tlp": "green"}, "raw": {"data": {}, "id": "r"}}]),
        "red payload": Intent("import_threat_events", {"images": [before]}, mine, "Create again.", None),
        "new marking": Intent("update_threat_event", {"event": {"tlp": "red"}}, mine, "Change.", {"event": {"tlp": "green"}}),
        "unmarked event": Intent("revert_threat_dataset", {}, mine, "Revert.", [{"uuid": "e", "event": "secret"}]),
        "ids alone": Intent("tag_threat_events", {"event_ids": ["e"]}, mine, "Tag.", {"e": ["tag"]}),
        "a query": Intent("delete_saved_query", {"query_id": 1}, mine, "Delete query.", None),
        "an unknown dataset": Intent("tag_threat_events", {}, ("5b3e1f0a-0000-4000-8000-000000000001",), "Tag.", None),
        "no dataset": Intent("tag_threat_events", {}, (), "Tag.", None),
        "data that claims a marking": Intent("delete_threat_events", {}, mine, "Delete.", [{"event": {"tlp": "green"}, "raw": {"tlp": "green", "data": {"tlp": "red"}}}]),
    }  # fmt: skip
    ids = {await tenant.journal.begin(intent): name for name, intent in entries.items()}
    told: dict[str, list[str]] = {}
    readers: dict[str, Mapping[str, object]] = {
        "red": {"max_tlp": Tlp.RED},
        "amber": {"max_tlp": Tlp.AMBER},
        "green": {"max_tlp": Tlp.GREEN},
        "restricted": {"max_tlp": Tlp.RED, "read_datasets": (MINE,)},
        "restricted to Yours": {"max_tlp": Tlp.RED, "read_datasets": (YOURS,)},
    }
    for name, changed in readers.items():
        async with tenant.server(tenant.allowed(**changed)) as client:
            data = await ask(client, "list_changes")
            told[name] = [ids[str(one)] for one in column(data, "change_id")] if data["changes"] else []
    assert told == snapshot(
        {
            "red": [
                "data that claims a marking",
                "no dataset",
                "a query",
                "ids alone",
                "unmarked event",
                "new marking",
                "red payload",
                "unmarked raw",
                "red raw",
                "red",
                "green",
            ],
            "amber": [
                "data that claims a marking",
                "no dataset",
                "a query",
                "ids alone",
                "unmarked event",
                "unmarked raw",
                "green",
            ],
            "green": ["data that claims a marking", "a query", "green"],
            "restricted": [
                "data that claims a marking",
                "a query",
                "ids alone",
                "unmarked event",
                "new marking",
                "red payload",
                "unmarked raw",
                "red raw",
                "red",
                "green",
            ],
            "restricted to Yours": [],
        }
    )


# -- paging


async def test_many_withheld_changes_hide_no_readable_one_and_no_trace_of_them_is_left(
    tenant: Tenant, tmp_path: Path
) -> None:
    alone = Tenant(tmp_path / "alone", store=tenant.store)
    for number in range(25):
        for _ in range(12):
            await begin(tenant, SANDBOX, "Withheld.", Tlp.RED)
        for one in (tenant, alone):
            await begin(one, SANDBOX, f"Readable {number}.")
    await begin(tenant, SANDBOX, "Withheld.", Tlp.RED)
    pages: list[list[str]] = []
    for one in (tenant, alone):
        async with one.server(one.allowed()) as client:
            _, text, calls = await list_everything(client, 4)
        pages.append(
            [re.sub(r"c-[0-9a-z]{5}-[0-9a-z]{5}(?:\.[0-9a-z]+)?|<(/?)untrusted [0-9a-f]{8}>", "ID", text), str(calls)]
        )
    assert pages[0] == pages[1] and pages[0][1] == "7"


async def test_a_cursor_of_a_change_that_may_not_be_told_continues_nothing(tenant: Tenant) -> None:
    for number in range(4):
        await begin(tenant, SANDBOX, f"Change {number}.", Tlp.AMBER)
    async with tenant.server(tenant.allowed()) as client:
        cursor = (await ask(client, "list_changes", limit=2))["next_cursor"]
        assert (await ask(client, "list_changes", limit=2, cursor=cursor))["changes"] == 2
    async with tenant.server(tenant.allowed(max_tlp=Tlp.GREEN)) as client:
        assert "withheld by CF1_MAX_TLP" in await refused(client, "list_changes", limit=2, cursor=cursor)


async def test_a_list_of_a_journal_that_lost_entries_says_so(tenant: Tenant) -> None:
    await begin(tenant, SANDBOX, "Lost.")
    for file in tenant.folder.glob("journal.db*"):
        file.unlink()
    async with tenant.server(tenant.allowed()) as client:
        assert await ask_for_text(client, "list_changes") == snapshot("""\
[sandbox: fictional data, not intelligence]
changes: 0
Entries of the journal are missing, so this list is incomplete. Ask the operator to run 'cf1-mcp journal verify'.\
""")
        words = await refused(client, "create_threat_event", dataset_id=MINE, category="Phishing", date="1h", event="x", tlp="green")  # fmt: skip
    assert words == snapshot(
        "The change is not made, because it cannot be journaled first: the journal is missing: its anchor counts 1 entry. Ask the operator to run 'cf1-mcp journal verify'."
    )
    assert tenant.changes_sent() == []

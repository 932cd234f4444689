"""What answers are worth where the API does not do what it was asked."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from tests.conversations import ask, column, refused
from tests.policy.misbehaving_api import ANALYTICS, Change, MisbehavingTenant, Parameters
from tests.tenant import MINE, YOURS

pytestmark = pytest.mark.anyio

DEFAULT = "Cloudforce One Threat Events"
NOTE = "do not fit the question and were left out"


async def build(folder: Path, change: Change, **how: bool | tuple[str, ...]) -> MisbehavingTenant:
    """Return a tenant with events of two actors: 3 of APT28 and 9 of APT29, in all datasets."""
    tenant = MisbehavingTenant(folder, change, **how)  # pyright: ignore[reportArgumentType]
    for number in range(12):
        await tenant.add(
            f"Event {number}",
            dataset=(MINE, YOURS, ANALYTICS)[number % 3],
            attacker="APT28" if number % 4 == 0 else "APT29",
            indicator=f"host{number}.example",
            indicatorType="domain",
            targetCountry="DE" if number % 2 else "FR",
            date=f"2026-11-{number + 1:02}T00:00:00Z",
        )
    tenant.is_honest = False
    return tenant


async def search(tenant: MisbehavingTenant, **arguments: JsonValue) -> dict[str, JsonValue]:
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        data = await ask(client, "search_threat_events", fields=["event"], **arguments)
    titles = column(data, "event") if "rows" in data else []
    return {"events": titles, **{name: data[name] for name in ("datasets", "not_searched", "notes") if name in data}}


def drop_search(method: str, parameters: Parameters) -> Parameters:
    return {name: value for name, value in parameters.items() if name not in ("search", "searchBranches")}


def drop_search_in_url(method: str, parameters: Parameters) -> Parameters:
    return drop_search(method, parameters) if method == "GET" else parameters


def drop_field(name: str) -> Change:
    def change(method: str, parameters: Parameters) -> Parameters:
        conditions = parameters.get("search")
        assert conditions is None or isinstance(conditions, list)
        kept: list[JsonValue] = [one for one in conditions or [] if isinstance(one, dict) and one["field"] != name]
        return {**parameters, "search": kept}

    return change


def drop(name: str) -> Change:
    return lambda method, parameters: {key: value for key, value in parameters.items() if key != name}


def order_by_title(method: str, parameters: Parameters) -> Parameters:
    return parameters if "cursor" in parameters else {**parameters, "orderBy": "event", "order": "asc"}


def keep(method: str, parameters: Parameters) -> Parameters:
    return parameters


def as_documented(method: str, parameters: Parameters) -> Parameters:
    """The words `all` and `*` leave analytics datasets out."""
    word = parameters.get("datasetId")
    return {**parameters, "datasetId": ["operational"]} if word in (["all"], ["*"]) else parameters


# -- a server that ignores the search


async def test_what_does_not_fit_is_left_out_and_the_answer_says_that_nothing_can_be_concluded(tmp_path: Path) -> None:
    tenant = await build(tmp_path, drop_search)
    assert await search(tenant, attacker=["APT28"]) == snapshot(
        {
            "events": ["Event 8", "Event 4", "Event 0"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
            "notes": [
                "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters. 9 of 12 events were left out. They do not fit in: attacker."
            ],
        }
    )


async def test_a_search_that_is_ignored_in_the_url_is_sent_in_a_body(tmp_path: Path) -> None:
    tenant = await build(tmp_path, drop_search_in_url)
    assert await search(tenant, attacker=["APT28"]) == snapshot(
        {
            "events": ["Event 8", "Event 4", "Event 0"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
        }
    )
    assert [method for method, _ in tenant.front.asked][-1] == "POST"


async def test_an_unknown_indicator_is_not_found_where_the_search_is_ignored(tmp_path: Path) -> None:
    """An event shows one of its indicators, so that the API is asked for one that cannot exist."""
    tenant = await build(tmp_path, drop_search)
    assert await search(tenant, indicator=["benign.example.org"]) == snapshot(
        {
            "events": [],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
            "notes": [
                "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters. 12 of 12 events were left out. They do not fit in: indicator.",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )
    assert await search(tenant, indicator=["host3.example"]) == snapshot(
        {
            "events": ["Event 3"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
            "notes": [
                "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters. 11 of 12 events were left out. They do not fit in: indicator."
            ],
        }
    )


async def test_a_look_up_knows_nothing_from_events_that_do_not_fit(tmp_path: Path) -> None:
    tenant = await build(tmp_path, drop_search, refuses_paths=("/events/indicators",))
    async with tenant.server(tenant.reading()) as client:
        assert "seems to ignore the search" in await refused(
            client, "lookup_indicators", indicators=["benign.example.org"]
        )


@pytest.mark.parametrize("format_", ["csv", "blocklist", "stix2"])
async def test_an_export_refuses_to_write(tmp_path: Path, format_: str) -> None:
    tenant = await build(tmp_path, drop_search)
    async with tenant.server(tenant.reading()) as client:
        kind: dict[str, JsonValue] = {"kind": "domain"} if format_ == "blocklist" else {}
        message = await refused(client, "export_threat_events", format=format_, attacker=["APT28"], **kind)
    assert message == snapshot(
        "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters. No file was written."
    )


async def test_reading_stops_early(tmp_path: Path) -> None:
    tenant = MisbehavingTenant(tmp_path, drop_search)
    for number in range(130):
        await tenant.add(f"Event {number}", attacker="APT29", date=f"2026-11-20T00:{number // 60:02}:{number % 60:02}Z")
    tenant.is_honest = False
    found = await search(tenant, attacker=["APT28"], limit=1)
    assert found["events"] == []
    pages = [asked for _, asked in tenant.front.asked if "cursor" in asked or asked.get("pageSize") in (2, "2")]
    # 25 pages of two events with 50 misfits, and the first one in a URL and in a body.
    assert len(pages) <= 2 + 25


async def test_guards_do_not_trust_it(tmp_path: Path) -> None:
    tenant = await build(tmp_path, drop_search)
    async with tenant.server(tenant.allowed()) as client:
        [event] = [one for one in await _list_honestly(tenant) if one["event"] == "Event 0"]
        message = await refused(
            client, "tag_threat_events", dataset_id=MINE, event_ids=[event["uuid"]], tags=["reviewed"]
        )
    assert message == snapshot(
        "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters."
    )


async def _list_honestly(tenant: MisbehavingTenant) -> list[dict[str, JsonValue]]:
    tenant.is_honest = True
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "search_threat_events", fields=["uuid", "event"])
    tenant.is_honest = False
    return [dict(zip(("uuid", "event"), row, strict=True)) for row in data["rows"]]  # pyright: ignore


# -- a server that ignores a part of the question


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("attacker", {"attacker": ["APT28"], "target_country": ["France"]}),
        ("targetCountry", {"attacker": ["APT28"], "target_country": ["Germany"]}),
        ("date", {"since": "2026-11-03", "until": "2026-11-09"}),
        ("indicator", {"indicator": ["host1.example", "host2.example"]}),
        ("createdAt", {"created_since": "2027-01-01"}),
        ("uuid", {"conditions": [{"field": "uuid", "value": ["00000000-0000-0000-0000-000000000000"]}]}),
    ],
)
async def test_events_that_one_condition_excludes_are_left_out(
    tmp_path: Path, name: str, arguments: dict[str, JsonValue]
) -> None:
    tenant, honest = await build(tmp_path / "a", drop_field(name)), await build(tmp_path / "b", keep)
    found, expected = await search(tenant, **arguments), await search(honest, **arguments)
    assert found["events"] == expected["events"]
    notes = found["notes"]
    assert isinstance(notes, list)
    assert any("ignore the search" in str(note) or NOTE in str(note) for note in notes)


async def test_events_of_other_datasets_are_left_out_and_said(tmp_path: Path) -> None:
    tenant = await build(tmp_path, drop("datasetId"))
    tenant.front.change = lambda method, parameters: {**parameters, "datasetId": ["all"]}
    assert await search(tenant, dataset_ids=[MINE]) == snapshot(
        {
            "events": ["Event 9", "Event 6", "Event 3", "Event 0"],
            "datasets": ["Mine"],
            "notes": [
                "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters. 8 of 12 events were left out. They do not fit in: datasets."
            ],
        }
    )


async def test_events_in_another_order_are_sorted(tmp_path: Path) -> None:
    tenant = await build(tmp_path, order_by_title)
    first = await search(tenant, limit=5)
    assert first == snapshot(
        {
            "events": ["Event 11", "Event 10", "Event 9", "Event 8", "Event 7"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
            "notes": ["The API did not keep the order: events were sorted here, as far as they were read."],
        }
    )


async def test_every_page_of_a_server_that_ignores_the_order_continues_the_one_before(tmp_path: Path) -> None:
    tenant = await build(tmp_path, order_by_title)
    assert await _read_all(tenant, limit=5) == [f"Event {number}" for number in range(11, -1, -1)]


async def test_a_server_that_ignores_the_page_ends_the_list_and_the_answer_says_so(tmp_path: Path) -> None:
    def drop_page_and_actor(method: str, parameters: Parameters) -> Parameters:
        changed = drop_field("attacker")(method, parameters) or {}
        return drop("page")(method, changed) or {}

    tenant = await build(tmp_path, drop_page_and_actor, is_bare=True)
    assert await search(tenant, attacker=["APT29"], limit=3) == snapshot(
        {
            "events": ["Event 11", "Event 10", "Event 9"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours", "Telemetry"],
            "notes": [
                "1 event that the API returned does not fit the question and was left out.",
                "The API answered a further page with the same events, so there may be more than were read.",
            ],
        }
    )


async def _read_all(tenant: MisbehavingTenant, **arguments: JsonValue) -> list[JsonValue]:
    titles: list[JsonValue] = []
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        cursor: dict[str, JsonValue] = {}
        while True:
            data = await ask(client, "search_threat_events", fields=["event"], **arguments, **cursor)
            titles += column(data, "event")
            if not (following := data.get("next_cursor")):
                return titles
            cursor = {"cursor": following}


# -- scopes


@pytest.mark.parametrize("scope", [None, ["all"], ["*"]])
async def test_everything_covers_analytics_datasets(tmp_path: Path, scope: list[JsonValue] | None) -> None:
    tenant = await build(tmp_path, as_documented)
    found = await search(tenant, attacker=["APT28"], dataset_ids=scope)
    assert found == {"events": ["Event 8", "Event 4", "Event 0"], "datasets": [DEFAULT, MINE, YOURS, ANALYTICS]}


async def test_operational_covers_and_names_no_analytics_dataset(tmp_path: Path) -> None:
    tenant = await build(tmp_path, as_documented)
    found = await search(tenant, attacker=["APT28"], dataset_ids=["operational"])
    assert found == {"events": ["Event 4", "Event 0"], "datasets": [DEFAULT, MINE, YOURS]}


async def test_groups_of_conditions_leave_analytics_datasets_out_and_the_answer_says_so(tmp_path: Path) -> None:
    tenant = await build(tmp_path, as_documented)
    conditions: list[JsonValue] = [
        {"field": "attacker", "value": ["APT28"], "group": 1},
        {"field": "event", "op": "endsWith", "value": [" 5"], "group": 2},
    ]
    assert await search(tenant, conditions=conditions, dataset_ids=["all"]) == snapshot(
        {
            "events": ["Event 4", "Event 0"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours"],
            "not_searched": ["Telemetry"],
            "notes": ["not_searched: analytics datasets, because the API takes no groups of conditions for them."],
        }
    )


async def test_a_server_that_refuses_both_kinds_together_is_asked_by_scope_words(tmp_path: Path) -> None:
    def refuse_mixture(method: str, parameters: Parameters) -> Parameters | None:
        ids = parameters.get("datasetId")
        return None if isinstance(ids, list) and len(ids) > 1 else as_documented(method, parameters)

    tenant = await build(tmp_path, refuse_mixture)
    found = await search(tenant, attacker=["APT28"])
    assert found == {"events": ["Event 8", "Event 4", "Event 0"], "datasets": [DEFAULT, MINE, YOURS, ANALYTICS]}


async def test_datasets_whose_search_fails_are_not_named_as_searched(tmp_path: Path) -> None:
    def refuse_analytics(method: str, parameters: Parameters) -> Parameters | None:
        ids = parameters.get("datasetId")
        return parameters if ids in (["all"], ["operational"]) else None

    tenant = await build(tmp_path, refuse_analytics)
    assert await search(tenant, attacker=["APT28"]) == snapshot(
        {
            "events": ["Event 8", "Event 4", "Event 0"],
            "datasets": ["Cloudforce One Threat Events", "Mine", "Yours"],
            "not_searched": ["Telemetry"],
            "notes": [
                "Nothing can be concluded about the datasets in not_searched: their search failed. The API refused the request (400). Correct what it names and call again."
            ],
        }
    )


async def test_120_datasets_are_asked_in_groups_and_their_pages_merged(tmp_path: Path) -> None:
    tenant = MisbehavingTenant(tmp_path, as_documented)
    for number in range(116):
        tenant.store.add_dataset(f"Feed {number:03}", is_analytics=number % 5 == 0)
    names = [one.name for one in tenant.store.datasets()]
    for number, name in enumerate(names):
        await tenant.add(f"Event {number:03}", dataset=name, date=f"2026-11-20T00:{number % 10:02}:00Z")
    tenant.is_honest = False
    honest = sorted(range(120), key=lambda number: number % 10, reverse=True)
    found = await _read_all(tenant, limit=7)
    assert sorted(map(str, found)) == [f"Event {number:03}" for number in range(120)]
    assert [int(str(title)[6:]) % 10 for title in found] == [number % 10 for number in honest]
    sizes = [len(ids) for _, asked in tenant.front.asked if isinstance(ids := asked.get("datasetId"), list)]
    assert max(sizes) == 50
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "aggregate_threat_events", columns=["tlp"])
        assert (data["events"], data["rows"]) == (120, [["green", 120]])

"""The account's words are asked for once, however many want them, and whatever becomes of the request."""

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from inline_snapshot import snapshot

from cf1_mcp.api import vocabulary
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.errors import Forbidden, ThreatEventsError
from cf1_mcp.models import Category, Country, Dataset
from cf1_mcp.settings import SANDBOX_ACCOUNT
from tests.tenant import Tenant
from tests.upstreams import Act, answer, failed, upstream

pytestmark = pytest.mark.anyio

MANY = 100
ONE_DATASET = answer([{"uuid": "d0000000-0000-4000-8000-000000000001", "name": "Ours"}])
DENIED = failed("403 Forbidden", "no")

Ask = Callable[[Vocabulary], Awaitable[object]]


def api_of(sample: Tenant) -> Vocabulary:
    return Vocabulary(ThreatEventsClient("http://sandbox/client/v4", SANDBOX_ACCOUNT, None, sample.connect))


async def at_once(words: Vocabulary, call: Ask) -> list[object]:
    """What a hundred callers get, failures among it."""
    found: list[object] = []

    async def one() -> None:
        try:
            found.append(await call(words))
        except ThreatEventsError as error:
            found.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(MANY):
            group.start_soon(one)
    return found


@pytest.mark.parametrize(
    ("call", "route"),
    [
        (Vocabulary.datasets, "GET /events/dataset"),
        (Vocabulary.attackers, "GET /events/attackers"),
        (Vocabulary.categories, "GET /events/categories/catalog"),
        (Vocabulary.countries, "GET /events/countries"),
        (Vocabulary.indicator_types, "GET /events/indicator-types"),
        (Vocabulary.industries, "GET /events/targetIndustries/catalog"),
        (Vocabulary.tags, "GET /events/tags"),
    ],
)
async def test_a_hundred_callers_at_once_cause_one_request(sample: Tenant, call: Ask, route: str) -> None:
    found = await at_once(api_of(sample), call)
    assert len(found) == MANY and all(one == found[0] for one in found)
    assert sample.requests() == [route]


async def test_names_and_whole_records_come_from_the_same_request(sample: Tenant) -> None:
    words = api_of(sample)
    countries, names = await words.country_list(), await words.countries()
    categories, kinds = await words.category_list(), await words.categories()
    assert names == [f"{country.alpha2} {country.name}" for country in countries]
    assert kinds == [category.name for category in categories]
    assert len(sample.requests()) == 2
    assert countries[0] == snapshot(Country(name="Andorra", alpha2="AD", alpha3="AND"))
    assert categories[0] == snapshot(
        Category(
            uuid="1df3d5d6-3da5-571f-ab28-622f9cef5d0b",
            name="Account Takeover",
            kill_chain=7.0,
            mitre_attack=["T1110.004", "T1078"],
            mitre_capec=["600", "49"],
            shortname="ato",
        )
    )


async def test_those_who_wait_share_a_failure_and_later_callers_ask_anew() -> None:
    async with upstream(DENIED, ONE_DATASET) as api, api.client() as client:
        words = Vocabulary(client)
        failures = await at_once(words, Vocabulary.datasets)
        assert (len(failures), {type(one) for one in failures}, len(api.requests)) == (MANY, {Forbidden}, 1)
        later = await at_once(words, Vocabulary.datasets)
        assert (len(later), later[0], len(api.requests)) == (MANY, [_ours()], 2)


async def test_when_the_first_caller_is_cancelled_the_next_one_asks_for_all() -> None:
    async with upstream(Act.HANG, ONE_DATASET) as api, api.client() as client:
        words = Vocabulary(client)
        first = anyio.CancelScope()
        found: list[object] = []

        async def given_up() -> None:
            with first:
                await words.datasets()

        async with anyio.create_task_group() as group:
            group.start_soon(given_up)
            while not api.requests:
                await anyio.lowlevel.checkpoint()
            group.start_soon(_cancel_when_blocked, first)
            found += await at_once(words, Vocabulary.datasets)
        assert first.cancelled_caught
        assert (found, len(api.requests)) == ([[_ours()]] * MANY, 2)


async def test_a_caller_who_only_waits_may_leave_without_ending_the_request() -> None:
    async with upstream(ONE_DATASET) as api, api.client() as client:
        words = Vocabulary(client)
        waiting = anyio.CancelScope()
        found: list[list[Dataset]] = []

        async def first() -> None:
            found.append(await words.datasets())

        async def second() -> None:
            with waiting:
                waiting.cancel()
                await words.datasets()

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)
        assert waiting.cancelled_caught
        assert (found, len(api.requests)) == ([[_ours()]], 1)


async def test_an_answer_serves_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(ONE_DATASET) as api, api.client() as client:
        words = Vocabulary(client)
        assert [await words.datasets(), await words.datasets()] == [[_ours()]] * 2
        assert len(api.requests) == 1
        monkeypatch.setattr(vocabulary, "CACHE_SECONDS", 0.0)
        words = Vocabulary(client)
        assert [await words.datasets(), await words.datasets()] == [[_ours()]] * 2
        assert len(api.requests) == 3


def _ours() -> Dataset:
    return Dataset(uuid="d0000000-0000-4000-8000-000000000001", name="Ours")


async def _cancel_when_blocked(scope: anyio.CancelScope) -> None:
    """Once everybody waits for somebody else."""
    await wait_all_tasks_blocked()
    scope.cancel()

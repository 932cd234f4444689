"""Concurrent callers share one request for a vocabulary, whether it succeeds, fails or is cancelled."""

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from inline_snapshot import snapshot

from cf1_mcp.api import vocabulary
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.errors import ApiError, Forbidden, ThreatEventsError
from cf1_mcp.models import Category, Country, Dataset
from cf1_mcp.settings import SANDBOX_ACCOUNT
from tests.tenant import Tenant
from tests.upstreams import Act, answer, failed, upstream

pytestmark = pytest.mark.anyio

CALLERS = 100
ONE_DATASET = answer([{"uuid": "d0000000-0000-4000-8000-000000000001", "name": "Ours"}])
DENIED = failed("403 Forbidden", "no")

Call = Callable[[Vocabulary], Awaitable[object]]


def vocabulary_of(sample: Tenant) -> Vocabulary:
    return Vocabulary(ThreatEventsClient("http://sandbox/client/v4", SANDBOX_ACCOUNT, None, sample.connect))


async def call_concurrently(vocabularies: Vocabulary, call: Call) -> list[object]:
    """Return what each of a hundred concurrent callers receives, failures included."""
    found: list[object] = []

    async def one() -> None:
        try:
            found.append(await call(vocabularies))
        except ThreatEventsError as error:
            found.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(CALLERS):
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
async def test_a_hundred_concurrent_callers_cause_one_request(sample: Tenant, call: Call, route: str) -> None:
    found = await call_concurrently(vocabulary_of(sample), call)
    assert len(found) == CALLERS and all(one == found[0] for one in found)
    # The list of attackers takes datasets by uuid, so these are read first.
    before = ["GET /events/dataset"] if call is Vocabulary.attackers else []
    assert sample.requests() == [*before, route]


async def test_names_and_whole_records_come_from_the_same_request(sample: Tenant) -> None:
    vocabularies = vocabulary_of(sample)
    countries, names = await vocabularies.country_list(), await vocabularies.countries()
    categories, kinds = await vocabularies.category_list(), await vocabularies.categories()
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


async def test_waiting_callers_share_a_failure_and_later_callers_send_a_new_request() -> None:
    async with upstream(DENIED, ONE_DATASET) as api, api.client() as client:
        vocabularies = Vocabulary(client)
        failures = await call_concurrently(vocabularies, Vocabulary.datasets)
        assert (len(failures), {type(one) for one in failures}, len(api.requests)) == (CALLERS, {Forbidden}, 1)
        later = await call_concurrently(vocabularies, Vocabulary.datasets)
        assert (len(later), later[0], len(api.requests)) == (CALLERS, [_dataset()], 2)


async def test_if_the_first_caller_is_cancelled_another_one_sends_the_request() -> None:
    async with upstream(Act.HANG, ONE_DATASET) as api, api.client() as client:
        vocabularies = Vocabulary(client)
        first = anyio.CancelScope()
        found: list[object] = []

        async def cancelled() -> None:
            with first:
                await vocabularies.datasets()

        async with anyio.create_task_group() as group:
            group.start_soon(cancelled)
            while not api.requests:
                await anyio.lowlevel.checkpoint()
            group.start_soon(_cancel_when_blocked, first)
            found += await call_concurrently(vocabularies, Vocabulary.datasets)
        assert first.cancelled_caught
        assert (found, len(api.requests)) == ([[_dataset()]] * CALLERS, 2)


async def test_cancelling_a_waiting_caller_does_not_cancel_the_request() -> None:
    async with upstream(ONE_DATASET) as api, api.client() as client:
        vocabularies = Vocabulary(client)
        waiting = anyio.CancelScope()
        found: list[list[Dataset]] = []

        async def first() -> None:
            found.append(await vocabularies.datasets())

        async def second() -> None:
            with waiting:
                waiting.cancel()
                await vocabularies.datasets()

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)
        assert waiting.cancelled_caught
        assert (found, len(api.requests)) == ([[_dataset()]], 1)


async def test_an_answer_is_cached_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(ONE_DATASET) as api, api.client() as client:
        vocabularies = Vocabulary(client)
        assert [await vocabularies.datasets(), await vocabularies.datasets()] == [[_dataset()]] * 2
        assert len(api.requests) == 1
        monkeypatch.setattr(vocabulary, "CACHE_SECONDS", 0.0)
        vocabularies = Vocabulary(client)
        assert [await vocabularies.datasets(), await vocabularies.datasets()] == [[_dataset()]] * 2
        assert len(api.requests) == 3


def _dataset() -> Dataset:
    return Dataset(uuid="d0000000-0000-4000-8000-000000000001", name="Ours")


async def _cancel_when_blocked(scope: anyio.CancelScope) -> None:
    """Cancel the scope as soon as every task waits for another one."""
    await wait_all_tasks_blocked()
    scope.cancel()


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "501 Not Implemented"])
async def test_a_vocabulary_that_is_missing_is_asked_for_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(vocabulary, "FAILURE_SECONDS", 0.2)
    tags = answer({"tags": [{"value": "lure"}]})
    async with upstream(failed(status, "no"), tags) as server, server.client() as client:
        server.routes["/events/dataset"] = ONE_DATASET
        words = Vocabulary(client)
        for _ in range(3):
            with pytest.raises(ApiError):
                await words.tags()
        asked = len([line for line in server.requests if "/events/tags" in line])
        await anyio.sleep(0.3)
        found = await words.tags()
    assert (asked, [tag.value for tag in found]) == (1, ["lure"])


async def test_datasets_that_cannot_be_read_are_asked_for_again_at_once() -> None:
    async with upstream(DENIED, ONE_DATASET) as server, server.client() as client:
        words = Vocabulary(client)
        with pytest.raises(Forbidden):
            await words.datasets()
        assert [one.name for one in await words.datasets()] == ["Ours"]

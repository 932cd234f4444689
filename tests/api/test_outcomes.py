"""What the client tells of a change by the answer to it."""

import pytest

from cf1_mcp.errors import ApiError, Refused, Unavailable, UnexpectedAnswer, UnknownOutcome, may_have_been_made
from tests.api.test_client import CASES, Case, Upstream

pytestmark = pytest.mark.anyio

SEARCHES = ("/events", "/graphql")
CHANGES = [
    one
    for one in CASES
    if one.request[0] in ("PATCH", "DELETE") or (one.request[0] == "POST" and not one.request[1].endswith(SEARCHES))
]
READS = [one for one in CASES if one not in CHANGES]


@pytest.mark.parametrize("answer", [{}, [], "ok", -1, {"success": "false", "result": {}}], ids=str)
@pytest.mark.parametrize("one", CHANGES, ids=lambda one: one.name)
async def test_a_change_whose_answer_cannot_be_read_is_of_unknown_outcome(one: Case, answer: object) -> None:
    upstream = Upstream(answer, enveloped=False)
    async with upstream.client() as client:
        with pytest.raises(UnknownOutcome, match="look before repeating it") as error:
            await one.call(client)
    assert len(upstream.requests) == 1 and may_have_been_made(error.value)


@pytest.mark.parametrize("one", READS, ids=lambda one: one.name)
async def test_a_read_is_never_of_unknown_outcome(one: Case) -> None:
    upstream = Upstream("ok", enveloped=False)
    async with upstream.client() as client:
        try:
            await one.call(client)
        except UnexpectedAnswer as error:
            assert not isinstance(error, UnknownOutcome)


@pytest.mark.parametrize(
    ("status", "is_unknown"),
    [(400, False), (409, False), (413, False), (422, False), (429, False), (408, True), (423, True), (425, True)],
)
async def test_a_status_tells_whether_a_change_was_refused(status: int, is_unknown: bool) -> None:
    one = next(case for case in CHANGES if case.name == "tag")
    upstream = Upstream({"success": True}, enveloped=False, status=status)
    async with upstream.client() as client:
        with pytest.raises(ApiError) as error:
            await one.call(client)
    assert (isinstance(error.value, UnknownOutcome), may_have_been_made(error.value)) == (is_unknown, is_unknown)


def test_an_error_tells_whether_a_change_may_have_been_made() -> None:
    assert may_have_been_made(Unavailable("no answer"))
    assert may_have_been_made(Refused("inside a success", 200))
    assert not may_have_been_made(Refused("wrong", 400))
    assert not may_have_been_made(ValueError("not of the API"))

"""Every recording in this folder is replayed: the client must be able to read each answer that a server once gave."""

from pathlib import Path

import pytest

from cf1_mcp.errors import ApiError
from tests.recorded.replay import READERS, RecordedExchange, operation_of, read_exchange, read_recording

pytestmark = pytest.mark.anyio

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))
EXCHANGES = [
    pytest.param(exchange, id=f"{file.stem}:{number} {exchange.name}")
    for file in FILES
    for number, exchange in enumerate(read_recording(file), 2)
]


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_recorded_answer_can_be_read(exchange: RecordedExchange) -> None:
    """A success is read, and a failure becomes one of the client's own errors."""
    if exchange.response.status < 400:
        await read_exchange(exchange)
    else:
        with pytest.raises(ApiError):
            await read_exchange(exchange)


def test_the_example_has_an_exchange_for_each_reader_of_a_list() -> None:
    [example] = [file for file in FILES if file.stem == "sandbox-like-live"]
    covered = {operation_of(exchange.request) for exchange in read_recording(example)}
    lists = {name for name in READERS if name.startswith("list_")}
    assert lists <= covered


async def test_an_answer_of_another_form_fails() -> None:
    """So that the tests above can fail."""
    request = {"method": "GET", "path": "/events/dataset"}
    wrong = RecordedExchange.model_validate({"request": request, "response": {"status": 200, "body": "text"}})
    with pytest.raises(ApiError):
        await read_exchange(wrong)

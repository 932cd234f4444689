"""The rows and links of an import ledger: taken by several tasks, each settled once."""

import anyio
import pytest

from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.import_links import WITHOUT_EVENT, NewLedgerLink
from cf1_mcp.store.import_rows import NewLedgerRow

pytestmark = pytest.mark.anyio


async def test_rows_that_are_put_back_while_others_are_taken_are_taken_again() -> None:
    put_back: set[int] = set()
    async with ImportLedger.in_memory() as ledger:
        await ledger.add([NewLedgerRow(number, number, "ready", "{}") for number in range(300)])

        async def send() -> None:
            while groups := await ledger.rows.take(3, 1, at=0.0):
                numbers = [row.number for row in groups[0].rows]
                if put_back.isdisjoint(numbers):
                    put_back.update(numbers)
                    await ledger.rows.put_back(numbers)
                else:
                    await ledger.rows.record_answer({number: f"e-{number}" for number in numbers}, {})

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(send)
        assert await ledger.rows.counts() == {"created": 300}


async def test_links_are_made_between_events_and_fail_without_one() -> None:
    async with ImportLedger.in_memory() as ledger:
        rows = [NewLedgerRow(0, 0, "there", uuid="e-0"), *(NewLedgerRow(n, n, "ready", "{}") for n in (1, 2))]
        await ledger.add(rows, [NewLedgerLink(child, "", "related_to", 0) for child in (1, 2)])
        await ledger.rows.record_answer({1: "e-1"}, {2: "refused"})
        [family] = await ledger.links.families()
        [link] = await ledger.links.ready(family, 10)
        await ledger.links.settle({link.id: "made"}, {})
        reported = [(one.child, one.state, one.reason) async for page in ledger.reported_links() for one in page]
    assert (link.parent, link.child) == ("e-0", "e-1")
    assert reported == [(1, "made", None), (2, "failed", WITHOUT_EVENT)]

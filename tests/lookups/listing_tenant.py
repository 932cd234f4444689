"""A tenant whose list of indicators can be changed: the sandbox lists only the indicators of events."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import anyio
import httpx
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from tests.tenant import Tenant

Result = dict[str, JsonValue]
Change = Callable[[httpx.Request, Result], Result | int]
"""What becomes of an answer; a number is the status of a refusal."""
HOME: Final = "Home"
AWAY: Final = "Away"


class ListingTenant(Tenant):
    """`rows` are further indicators, listed if they are asked for. `change_list` changes the list of indicators, and
    `change_events` that of events. `hangs` is a path that never answers. With `hides_events` no event can be read by
    its id. `asked` are the paths that were asked for.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (HOME, AWAY))
        self.rows: list[Result] = []
        self.change_list: Change = lambda _, result: result
        self.change_events: Change = lambda _, result: result
        self.hangs = ""
        self.hides_events = False
        self.asked: list[str] = []

    def connect(self) -> httpx.AsyncBaseTransport:
        return _Front(super().connect(), self)

    def row(self, value: str, dataset: str = HOME, **fields: JsonValue) -> None:
        """List an indicator without events, unless `fields` have some."""
        self.rows.append({
            "uuid": f"indicator {len(self.rows)}",
            "value": value,
            "indicatorType": "any",
            "datasetId": self.dataset_id(dataset),
            "createdAt": "2026-11-10T00:00:00Z",
            "updatedAt": "2026-11-10T00:00:00Z",
            "tlp": "GREEN",
            "relatedEvents": [],
            "relatedEventsHasMore": False,
        } | fields)  # fmt: skip

    async def event(self, *indicators: str, dataset: str = HOME, **fields: JsonValue) -> str:
        """Create an event of these indicators, which shows the first of them, and return its uuid."""
        values: list[JsonValue] = [{"value": value, "indicatorType": "any"} for value in indicators]
        defaults: Result = {"date": "2026-11-20T08:00:00Z", "tlp": "green", "raw": {"data": {}}, "indicators": values}
        return (await self.add("A lure was sent", dataset, **(defaults | fields))).uuid

    def related(self, *event_ids: str, dataset: str = HOME) -> list[JsonValue]:
        """The events of an indicator, as the list has them."""
        date = "2026-11-20T08:00:00Z"
        return [{"datasetId": self.dataset_id(dataset), "eventId": one, "eventDate": date} for one in event_ids]

    async def look_up(self, *values: str, max_tlp: Tlp = Tlp.AMBER, read: str = "*", **arguments: JsonValue) -> Result:
        """Look values up and return the answer, with the known facts of each value in a row of its own."""
        settings = replace(self.reading(), max_tlp=max_tlp, read_datasets=(read,))
        fields: list[JsonValue] = ["indicator", "status", "events", "tlp", "why"]
        async with self.server(settings) as client:
            result = await client.call_tool(
                "lookup_indicators", {"indicators": [*values], "fields": fields, **arguments}
            )
        data: Result = dict(result.structured_content or {})
        if result.is_error:
            return {"error": result.content[0].text}  # pyright: ignore
        rows = cast("list[list[JsonValue]]", data["rows"])
        found: Result = {str(row[0]): " ".join(str(cell) for cell in row[1:] if cell != "") for row in rows}
        kept: Result = {name: data[name] for name in ("not_searched", "notes") if name in data}
        return {"rows": found, **kept}


class _Front(httpx.AsyncBaseTransport):
    def __init__(self, sandbox: httpx.AsyncBaseTransport, tenant: ListingTenant) -> None:
        self._sandbox = sandbox
        self._tenant = tenant

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/cloudforce-one")[1]
        self._tenant.asked.append(path)
        if path == self._tenant.hangs:
            await anyio.sleep_forever()
        if self._tenant.hides_events and "/events/dataset/" in path:
            return self._answer(404)
        if "cursor" in request.url.params and path == "/events/indicators":
            # The sandbox has no cursors for this list.
            empty: Result = {"result": {"indicators": []}, "success": True}
            return self._answer(self._tenant.change_list(request, empty))
        response = await self._sandbox.handle_async_request(request)
        if path not in ("/events", "/events/indicators"):
            return response
        body = json.loads(await response.aread())
        if response.status_code != 200:
            return httpx.Response(response.status_code, json=body)
        change = self._tenant.change_events
        if path == "/events/indicators":
            change = self._tenant.change_list
            self._add_rows(request, body["result"])
        return self._answer(change(request, body))

    @staticmethod
    def _answer(changed: Result | int) -> httpx.Response:
        if isinstance(changed, int):
            refusal: Result = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}
            return httpx.Response(changed, json=refusal)
        return httpx.Response(200, json=changed)

    def _add_rows(self, request: httpx.Request, result: Result) -> None:
        params = request.url.params
        values: list[str] = json.loads(params["search"])[0]["value"] if "search" in params else []
        scope = params.get_list("datasetIds")
        listed = cast("list[Result]", result["indicators"])
        listed += [
            row
            for row in self._tenant.rows
            if row["value"] in values and ({"all", "*"} & {*scope} or row["datasetId"] in scope)
        ]

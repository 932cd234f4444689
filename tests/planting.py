"""A hostile upstream: the sandbox, with something planted in every text of every answer."""

import html
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import httpx
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.contract.every_tool import PlantedTenant
from tests.tenant import NOW, Generation
from tests.upstreams import ACCOUNT, TOKEN

# Without these an answer would be about something else: ids, and what the sandbox needs back.
NEEDED = (
    "uuid",
    "id",
    "eventId",
    "event_id",
    "query_id",
    "datasetId",
    "dataset_id",
    "tlp",
    "date",
    "rawId",
    "query_json",
)
Plant = Callable[[str, str], JsonValue]
"""Returns the planted form of a text, from the key that it is under and the text."""


class PlantingTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and plants something in every text of the answers, in extra keys, and in headers."""

    def __init__(self, transport: httpx.AsyncBaseTransport, plant: Plant, word: str) -> None:
        self._transport, self._plant, self._word = transport, plant, word

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        content = await response.aread()
        try:
            value: JsonValue = json.loads(content) if content else None
        except ValueError:
            value = None
        planted = self._plant_in(value, "")
        if isinstance(planted, dict):
            planted |= {f"extra {self._word}": self._word, "messages": [{"message": self._word}]}
        headers = {"Content-Type": "application/json", "Set-Cookie": "x=" + TOKEN, "Server": ACCOUNT}
        return httpx.Response(response.status_code, headers=headers, content=json.dumps(planted).encode())

    def _plant_in(self, value: JsonValue, key: str) -> JsonValue:
        match value:
            case str():
                return self._plant(key, value)
            case list():
                return [self._plant_in(item, key) for item in value]
            case dict():
                return {name: self._plant_in(item, name) for name, item in value.items()}
            case _:
                return value


class PlantedUpstream(PlantedTenant):
    """A tenant whose servers, unlike its own client, reach the sandbox through a planting transport."""

    def __init__(self, folder: Path, plant: Plant, word: str) -> None:
        super().__init__(folder, "Invoice lure", "invoice", "http://kit.example.com/pay")
        self.plant_in, self.word = plant, word

    @asynccontextmanager
    async def server(
        self, settings: Settings, answers: object = None, mode: Generation = "auto"
    ) -> AsyncGenerator[Client]:
        def connect() -> httpx.AsyncBaseTransport:
            return PlantingTransport(self.connect(), self.plant_in, self.word)

        live = replace(settings, credentials=Credentials(ACCOUNT, TOKEN), base_url="http://sandbox/client/v4")
        async with Client(build_server(live, connect, clock=lambda: NOW), mode=mode) as client:
            yield client


_CODE = re.compile(r"\\+u([0-9a-f]{4})|\\+x([0-9a-f]{2})|\(\+\d+ invisible\)", re.IGNORECASE)


def reveals(text: str, secret: str) -> bool:
    """Whether a reader can find a secret in a text, whatever its case, encoding and the invisible characters in it."""
    for _ in range(4):
        text = html.unescape(unquote(text))
    text = _CODE.sub(lambda found: chr(int(found[1] or found[2] or "0", 16)), text)
    return re.sub("[^0-9a-z]", "", secret.lower()) in re.sub("[^0-9a-z]", "", text.lower())


def disguises(secret: str) -> dict[str, str]:
    """The forms in which an upstream can repeat a secret."""
    return {
        "plain": secret,
        "upper case": secret.upper(),
        "URL": "".join(f"%{ord(char):02X}" for char in secret),
        "URL twice": "".join(f"%25{ord(char):02x}" for char in secret),
        "JSON": "".join(f"\\u{ord(char):04x}" for char in secret),
        "JSON twice": "".join(f"\\\\u{ord(char):04X}" for char in secret),
        "HTML": "".join(f"&#{ord(char)};" for char in secret),
        "HTML hexadecimal": "".join(f"&#x{ord(char):x};" for char in secret),
        "invisible": "\u200b".join(secret),
        "many invisible": ("\u200b" * 30).join(secret),
        "bidirectional": "\u202e".join(secret),
        "half characters": "\ud800".join(secret),
        "lines": "\n".join(secret),
        "NUL": "\0".join(secret),
        "glued": f"x{secret}y",
    }

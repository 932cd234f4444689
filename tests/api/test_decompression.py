"""Compressed answers: what is asked for is decoded within bounds, and anything else is refused."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from cf1_mcp.api.wire.decompression import MAX_MEMBERS, STEP_SIZE, Decoder
from cf1_mcp.api.wire.transport import MAX_ANSWER_SIZE, MAX_OBJECTS, MAX_VALUES
from cf1_mcp.errors import UnexpectedAnswer
from tests.upstreams import answer, upstream

pytestmark = pytest.mark.anyio

EVENT = "e0000000-0000-4000-8000-000000000001"
BODY = json.dumps({"success": True, "result": {"uuid": EVENT, "event": "found " * 500_000}}).encode()
MEGABYTE = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def zeros(megabytes: int) -> bytes:
    """A gzip file of zeros, a thousandth as large."""
    stream = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(stream.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + stream.flush()


def bomb(megabytes: int) -> bytes:
    """The beginning of a gzip file of zeros, made from one block again and again."""
    stream = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first, block = (stream.compress(bytes(MEGABYTE)) + stream.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + block * (megabytes - 1)


def two_members(body: bytes) -> bytes:
    return gzip.compress(body[:700]) + gzip.compress(body[700:])


def empty_member(body: bytes) -> bytes:
    return gzip.compress(body) + gzip.compress(b"")


def encoded(content: bytes, *encodings: str) -> bytes:
    return answer(content, headers="".join(f"Content-Encoding: {one}\r\n" for one in encodings))


@pytest.mark.parametrize(
    ("compress", "encoding"),
    [
        (bytes, "identity"),
        (gzip.compress, "gzip"),
        (gzip.compress, " X-GZip "),
        (gzip.compress, "identity, gzip"),
        (two_members, "gzip"),
        (empty_member, "gzip"),
        (zlib.compress, "deflate"),
        (raw_deflate, "deflate"),
    ],
    ids=["identity", "gzip", "x-gzip", "identity-gzip", "two-members", "empty-member", "zlib", "raw-deflate"],
)
async def test_a_body_is_decoded(compress: Callable[[bytes], bytes], encoding: str) -> None:
    async with upstream(encoded(compress(BODY), encoding)) as server, server.client() as client:
        assert len((await client.read_event("d", EVENT)).event) == 3_000_000
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content", "encodings"),
    [
        (gzip.compress(zeros(3)), ("gzip, gzip",)),
        (gzip.compress(zeros(3)), ("gzip", "gzip")),
        (gzip.compress(zlib.compress(BODY)), ("deflate, gzip",)),
        (BODY, ("br",)),
        (BODY, ("zstd",)),
        (BODY, ("compress",)),
        (BODY, ("gzip;q=1",)),
        (BODY, ("\u00e9",)),
    ],
    ids=["gzip-gzip", "two-headers", "deflate-gzip", "br", "zstd", "compress", "parameter", "not-ascii"],
)
async def test_what_was_not_asked_for_is_refused_unread(content: bytes, encodings: tuple[str, ...]) -> None:
    async with upstream(encoded(content, *encodings)) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer) as error:
            await client.read_event("d", EVENT)
    assert len(server.requests) == 1
    assert str(error.value) == snapshot(
        "The answer is compressed in a way that was not asked for. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy."
    )


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (gzip.compress(BODY)[:-1], "gzip"),
        (gzip.compress(BODY)[:-9], "gzip"),
        (gzip.compress(BODY)[:12], "gzip"),
        (gzip.compress(BODY) + b"garbage", "gzip"),
        (gzip.compress(BODY) + b"\x1f", "gzip"),
        (gzip.compress(BODY) + gzip.compress(BODY)[:20], "gzip"),
        (gzip.compress(BODY)[:-8] + bytes(8), "gzip"),
        (gzip.compress(b"") * (MAX_MEMBERS + 1), "gzip"),
        (zlib.compress(BODY) + b"x", "deflate"),
        (raw_deflate(BODY)[:-1], "deflate"),
        (BODY, "gzip"),
        (BODY, "deflate"),
        (b"\x1f", "gzip"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
async def test_damaged_data_is_refused(content: bytes, encoding: str) -> None:
    async with upstream(encoded(content, encoding)) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer) as error:
            await client.read_event("d", EVENT)
    assert len(server.requests) == 1
    assert str(error.value).replace("deflate", "gzip") == snapshot(
        "The answer is not what it claims to be: its gzip data is incomplete, damaged or followed by other data. If this continues, ask the operator to check CLOUDFLARE_BASE_URL and the proxy."
    )


async def test_an_empty_body_may_have_an_encoding() -> None:
    async with upstream(encoded(b"", "gzip")) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer, match="was empty"):
            await client.read_event("d", EVENT)


@pytest.mark.parametrize("megabytes", [65, 10_000])
async def test_a_bomb_is_refused_as_too_large(megabytes: int) -> None:
    async with upstream(encoded(bomb(megabytes), "gzip")) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer) as error:
            await client.read_event("d", EVENT)
    assert len(server.requests) == 1
    assert str(error.value) == snapshot(
        "The answer is larger than 64 MB. Request less: a smaller limit or a shorter period."
    )


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(zeros(100), "gzip"), (raw_deflate(bytes(100 * MEGABYTE)), "deflate")],
    ids=["gzip", "deflate"],
)
def test_decoding_proceeds_in_steps_and_can_stop_after_each(data: bytes, encoding: str) -> None:
    decoder = Decoder([encoding])
    sizes = [len(part) for part in decoder.decode(data)]
    decoder.finish()
    assert sum(sizes) == 100 * MEGABYTE
    assert max(sizes) == STEP_SIZE


def test_the_rest_of_a_bomb_is_not_decoded() -> None:
    """The bound is checked while the data is decoded, so what lies beyond it costs nothing."""
    decoded = 0
    for part in Decoder(["gzip"]).decode(bomb(10_000)):
        decoded += len(part)
        if decoded > MAX_ANSWER_SIZE:
            break
    assert decoded <= MAX_ANSWER_SIZE + STEP_SIZE


@pytest.mark.parametrize(("value", "number"), [(b"0,", MAX_VALUES), (b"{},", MAX_OBJECTS), (b"[],", MAX_OBJECTS)])
async def test_an_answer_of_too_many_values_is_refused_unparsed(value: bytes, number: int) -> None:
    many = gzip.compress(b'{"success": true, "result": [' + value * number + b"0]}")
    async with upstream(encoded(many, "gzip")) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer) as error:
            await client.read_event("d", EVENT)
    assert str(error.value) == snapshot(
        "The answer has more than 1,000,000 values, or 150,000 objects and lists. Request less: a smaller limit or a shorter period."
    )

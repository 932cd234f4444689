"""Decoding of compressed bodies, bounded while it runs: some bytes of gzip can stand for gigabytes."""

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cf1_mcp.errors import UnexpectedAnswer

if TYPE_CHECKING:
    # The type has no public name.
    from zlib import _Decompress as Stream  # pyright: ignore[reportPrivateUsage]

# What requests ask for. Few servers send deflate unasked, and none of the others should.
ACCEPTED: Final = "gzip"
# Bytes that are decoded without a pause, some milliseconds of work.
STEP_SIZE: Final = 512 * 1024
# A body may be several gzip files in a row, as proxies join them; so many are an attack.
MAX_MEMBERS: Final = 100
GZIP: Final = zlib.MAX_WBITS | 16
GZIP_START: Final = b"\x1f\x8b"


class Decoder:
    """Decodes a body with at most one encoding, in steps of at most STEP_SIZE bytes."""

    def __init__(self, encodings: Sequence[str]) -> None:
        """Choose the decoder for the names in Content-Encoding.

        Raises:
            UnexpectedAnswer: there is more than one encoding, or one that was not asked for.
        """
        names = [name for one in encodings if (name := one.strip().lower()) not in ("", "identity")]
        if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
            raise UnexpectedAnswer(
                "The answer is compressed in a way that was not asked for. Something between here and Cloudflare may "
                "have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy."
            )
        self._name = names[0].removeprefix("x-") if names else ""
        self._stream: Stream | None = None
        self._members = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded parts of the next bytes of the body.

        Raises:
            UnexpectedAnswer: the bytes are not what the encoding promises.
        """
        if not self._name:
            yield data
            return
        has_more = False
        while data or has_more:
            stream = self._stream = self._stream or self._start(data)
            try:
                part = stream.decompress(data, STEP_SIZE)
            except zlib.error:
                raise _damaged(self._name) from None
            yield part
            data = stream.unconsumed_tail
            # Without a checksum at its end, the last bytes of a body can stand for more than one step.
            has_more = len(part) == STEP_SIZE and not stream.eof
            if stream.eof:
                data = stream.unused_data
                self._refuse_surplus(data)
                self._stream = None if data else stream

    def finish(self) -> None:
        """Check that the body is complete.

        Raises:
            UnexpectedAnswer: it ends before the encoding does.
        """
        if self._stream is not None and not self._stream.eof:
            raise _damaged(self._name)

    def _start(self, data: bytes) -> "Stream":
        self._members += 1
        if self._name == "gzip":
            return zlib.decompressobj(GZIP)
        # The standard means zlib by deflate; some servers send it without the zlib header.
        has_header = data[0] & 0x0F == zlib.DEFLATED and (len(data) < 2 or int.from_bytes(data[:2]) % 31 == 0)
        return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)

    def _refuse_surplus(self, data: bytes) -> None:
        """Refuse bytes after the end, unless another gzip file begins there."""
        is_next = self._name == "gzip" and self._members < MAX_MEMBERS and GZIP_START.startswith(data[:2])
        if data and not is_next:
            raise _damaged(self._name)


def _damaged(name: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"The answer is not what it claims to be: its {name} data is incomplete, damaged or followed by other data. "
        "If this continues, ask the operator to check CLOUDFLARE_BASE_URL and the proxy."
    )

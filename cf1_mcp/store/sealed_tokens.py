"""Tokens that a client carries between calls and cannot make or change: cursors, for example.

A token is its content and a keyed digest of the content, its purpose and what it belongs to. Nothing is stored, and a
token carries no authority: whatever it names is read again, under the operator's current rules.
"""

import hmac
from base64 import b32encode
from typing import Final

from pydantic import JsonValue

from cf1_mcp.store.confirmation_codes import canonicalize

# To be changed when the content of the digest changes.
_VERSION: Final = "cf1-mcp token 1"
DIGEST_LENGTH: Final = 8  # base32 characters: 40 bits, which can be guessed by calls only


class TokenSealer:
    """Seals and opens the tokens of one account. Replicas accept each other's tokens if they share `key`.

    `scope` is what every token belongs to, such as the account.
    """

    def __init__(self, key: bytes, scope: JsonValue) -> None:
        # A key of its own, so that a token can never be a confirmation code.
        self._key = hmac.digest(key, _VERSION.encode(), "sha256")
        self._scope = scope

    def seal(self, content: str, purpose: str, identity: JsonValue) -> str:
        """Return a token with the content, valid for the same purpose and identity only."""
        return f"{content}.{self._digest(content, purpose, identity)}"

    def open(self, token: str, purpose: str, identity: JsonValue) -> str | None:
        """Return the content of a token; None if it was not sealed here for this purpose and identity."""
        content, dot, digest = token.strip().rpartition(".")
        expected = self._digest(content, purpose, identity)
        is_own = hmac.compare_digest(digest.encode("utf-8", "replace"), expected.encode())
        return content if dot and is_own else None

    def _digest(self, content: str, purpose: str, identity: JsonValue) -> str:
        message = canonicalize([self._scope, purpose, identity, content])
        return b32encode(hmac.digest(self._key, message, "sha256")).decode()[:DIGEST_LENGTH].lower()

"""Hiding the API token and the account id in whatever text they turn up, also where somebody encoded or split them."""

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[hidden]"
# Shorter words occur in ordinary texts.
MIN_SECRET_LENGTH: Final = 8
# The digits of the longest code, `\U` and eight of them.
MAX_CODE_LENGTH: Final = 8

# Characters among which nobody sees that a word is split: blanks, controls, invisible characters, half characters, and
# what sanitising writes in their place. Repetitions are bounded, so that no text takes more than linear time.
_SEPARATORS: Final = (
    r"(?:[\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffd\U000e0000-\U000e0fff]"
    r"|\\{1,8}(?:u(?!00[2-7])[0-9a-f]{4}|U(?!000000[2-7])[0-9a-f]{8}|[nrt])|\(\+\d{1,9} invisible\)){0,40}+"
)
# Codes of letters and digits, and all other codes, by what they begin with: in URLs, in JSON and in HTML. Each pattern
# begins with one character, for which `re` looks fast.
_ALPHANUMERIC: Final = rb"(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
_ANY: Final = rb"[0-9A-Fa-f]{2}"
_CODES: Final = tuple(
    (starts, re.compile(pattern % _ALPHANUMERIC), re.compile(pattern % _ANY))
    for starts, pattern in (
        ((b"%",), rb"%%(?:25){0,4}%b"),
        ((b"\\u", b"\\U", b"\\x"), rb"\\(?:u00|U000000|x)%b"),
        ((b"&",), rb"&(?:amp;){0,4}#[xX]0{0,8}%b;?"),
    )
)
_DECIMAL_CODE: Final = re.compile(rb"&(?:amp;){0,4}#0{0,8}(\d{2,3});?")
_WIDE_CODE: Final = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})")
_COUNTED: Final = re.compile(rb"\(\+\d{1,9} invisible\)")
_NOT_ALPHANUMERIC: Final = bytes(code for code in range(256) if not (code < 128 and chr(code).isalnum()))


class SecretMask:
    """Replaces secrets by `[hidden]`, in any case, URL- or JSON-encoded, and split by what nobody sees."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = sorted({secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}, key=len, reverse=True)
        self._endings = [_ending(_compact(secret.encode())) for secret in found]
        self._pattern = re.compile("|".join(map(_secret_pattern, found)), re.IGNORECASE) if found else None

    def may_be_in(self, content: bytes) -> bool:
        """Return whether a secret can be in a text or a JSON document: a quick check, without false negatives."""
        if self._pattern is None:
            return False
        compact = _compact(content)
        return any(ending in compact for ending in self._endings)

    def hide(self, text: str) -> str:
        """Return the text without secrets."""
        if self._pattern is None or not self.may_be_in(text.encode(errors="surrogatepass")):
            return text
        return self._pattern.sub(HIDDEN, text)


def _ending(compact: bytes) -> bytes:
    r"""Return what remains of a secret where the letters before it read its beginning as part of their code, as
    `\x` does.
    """
    return compact[min(MAX_CODE_LENGTH, len(compact) // 2) :]


def _secret_pattern(secret: str) -> str:
    return _SEPARATORS.join(map(_character_pattern, secret))


def _character_pattern(char: str) -> str:
    """Return the pattern of one character: itself, or its code in JSON, URLs or HTML."""
    forms = [re.escape(char)]
    if char.isascii():
        # The hexadecimal codes of a letter in either case, because a secret is recognised in any.
        codes = {ord(char), ord(char.lower()), ord(char.upper())}
        hexadecimal = "|".join(f"{code:02x}" for code in sorted(codes))
        decimal = "|".join(map(str, sorted(codes)))
        forms += [
            rf"\\{{1,8}}(?:u00|U000000|x)(?:{hexadecimal})",
            rf"%(?:25){{0,4}}(?:{hexadecimal})",
            rf"&(?:amp;){{0,4}}#(?:x0{{0,8}}(?:{hexadecimal})|0{{0,8}}(?:{decimal}));?",
        ]
    # Sanitising puts some characters in brackets, and a blank behind others.
    return f"(?:{'|'.join(forms)})" if char.isalnum() else rf"\[?(?:{'|'.join(forms)})\]?"


def _compact(content: bytes) -> bytes:
    """Return the letters and digits of ASCII of a text, in lower case, with the codes for such characters decoded."""
    for break_code in (b"\\n", b"\\r", b"\\t"):
        content = content.replace(break_code, b"")
    for starts, letter, other in _CODES:
        if any(start in content for start in starts):
            content = letter.sub(lambda found: bytes.fromhex(found[1].decode()), content)
            content = other.sub(b"", content)
    if b"\\u" in content or b"\\U" in content:
        content = _WIDE_CODE.sub(b"", content)
    if b"&" in content:
        content = _DECIMAL_CODE.sub(lambda found: bytes([int(found[1]) % 256]), content)
    if b" invisible)" in content:
        content = _COUNTED.sub(b"", content)
    return content.lower().translate(None, _NOT_ALPHANUMERIC)

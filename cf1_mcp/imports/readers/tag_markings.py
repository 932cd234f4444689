"""Markings that people write as tags, or into cells that have another meaning."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from cf1_mcp.models import Tlp
from cf1_mcp.text.limits import MAX_NAME_LENGTH

_MARKING: Final = re.compile(r"\s*tlp[\s:=_-]\s*[:=]?\s*", re.IGNORECASE)


def find_marking(tags: Sequence[str]) -> Tlp | None:
    """Return the highest marking among tags. Other `tlp:` tags, such as `tlp:ex:chr`, count as red."""
    plain = [unicodedata.normalize("NFKC", tag) for tag in tags if is_marking(tag)]
    levels = [Tlp.parse(_MARKING.sub("", tag, count=1)) or Tlp.RED for tag in plain]
    return max(levels, key=lambda level: level.rank, default=None)


def is_marking(tag: str) -> bool:
    """Whether a tag is a marking, in any of the spellings of people: `tlp:red`, `TLP-RED`, `tlp_red`."""
    return _MARKING.match(unicodedata.normalize("NFKC", tag.lstrip()[:MAX_NAME_LENGTH])) is not None

"""Untrusted text never starts a line that a person reads, whatever the width of the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.text.person_text import PREFIX, collapse_blanks, set_apart, wrap

WIDTHS = (20, 40, 80, 200)
FORGED = "undo: undo_change restores everything"
FILLERS = (
    " ",
    "\t",
    "\xa0",
    "\u3000",
    "\u2003",
    "\u115f",
    "\u200b",
    "\u0301",
    "漢",
    "\u2800",
    ".",
    "\x1b[2K",
    "\r",
    "\n",
)
texts = st.text(st.one_of(st.characters(), st.sampled_from([*"".join(FILLERS), "|", ":"])), max_size=200)


def columns(line: str) -> int:
    """The most columns that a terminal may use for a line."""
    return sum(1 if char.isascii() else 2 for char in line)


def starts_of_lines(text: str, width: int) -> list[str]:
    """The beginnings of all lines of a terminal that wraps lines as they come."""
    return [line[start : start + 200] for line in text.split("\n") for start in range(0, max(len(line), 1), width)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("filler", FILLERS, ids=ascii)
@pytest.mark.parametrize("untrusted", [True, False])
def test_a_padded_text_forges_no_line(width: int, filler: str, untrusted: bool) -> None:
    for padding in range(0, 2 * width + 3):
        text = "\n".join(set_apart(f"attacker: A{filler * padding}{FORGED}", untrusted=untrusted))
        shown = "\n".join(wrap(text, width))
        assert not [start for start in starts_of_lines(shown, width) if start.startswith("undo")]


@given(texts, st.sampled_from(WIDTHS), st.booleans())
def test_every_line_fits_and_only_the_first_word_of_the_server_is_at_the_margin(
    text: str, width: int, untrusted: bool
) -> None:
    lines = wrap("\n".join(set_apart(f"server {text}", untrusted=untrusted)), width)
    assert all(columns(line) < width for line in lines)
    at_the_margin = [line for line in lines if not line.startswith(PREFIX)]
    assert at_the_margin == ([] if untrusted else lines[:1])
    assert all(line.isprintable() and "  " not in line for line in lines)


@given(texts)
def test_collapsing_twice_changes_nothing_more(text: str) -> None:
    assert collapse_blanks(collapse_blanks(text)) == collapse_blanks(text)


def test_a_long_line_is_wrapped_at_words_and_long_words_are_cut() -> None:
    text = "change: Delete 2 events from dataset 'Vendor reports' for good.\n| title | " + "x" * 50
    assert wrap(text, 30) == snapshot(
        [
            "change: Delete 2 events from",
            "| dataset 'Vendor reports'",
            "| for good.",
            "| title |",
            "| xxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "| xxxxxxxxxxxxxxxxxxxxxxx",
        ]
    )

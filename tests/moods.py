"""Conversations that must come out the same over a kind sandbox and over one that is like the live API.

A test that is marked `both_moods` runs in both: `mood` is then a parameter of its fixtures `sample` and `tenant`. Marked
is one conversation for each tool and outcome, not every test, because the suite must stay short.
"""

from collections.abc import Sequence
from typing import Literal

import pytest

from cf1_mcp.sandbox.options import SandboxOptions

Mood = Literal["kind", "like_live"]
MOODS: tuple[Mood, ...] = ("kind", "like_live")

NOT_YET: dict[str, str] = {}
"""Names of marked tests that still fail in the mood of the live API, each with the reason in plain words. Remove the
line when the reason is gone: a test that passes in spite of its line fails."""


def options_of(mood: Mood) -> SandboxOptions:
    """The options of a sandbox in this mood."""
    return SandboxOptions(like_live=mood == "like_live")


def parametrize_mood(metafunc: pytest.Metafunc) -> None:
    """Run a marked test in both moods."""
    if metafunc.definition.get_closest_marker("both_moods") is not None:
        metafunc.parametrize("mood", MOODS)


def mark_not_yet(items: Sequence[pytest.Item]) -> None:
    """Expect the tests of NOT_YET to fail in the mood of the live API."""
    for item in items:
        if not isinstance(item, pytest.Function) or item.originalname not in NOT_YET:
            continue
        if hasattr(item, "callspec") and item.callspec.params.get("mood") == "like_live":
            item.add_marker(pytest.mark.xfail(reason=NOT_YET[item.originalname], strict=True))

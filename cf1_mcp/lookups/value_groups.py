"""The values of a look-up in groups, each of which is searched for with one request."""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.lookups.targets import LookupTarget, comparison_key
from cf1_mcp.search.conditions import MAX_VALUES

# Groups up to which other spellings are searched for too: a longer list would cost several times the requests.
MAX_SPELLED_GROUPS: Final = 3


class ValueGroups:
    """The distinct values of all targets in groups of up to `MAX_VALUES`.

    The groups are the same for every page of the look-up, so the result of a target does not depend on the page. Other
    spellings of a value are in its group, as far as that takes at most `MAX_SPELLED_GROUPS`; `leaves_out_spellings`
    is whether some are not.
    """

    def __init__(self, targets: Sequence[LookupTarget]) -> None:
        spellings = _collect_spellings(targets)
        every = [[value, *others] for value, others in spellings.values()]
        fewest = -(-len(every) // MAX_VALUES)
        self.groups = _pack(every)
        self.leaves_out_spellings = len(self.groups) > max(fewest, MAX_SPELLED_GROUPS)
        if self.leaves_out_spellings:
            # International names are rare, and stored in either form.
            self.groups = _pack(
                [[value, *(one for one in others if not one.isascii())] for value, others in spellings.values()]
            )
        self._group_of: dict[str, int] = {}
        # The key of a value by the key of another spelling of it.
        self._key_of_spelling: dict[str, str] = {}
        for number, group in enumerate(self.groups):
            for value in group:
                key = comparison_key(value)
                if key in spellings:
                    self._group_of.setdefault(key, number)
        for key, (_, others) in spellings.items():
            for other in map(comparison_key, others):
                if other not in self._group_of:
                    self._key_of_spelling.setdefault(other, key)

    def numbers(self, target: LookupTarget) -> list[int]:
        """Return the numbers of the groups that contain the target's values."""
        return [self._group_of[comparison_key(value)] for value in target.searched_values]

    def number(self, key: str) -> int | None:
        """Return the number of the group that contains the value of a key."""
        return self._group_of.get(key)

    def key(self, value: str) -> str:
        """Return the key that a value and its other spellings have in common. A value of an answer may be spelt in a
        way that was not asked for, and has then the key of its canonical form.
        """
        own = comparison_key(value)
        if own in self._group_of:
            return own
        if own not in self._key_of_spelling:
            self._key_of_spelling[own] = _canonical_key(value)
        return self._key_of_spelling[own]


def _collect_spellings(targets: Sequence[LookupTarget]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the values of all targets with their other spellings, by key."""
    from cf1_mcp.indicators import classify, other_spellings

    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for target in targets:
        if not target.obstacle:
            found.setdefault(comparison_key(target.value), (target.value, target.spellings))
    for target in targets:
        for one in target.fallbacks:
            key = comparison_key(one.value)
            if key not in found:
                known = classify(one.value)
                found[key] = (one.value, other_spellings(known) if known else ())
    return found


def _pack(values: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return groups of values, each with its spellings in one group."""
    groups: list[list[str]] = []
    for one in values:
        if not groups or len(groups[-1]) + len(one) > MAX_VALUES:
            groups.append([])
        groups[-1] += one
    return groups


def _canonical_key(value: str) -> str:
    from cf1_mcp.indicators import classify

    known = classify(value)
    return comparison_key(known.value if known else value)

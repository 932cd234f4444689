"""The values of a look-up in groups, each of which is searched for with one request."""

from collections.abc import Sequence

from cf1_mcp.lookups.targets import LookupTarget, comparison_key
from cf1_mcp.search.conditions import MAX_VALUES
from cf1_mcp.text.defang import refang_indicator


class ValueGroups:
    """The distinct values of all targets in groups of up to `MAX_VALUES`.

    The groups are the same for every page of the look-up, so the result of a target does not depend on the page. If one
    group is enough, it is filled up with other spellings of the values, which then cost no further request.
    """

    def __init__(self, targets: Sequence[LookupTarget]) -> None:
        by_key = {comparison_key(value): value for target in targets for value in target.searched_values}
        values = [*by_key.values()]
        self.groups = [values[start : start + MAX_VALUES] for start in range(0, len(values), MAX_VALUES)]
        self.is_single = len(self.groups) == 1
        self._group_of = {comparison_key(value): number for number, group in enumerate(self.groups) for value in group}
        # The key of a value by the key of another spelling of it.
        self._key_of_spelling: dict[str, str] = {}
        if self.is_single:
            self._add_spellings(targets)

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

    def _add_spellings(self, targets: Sequence[LookupTarget]) -> None:
        group = self.groups[0]
        known = {*group}
        for target in targets:
            for spelling in target.spellings:
                if spelling in known or len(group) == MAX_VALUES:
                    continue
                known.add(spelling)
                group.append(spelling)
                if comparison_key(spelling) not in self._group_of:
                    self._key_of_spelling[comparison_key(spelling)] = comparison_key(target.value)


def _canonical_key(value: str) -> str:
    from cf1_mcp.indicators import classify

    known = classify(refang_indicator(value))
    return comparison_key(known.value if known else value)

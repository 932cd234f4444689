"""Events before and after a change, and which of both states a search finds."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from cf1_mcp.models import Condition, Event, EventSearch, NewEvent, SearchField
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.conditions.condition_matching import (
    CATEGORY_FIELDS,
    UNKNOWN_OF_NEW,
    KnownEvent,
    KnownIndicator,
    find_changed_fields,
    know_new,
    know_stored,
    match_condition,
    match_search,
)
from cf1_mcp.policy.conditions.condition_values import Verdict, all_of
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.uuids import id_key

EVERY_FIELD: Final[frozenset[SearchField]] = frozenset(SEARCHABLE)
HAS_CHILDREN: Final[frozenset[SearchField]] = frozenset({"hasChildren"})
NEW_IN_COPY: Final[frozenset[SearchField]] = frozenset({"createdAt", "hasChildren"})


@dataclass(frozen=True)
class Found:
    """Whether a search finds an event only after a change, only before it, or before and after it."""

    gains: Verdict
    loses: Verdict
    keeps: Verdict


@dataclass(frozen=True)
class Transition:
    """One event before and after a change. None is a state in which it does not exist.

    `makes_parent` says that the change may give the event its first child, or take its last one.
    """

    before: KnownEvent | None
    after: KnownEvent | None
    makes_parent: bool | None = None

    @property
    def name(self) -> str:
        """The uuid of the event, or what a preview calls it."""
        state = self.after or self.before
        return state.event.uuid if state else ""

    @cached_property
    def changed_fields(self) -> frozenset[SearchField]:
        if self.before is None or self.after is None:
            return EVERY_FIELD
        return find_changed_fields(self.before, self.after)

    @property
    def is_move(self) -> bool:
        """Whether the states are in different datasets."""
        keys = {id_key(state.event.dataset_id) for state in (self.before, self.after) if state}
        return len(keys) > 1

    @property
    def is_searchable(self) -> bool:
        """Whether a search can tell the states apart."""
        if self.before is None or self.after is None:
            return self.before is not self.after
        return self.is_move or bool(self.changed_fields)

    def as_seen_by(self, policy: ReadPolicy) -> "Transition":
        """Return the transition without what is withheld: tags of the event, and whether it has children, which may be
        withheld events.
        """
        if self.before is None or policy.sees_everything:
            return self
        hidden = {*self.before.event.tags} - {*policy.visible(self.before.event).tags}
        has_all_tags = policy.withheld_tags == frozenset()
        before = _with_children(_without_tags(self.before, hidden, has_all_tags), None)
        if self.after is None:
            return replace(self, before=before)
        after = _without_tags(self.after, hidden, has_all_tags)
        return replace(self, before=before, after=_with_children(after, self.makes_parent))

    def indicators_after(self, *, only_new: bool) -> list[str]:
        """Return the known indicators of the event after the change; `only_new` leaves out those it had before."""
        return _subtract(self.after, self.before if only_new else None)

    def indicators_before(self, *, only_old: bool) -> list[str]:
        """Return the known indicators of the event before the change; `only_old` leaves out those it keeps."""
        return _subtract(self.before, self.after if only_old else None)


def describe_creation(new: NewEvent, dataset_id: str, name: str, *, is_parent: bool = False) -> Transition:
    """Return the creation of an event. `name` stands for its uuid. A parent has no children yet, but will have."""
    known = know_new(new, dataset_id, name)
    return Transition(None, _with_children(known, None) if is_parent else known)


def describe_recreation(event: Event, dataset_id: str) -> Transition:
    """Return the creation of an event like a deleted one. Its links come later."""
    stored = know_stored(event.model_copy(update={"dataset_id": dataset_id}))
    unknown = stored.unknown | UNKNOWN_OF_NEW | HAS_CHILDREN
    return Transition(None, replace(stored, has_all_indicators=True, unknown=unknown, is_new=True))


def describe_deletion(event: Event) -> Transition:
    """Return the deletion of an event."""
    return Transition(know_stored(event), None)


def describe_update(event: Event, fields: Mapping[str, object]) -> Transition:
    """Return a change of fields of an event, by their snake-case names."""
    before = know_stored(event)
    after = event.model_copy(update=dict(fields))
    given = {name for name in SEARCHABLE if SEARCHABLE[name].name in fields}
    unknown = before.unknown - given
    if "category" in fields and after.category != event.category:
        unknown |= CATEGORY_FIELDS
    indicators = before.indicators
    if fields.keys() & {"indicator", "indicator_type"}:
        indicators = (KnownIndicator(after.indicator, after.indicator_type),) if after.indicator else ()
    return Transition(before, replace(before, event=after, indicators=indicators, unknown=unknown))


def describe_move(event: Event, dataset_id: str) -> Transition:
    """Return the move of an event to another dataset."""
    before = know_stored(event)
    return Transition(before, replace(before, event=event.model_copy(update={"dataset_id": dataset_id})))


def describe_copy(event: Event, dataset_id: str, policy: ReadPolicy) -> Transition:
    """Return the creation of a copy of an event, without the tags that are withheld. Its links come with it."""
    stored = know_stored(event.model_copy(update={"dataset_id": dataset_id}))
    hidden = {*event.tags} - {*policy.visible(event).tags}
    seen = _without_tags(stored, hidden, policy.withheld_tags == frozenset())
    return Transition(None, replace(seen, unknown=seen.unknown | NEW_IN_COPY, is_new=True))


def describe_new_children(event: Event, *, are_certain: bool) -> Transition:
    """Return the addition of links to an event. Whether a plain reference makes a child is not published."""
    before = know_stored(event)
    after = _with_children(before, True if are_certain or event.has_children else None)
    return Transition(before, after, makes_parent=True)


def describe_lost_children(event: Event) -> Transition:
    """Return the removal of links of an event, which may leave it without children."""
    before = know_stored(event)
    return Transition(before, _with_children(before, None) if event.has_children else before, makes_parent=False)


def describe_unread_parent(event_id: str, dataset_id: str, *, gains: bool) -> Transition:
    """Return the addition or removal of a child of an event of which nothing else is known."""
    parent = KnownEvent(Event(uuid=event_id, dataset_id=dataset_id), unknown=EVERY_FIELD)
    with_child = _with_children(parent, True)
    return Transition(parent, with_child, True) if gains else Transition(with_child, parent, False)


def _with_children(state: KnownEvent, has_children: Verdict) -> KnownEvent:
    if has_children is None:
        return replace(state, unknown=state.unknown | HAS_CHILDREN)
    event = state.event.model_copy(update={"has_children": has_children})
    return replace(state, event=event, unknown=state.unknown - HAS_CHILDREN)


def compare_states(transition: Transition, search: EventSearch, covered: tuple[Verdict, Verdict]) -> Found:
    """Return which state a search finds. `covered` says of both states whether the search includes their dataset."""
    before, after = transition.before, transition.after
    was = False if before is None else all_of((covered[0], match_search(before, search)))
    will = False if after is None else all_of((covered[1], match_search(after, search)))
    # An unknown condition on a field that does not change holds for both states or for none, so that alone the
    # conditions on what changes can make a difference.
    gains = was is not True and will is not False and _can_turn(transition, search, covered, forwards=True)
    loses = will is not True and was is not False and _can_turn(transition, search, covered, forwards=False)
    return Found(
        gains=(True if was is False and will is True else None) if gains else False,
        loses=(True if was is True and will is False else None) if loses else False,
        keeps=all_of((was, will)),
    )


def _can_turn(transition: Transition, search: EventSearch, covered: tuple[Verdict, Verdict], *, forwards: bool) -> bool:
    """Whether any condition may hold in the later state and not in the earlier one; backwards the other way round."""
    first, second = transition.before, transition.after
    if not forwards:
        first, second, covered = second, first, (covered[1], covered[0])
    if first is None or second is None:
        return second is not None
    if transition.is_move and covered[0] is not True and covered[1] is not False:
        return True
    every = [*search.search, *(one for branch in search.search_branches for one in branch)]
    changed = [condition for condition in every if condition.field in transition.changed_fields]
    return any(_may_begin(condition, first, second) for condition in changed)


def _may_begin(condition: Condition, first: KnownEvent, second: KnownEvent) -> bool:
    return match_condition(first, condition) is not True and match_condition(second, condition) is not False


def _without_tags(state: KnownEvent, hidden: AbstractSet[str], has_all_tags: bool) -> KnownEvent:
    tags = [tag for tag in state.event.tags if tag not in hidden]
    return replace(state, event=state.event.model_copy(update={"tags": tags}), has_all_tags=has_all_tags)


def _subtract(state: KnownEvent | None, other: KnownEvent | None) -> list[str]:
    """Return the indicators of a state without those of another state."""
    known = {_fold(one.value) for one in (other.indicators if other else ())}
    values = [one.value for one in (state.indicators if state else ())]
    return list(dict.fromkeys(value for value in values if _fold(value) not in known))


def _fold(value: str) -> str:
    return value.strip().casefold()

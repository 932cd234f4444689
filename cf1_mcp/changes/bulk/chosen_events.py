"""The events of a change: those that a call names, or those of a selection.

A selection is looked up whenever the change is planned, so that a confirmation code, which is bound to the payload, is
bound to the events that were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.changes.effect import MAX_WITHOUT_CODE, Effect, P, Planning
from cf1_mcp.context import ToolContext
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Dataset
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.selections.selection_handles import SelectedCount, Selection, find_selected, open_selection
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

CODE_PROBLEM: Final = (
    "this code is not for what the selection finds now: it finds other events than the preview showed, or one of them "
    "was changed"
)


@dataclass(frozen=True)
class ChosenEvents:
    """The ids of the events of a change.

    `made` says how many a selection had when it was made, `found` how many it has now; None if the call named the
    events.
    """

    ids: list[str]
    made: SelectedCount | None = None
    found: int = 0

    def describe(self, effect: Effect[P]) -> Effect[P]:
        """Return the effect with what there is to say of the selection, and with the need of a code where a person
        could not know from its search what is changed.
        """
        if self.made is None:
            return effect
        here, elsewhere = self.made.here, self.made.elsewhere
        differs = here is not None and here != self.found
        sentences: list[str] = []
        if differs:
            had = plural(here or 0, "event")
            sentences.append(f"The selection had {had} of this dataset when it was made, and has {self.found} now.")
        if elsewhere:
            others = plural(elsewhere, "event")
            sentences.append(f"The selection had {others} of other datasets too, which this leaves alone.")
        return replace(
            effect,
            needs_code=effect.needs_code or differs or len(self.ids) > MAX_WITHOUT_CODE,
            is_large=len(self.ids) > MAX_WITHOUT_CODE,
            warnings=(*effect.warnings, *sentences),
            code_problem=CODE_PROBLEM,
        )


@dataclass(frozen=True)
class RequestedEvents:
    """What a call says of its events: their ids, or a selection. `argument` is the one that lists ids."""

    ids: Sequence[str] = ()
    selection: Selection | None = None
    argument: str = "event_ids"

    async def find(
        self, planning: Planning, dataset: Dataset, dataset_argument: str = "dataset_id", without: str = ""
    ) -> ChosenEvents:
        """Return the events, without one of a selection that the change itself names.

        Raises:
            BadArgument: a selection has no event in the dataset, more than a change may touch, or cannot be relied on.
            Withheld: the call names more than a change may touch.
        """
        if self.selection is None:
            planning.check_size(len(self.ids), self.argument)
            return ChosenEvents([*self.ids])
        most, policy = planning.write_policy.settings.max_change, planning.write_policy.read_policy
        events = await find_selected(planning.client, self.selection, dataset, policy, most, dataset_argument)
        ids = [one for one in dict.fromkeys(id_key(event.uuid) for event in events) if one != id_key(without)]
        if len(ids) > most:
            raise BadArgument(
                "selection",
                f"it has more than {plural(most, 'event')} in this dataset, and CF1_MAX_CHANGE ({most}) allows at most "
                f"{most} a call",
                "a search of fewer: a shorter period (since, until) or more filters, and one call for each part",
            )
        if not ids:
            raise BadArgument(
                "selection",
                "it has no event in this dataset",
                f"another {dataset_argument}, or a search that finds some",
                words=[clean(dataset.name, MAX_NAME_LENGTH)],
            )
        return ChosenEvents(ids, self.selection.count_in(dataset), len(events))

    def name_in(self, planning: Planning) -> Planning:
        """Return the planning whose errors name the argument that the call gave."""
        return replace(planning, given={self.argument: "selection"}) if self.selection else planning


async def _choose_for_update(
    context: ToolContext,
    policy: CurrentReadPolicy,
    event_id: str | None,
    event_ids: list[str] | None,
    selection: str | None,
) -> RequestedEvents:
    if event_id and (event_ids or selection):
        valid = "event_id, or event_ids or a selection for the same change of several events"
        raise BadArgument("event_id", "events are given twice", valid)
    if event_id:
        return RequestedEvents([event_id], argument="event_id")
    return choose(context, policy, event_ids, selection, "event_ids")


def choose(
    context: ToolContext, policy: ReadPolicy, ids: Sequence[str] | None, selection: str | None, argument: str
) -> RequestedEvents:
    """Return what a call says of its events.

    Raises:
        BadArgument: it gives ids and a selection, or neither, or what it gives is not a selection.
    """
    if bool(ids) == bool(selection):
        problem = f"{argument} and selection are both given" if ids else "no event is given"
        raise BadArgument(argument, problem, f"either {argument}, or the selection of a search with select=true")
    if not selection:
        return RequestedEvents([*(ids or ())], argument=argument)
    sealer = context.request_context.lifespan_context.sealer
    return RequestedEvents(selection=open_selection(selection, sealer, policy), argument=argument)


async def _choose_events(
    context: ToolContext, policy: CurrentReadPolicy, event_ids: list[str] | None, selection: str | None
) -> RequestedEvents:
    return choose(context, policy, event_ids, selection, "event_ids")


async def _choose_related(
    context: ToolContext, policy: CurrentReadPolicy, related_ids: list[str] | None, selection: str | None
) -> RequestedEvents:
    return choose(context, policy, related_ids, selection, "related_ids")


EventChoice = Annotated[RequestedEvents, Resolve(_choose_events)]
UpdateChoice = Annotated[RequestedEvents, Resolve(_choose_for_update)]
RelatedChoice = Annotated[RequestedEvents, Resolve(_choose_related)]

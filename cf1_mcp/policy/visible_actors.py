"""The entries of the shared catalogue of actors that may be shown, as they may be shown.

The catalogue is the same for every account, so an entry does not tell of events. Its own markings count, as do those of
the account's tags: what is withheld as a tag is withheld as a name as well.
"""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.errors import ApiError
from cf1_mcp.models import CatalogActor
from cf1_mcp.policy.read_policy import ReadPolicy

# The fields of an entry by their names on the wire, which single markings refer to.
TEXTS: Final = {"description": "description", "dateOfDiscovery": "date_of_discovery", "confidence": "confidence"}
LISTS: Final = {
    "aliases": "aliases",
    "aliasGroupNames": "alias_group_names",
    "originCountryISO": "origin_country",
    "externalReferences": "external_references",
}


async def readable_actors(vocabulary: Vocabulary, policy: ReadPolicy) -> tuple[list[CatalogActor], ApiError | None]:
    """Return the entries that may be shown, and why there are none if the catalogue cannot be read.

    Where it is unknown which tags are withheld, no entry is shown.
    """
    catalog = await vocabulary.actors()
    if policy.withheld_tags is None:
        return [], catalog.failure
    shown = (_visible(actor, policy) for actor in catalog.actors)
    return [actor for actor in shown if actor is not None], catalog.failure


def _visible(actor: CatalogActor, policy: ReadPolicy) -> CatalogActor | None:
    """Return an entry without what is withheld of it; None if all of it is.

    An entry without a marking counts as amber, as an event does. A value without one is marked as its entry.
    """
    if policy.is_above_ceiling(actor.tlp) or _is_withheld(actor, "value", actor.value, policy):
        return None
    changes: dict[str, str | Sequence[str]] = {}
    for wire, name in LISTS.items():
        values: list[str] = getattr(actor, name)
        if len(kept := [value for value in values if not _is_withheld(actor, wire, value, policy)]) < len(values):
            changes[name] = kept
    for wire, name in TEXTS.items():
        if _is_withheld(actor, wire, getattr(actor, name), policy):
            changes[name] = ""
    return actor.model_copy(update=changes) if changes else actor


def _is_withheld(actor: CatalogActor, field: str, value: str, policy: ReadPolicy) -> bool:
    above = [one for one in actor.field_markings if one.field == field and policy.is_above_ceiling(one.tlp)]
    return policy.names_withheld_tag(value) or any(one.value in ("", value) for one in above)

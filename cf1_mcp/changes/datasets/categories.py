"""Creating a category. Every dataset of the account gets it, and nothing takes it back from here."""

import re
from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import ChangeKind, Effect, Payload, Planner, Result
from cf1_mcp.changes.outcomes.account_looks import look_for_category
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out
from cf1_mcp.context import AccountVocabulary
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Category, CategoryFields
from cf1_mcp.policy.dataset_rules import check_line, require_every_dataset
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.policy.visible_words import fold
from cf1_mcp.text.sanitize import clean

_TECHNIQUE: Final = re.compile(r"TA?\d{4}(?:\.\d{3})?")
WARNING: Final = "Everybody who uses the account gets it in every list of categories."
NO_UNDO: Final = "This cannot be undone from here: events may have the category by then."


class CreateCategory(Payload):
    """A new category."""

    fields: CategoryFields


async def plan_category(
    planning: Planner, vocabulary: AccountVocabulary, name: str, kill_chain: int, mitre_attack: list[str] | None
) -> Effect[CreateCategory]:
    """Check the fields of a new category, and that what concerns every dataset may be changed.

    Raises:
        Withheld: CF1_WRITE_DATASETS is not `*`.
        BadArgument: the name is not valid or is taken, or a technique is not one.
    """
    require_every_dataset(planning.write_policy, "A new category, which is for every dataset,")
    line = name.strip()
    check_line(line, "name")
    if fold(line) in map(fold, await vocabulary.categories()):
        raise BadArgument("name", f"there is a category {clean(line, MAX_CELL_LENGTH)!r}", "it, or another name")
    techniques = list(dict.fromkeys(text.strip().upper() for text in mitre_attack or ()))
    if wrong := [text for text in techniques if not _TECHNIQUE.fullmatch(text)]:
        problem = f"{clean(wrong[0], MAX_CELL_LENGTH)!r} is not an id of MITRE ATT&CK"
        raise BadArgument("mitre_attack", problem, "ids such as T1566, T1566.002 or TA0001")
    given: dict[str, object] = {"name": line, "kill_chain": kill_chain}
    fields = CategoryFields.model_validate(given | ({"mitre_attack": techniques} if techniques else {}))
    ids = f", with {', '.join(techniques)}" if techniques else ""
    return Effect(
        kind=CATEGORY_CREATION,
        payload=CreateCategory(fields=fields),
        datasets=(),
        summary=f"Create the category {line!r} in phase {kill_chain} of the kill chain{ids}.",
        warnings=(WARNING,),
        undo=NO_UNDO,
        needs_code=True,
        can_undo=False,
        size=0,
    )


async def create_category(client: ThreatEventsClient, payload: CreateCategory) -> Result:
    """Create the category, and report where the answer differs from what was sent."""
    fields = payload.fields
    report = partial(_report, fields)
    try:
        created = await client.create_category(fields)
    except ApiError as error:
        return await find_out(error, partial(look_for_category, client, fields.name, report))
    return report(created)


def _report(fields: CategoryFields, created: Category) -> Result:
    facts: dict[str, JsonValue] = {"category_id": created.uuid} if created.uuid else {}
    differs: list[JsonValue] = []
    for name, sent, answered in (
        ("name", fields.name, created.name),
        ("kill_chain", fields.kill_chain, created.kill_chain),
        ("mitre_attack", sorted(fields.mitre_attack or ()), sorted(created.mitre_attack)),
    ):
        if answered != sent and answered is not None:
            differs.append({"field": name, "sent": str(sent), "answered": clean(str(answered), MAX_CELL_LENGTH)})
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


CATEGORY_CREATION = ChangeKind("create_threat_category", ToolEffect.CREATE, CreateCategory, create_category, None)

"""Creating a threat event."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Planned, Result, journaled
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Country, Description, HomeDataset, Marking, Moment, NewTags, RawData
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.validation import Checker, Given, checked_raw, checked_tags, checked_text, differing, read_as
from cf1_mcp.models import NewEvent, NewRaw
from cf1_mcp.policy.writing import Writer


async def _plan(
    writing: Writer,
    checking: Checker,
    given: Given,
    dataset_id: str,
    tags: list[str] | None,
    raw_data: dict[str, JsonValue] | None,
    raw_source: str | None,
    raw_tlp: str | None,
) -> Effect:
    dataset = writing.to_write(dataset_id)
    if given.get("indicator_type") and not given.get("indicator"):
        raise BadArgument("indicator_type", "there is no indicator of this type", "indicator as well, or neither")
    raw: dict[str, object] = {"data": checked_raw(raw_data) if raw_data is not None else None}
    if raw_source is not None:
        raw["source"] = checked_text(raw_source, "raw_source")
    if raw_tlp:
        raw["tlp"] = checking.marking(raw_tlp, "raw_tlp")
    fields = await checking.fields(given)
    labels: dict[str, object] = {"tags": checked_tags(tags)} if tags else {}
    new = NewEvent.model_validate(
        {**fields, **labels, "dataset_id": dataset.uuid, "raw": NewRaw.model_validate(raw)}, by_name=True
    )
    return Effect(
        tool="create_threat_event",
        arguments=new.wire(),
        datasets=(dataset.uuid,),
        summary=f"Create an event of category {new.category!r}, marked {new.tlp}, in dataset {dataset.name!r}.",
        before=None,
        undo="undo_change deletes the event again.",
        needs_code=False,
        read_as=read_as(given, fields),
    )


Creation = Annotated[Planned, Resolve(journaled(_plan))]


@CURATION.tool("Create a threat event", ToolEffect.CREATE)
async def create_threat_event(
    client: Client,
    plan: Creation,
    dataset_id: HomeDataset,
    category: str,
    date: Moment,
    event: Description,
    tlp: Marking,
    attacker: str | None = None,
    attacker_country: Country = None,
    indicator: str | None = None,
    indicator_type: str | None = None,
    insight: str | None = None,
    target_country: Country = None,
    target_industry: str | None = None,
    tags: NewTags | None = None,
    raw_data: RawData = None,
    raw_source: str | None = None,
    raw_tlp: str | None = None,
) -> Card:
    """Create one event in one dataset: record a sighting, report or add an incident, an indicator that you observed, a
    finding of your own. For several at once use import_threat_events. list_threat_vocabulary tells valid categories,
    industries and indicator types.
    """
    return await plan.carry_out(lambda: _create(client, plan))


async def _create(client: ThreatEventsClient, plan: Planned) -> Result:
    new = NewEvent.model_validate(plan.effect.arguments)
    made = await client.create_event(new)
    sent = {name: value for name in type(made).model_fields if isinstance(value := getattr(new, name, None), str)}
    differs = differing(sent, made)
    kept = {tag.casefold() for tag in made.tags}
    if lost := [tag for tag in new.tags or () if tag.casefold() not in kept]:
        differs.append({"field": "tags", "not_set": [*lost]})
    facts: dict[str, JsonValue] = {"created": [{"row": 0, "uuid": made.uuid}]}
    return Result("partial", {**facts, "differs": differs}) if differs else Result("done", facts)

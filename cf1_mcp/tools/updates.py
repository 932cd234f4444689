"""Changing fields of a threat event, and its raw evidence."""

from typing import Annotated, Any

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.updates import plan_update
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import (
    Confirm,
    Country,
    EventId,
    EventIds,
    HomeDataset,
    Marking,
    Moment,
    RawData,
    Selection,
)
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.text.lenient import none_if_empty

OneEvent = Annotated[EventId | None, BeforeValidator(none_if_empty)]
Several = Annotated[
    EventIds | None, Field(description="Instead of event_id: events to change alike"), BeforeValidator(none_if_empty)
]
Update = Annotated[Planned[Any], Resolve(approved(plan_update))]


@CURATION.tool("Update a threat event", ToolEffect.UPDATE)
async def update_threat_event(
    client: Client,
    plan: Update,
    dataset_id: HomeDataset,
    event_id: OneEvent = None,
    event_ids: Several = None,
    selection: Selection = None,
    category: str | None = None,
    date: Moment | None = None,
    event: str | None = None,
    tlp: Marking | None = None,
    attacker: str | None = None,
    attacker_country: Country = None,
    indicator: str | None = None,
    indicator_type: str | None = None,
    insight: str | None = None,
    target_country: Country = None,
    target_industry: str | None = None,
    raw_data: RawData = None,
    raw_source: str | None = None,
    raw_tlp: str | None = None,
    confirm: Confirm = None,
) -> Card:
    """Change or correct fields of one event, or of several alike, or its raw evidence: a wrong attribution, attacker,
    country or date, a higher TLP marking. Only given fields are replaced; an empty text clears a field. Lowering a TLP
    marking, changing many events, or feeding a block list or an alert, first returns a preview with a code. For tags
    use tag_threat_events.
    """
    return plan.preview or await plan.carry_out(client)

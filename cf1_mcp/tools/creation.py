"""Creating a threat event."""

from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.creation import CreateEvent, plan_creation
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import (
    Confirm,
    Country,
    Description,
    HomeDataset,
    Marking,
    Moment,
    NewTags,
    RawData,
    SourceArticle,
)
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION

Creation = Annotated[Planned[CreateEvent], Resolve(approved(plan_creation))]


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
    source_article: SourceArticle = None,
    confirm: Confirm = None,
) -> Card:
    """Create one event in one dataset: record a sighting, report or add an incident, an indicator that you observed, a
    finding of your own. If it feeds a block list, a preview with a code comes first. For several at once use
    import_threat_events. list_threat_vocabulary lists valid categories, industries and indicator types.
    """
    return plan.preview or await plan.carry_out(client)

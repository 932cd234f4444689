"""The datasets of the account and the values of its vocabularies; creating, renaming and reverting
datasets; creating categories."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, Literal

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.vocabulary import Kind
from cf1_mcp.changes.datasets.categories import CreateCategory, plan_category
from cf1_mcp.changes.datasets.new_datasets import CreateDataset, plan_new_dataset
from cf1_mcp.changes.datasets.renaming import RenameDataset, plan_rename
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.reverts import RevertDataset, plan_revert, revert_dataset
from cf1_mcp.context import AccountVocabulary, Client
from cf1_mcp.contracts.arguments import Confirm, Cursor, Limit
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION, EVENTS
from cf1_mcp.errors import NotFound, Refused
from cf1_mcp.models import Dataset
from cf1_mcp.policy.read_policy import DATASET_RULE, CurrentReadPolicy
from cf1_mcp.policy.visible_words import readable_words
from cf1_mcp.search.guide import SearchGuide
from cf1_mcp.search.words.spelling import load_spelling
from cf1_mcp.search.words.suggestions import nearest_words
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.sanitize import clean

# 30 days in minutes, the limit of the point-in-time recovery of Durable Objects. The API publishes none.
MAX_MINUTES_AGO: Final = 43_200

UNKNOWN: Final = "unknown"
DEFAULT_DATASET_ONLY: Final = "These are the values of the API's default dataset: it did not list those of the others."

NO_VOCABULARY: Final = "This account does not list its {}. Use words as search_threat_events shows them in its events."
ThisDataset = Annotated[str, Field(description="Dataset name or uuid")]
Minutes = Annotated[int, Field(ge=1, le=MAX_MINUTES_AGO)]
Revert = Annotated[Planned[RevertDataset], Resolve(approved(plan_revert))]
NewName = Annotated[str, Field(description="A name that no dataset has")]
Creation = Annotated[Planned[CreateDataset], Resolve(approved(plan_new_dataset))]
Renaming = Annotated[Planned[RenameDataset], Resolve(approved(plan_rename))]
Phase = Annotated[int, Field(ge=0, le=20)]
Techniques = Annotated[Words, Field(description="Ids of MITRE ATT&CK", max_length=20)]
NewCategory = Annotated[Planned[CreateCategory], Resolve(approved(plan_category))]
Contains = Annotated[str | None, Field(description="Only values that contain this")]


@EVENTS.tool("List threat datasets", ToolEffect.READ)
async def list_threat_datasets(read_policy: CurrentReadPolicy, paging: CurrentPaging, cursor: Cursor = None) -> Rows:
    """List the datasets that can be read: which sources or collections of events exist, with name, uuid and kind. Use
    it when a question names a dataset or an answer's datasets need explaining. For the events in them use
    search_threat_events.
    """
    rows = [
        [
            clean(dataset.name, MAX_CELL_LENGTH),
            dataset.uuid,
            _describe(dataset, "is_analytics", "analytics", "operational"),
            _describe(dataset, "is_public", "public", "private"),
        ]
        for dataset in read_policy.datasets
    ]
    notes = [f"The operator restricts which datasets are listed ({DATASET_RULE})."] if read_policy.restricted else []
    return fit_list("datasets", ("name", "uuid", "kind", "access"), rows, paging, notes=notes)


def _describe(dataset: Dataset, flag: str, yes: str, no: str) -> str:
    value = None if flag in dataset.unreadable else getattr(dataset, flag)
    return UNKNOWN if value is None else yes if value else no


@EVENTS.tool("List threat vocabulary", ToolEffect.READ)
async def list_threat_vocabulary(
    vocabulary: AccountVocabulary,
    read_policy: CurrentReadPolicy,
    paging: CurrentPaging,
    kind: Annotated[Literal[Kind, "search_guide"], Field(description="Which values")],
    contains: Contains = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Answer:
    """List the values the account knows: threat actors, categories, countries, industries (sectors), indicator types,
    tags. Use it to find the exact spelling or alias before a search or a filter, or when a search finds nothing. It
    returns no events: for those use search_threat_events. Kind search_guide explains how to write a search, with
    examples.
    """
    if kind == "search_guide":
        return SearchGuide()
    part = (contains or "").casefold()
    try:
        known = await readable_words(vocabulary, read_policy, kind)
    except (NotFound, Refused) as error:
        raise NotFound(NO_VOCABULARY.format(kind.replace("_", " ")), error.status, error.said) from error
    found = [word for word in known if part in word.casefold()]
    rows = [[clean(word, MAX_CELL_LENGTH)] for word in found]
    listed = fit_list("values", (kind,), rows, paging, limit, kind=kind, contains=contains)
    if kind in vocabulary.partial_kinds:
        listed = replace(listed, notes=[*listed.notes, DEFAULT_DATASET_ONLY])
    meant: Sequence[str] = nearest_words(part, known) if not rows else []
    if kind == "attackers" and part and not rows:
        # An alias, which events do not have.
        read = (await load_spelling(vocabulary, read_policy, ["attacker"])).read("attacker", part)
        meant = read.suggestions if read.spellings == (read.typed,) else read.spellings
    return replace(listed, untrusted={"near": [clean(word, MAX_CELL_LENGTH) for word in meant]}) if meant else listed


@CURATION.tool("Create a threat dataset", ToolEffect.CREATE)
async def create_threat_dataset(client: Client, plan: Creation, name: NewName, confirm: Confirm = None) -> Card:
    """Create an empty, private dataset: a new collection for a source, a case or a quarantine, to create, import, copy
    or move events into. The existing ones are in list_threat_datasets.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Update a threat dataset", ToolEffect.UPDATE)
async def update_threat_dataset(
    client: Client, plan: Renaming, dataset_id: ThisDataset, name: NewName, confirm: Confirm = None
) -> Card:
    """Rename a dataset; its uuid, its events and who may search it stay. Without `confirm` it changes nothing and
    returns a preview with the code.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Create a threat category", ToolEffect.CREATE)
async def create_threat_category(
    client: Client,
    plan: NewCategory,
    name: str,
    kill_chain: Phase,
    mitre_attack: Techniques | None = None,
    confirm: Confirm = None,
) -> Card:
    """Create a category for the whole account, when none of those in list_threat_vocabulary fits: events get their kill
    chain phase and ATT&CK ids from it. Without `confirm` it changes nothing and returns a preview with the code.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Revert a threat dataset", ToolEffect.DELETE)
async def revert_threat_dataset(
    client: Client, plan: Revert, dataset_id: ThisDataset, minutes_ago: Minutes, confirm: Confirm = None
) -> Card:
    """Revert a whole dataset to its state some minutes ago; all later work in it, by anyone, is lost. A last resort, to
    roll it back after a bad import or script. Without `confirm` it changes nothing and returns a preview with the code.
    To take back one change use undo_change.
    """
    return plan.preview or await plan.record(partial(revert_dataset, client, plan.effect.payload, plan.server.clock))

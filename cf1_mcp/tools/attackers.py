"""Profiling one threat actor, or comparing two."""

from functools import partial
from typing import Annotated, Final

from pydantic import Field

from cf1_mcp.answers.answer import Answer
from cf1_mcp.api.concurrency import gather
from cf1_mcp.context import AccountVocabulary, Client, Now
from cf1_mcp.contracts.arguments import DatasetIds, Until
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import INDICATORS
from cf1_mcp.errors import BadArgument
from cf1_mcp.policy.dataset_scope import ReadScope
from cf1_mcp.profiles.actor import resolve_actor
from cf1_mcp.profiles.actor_comparison import (
    read_compared_actor,
    render_comparison,
    select_linked_campaigns,
)
from cf1_mcp.profiles.profile import read_profile, render_profile
from cf1_mcp.profiles.sampling import resolve_profile_period
from cf1_mcp.search.words.spelling import load_spelling

MAX_ATTACKER_LENGTH: Final = 200
Attacker = Annotated[str, Field(description="Name or alias", max_length=MAX_ATTACKER_LENGTH)]
Compare = Annotated[str | None, Field(description="Another actor: what both share", max_length=MAX_ATTACKER_LENGTH)]

Since = Annotated[str | None, Field(description="Earliest date, default 90d: ISO, or relative as 7d")]


@INDICATORS.tool("Profile an attacker", ToolEffect.READ)
async def profile_attacker(
    client: Client,
    scope: ReadScope,
    vocabulary: AccountVocabulary,
    now: Now,
    attacker: Attacker,
    compare: Compare = None,
    since: Since = None,
    until: Until = None,
    dataset_ids: DatasetIds = None,
) -> Answer:
    """Profile one threat actor, a dossier on an adversary in one call: who is behind a name, aliases, first and latest
    activity by month, aims and victims (countries, industries), TTPs, tools, infrastructure, campaigns, what is new or
    gone since the period before. With `compare` instead: what two actors have in common.
    """
    period = resolve_profile_period(since, until, now)
    spelling = await load_spelling(vocabulary, scope.policy, ["attacker"])
    one = resolve_actor(spelling, attacker, "attacker")
    if compare is None or not compare.strip():
        return render_profile(one, await read_profile(client, scope, one, period), period, scope)
    other = resolve_actor(spelling, compare, "compare")
    if {name.casefold() for name in one.names} & {name.casefold() for name in other.names}:
        raise BadArgument("compare", "it names the same actor as attacker", "another actor, or leave it out")
    read = partial(read_compared_actor, client, scope, period)
    found = await gather(partial(read, actor) for actor in (one, other))
    left, right = await select_linked_campaigns(client, scope, *found)
    return render_comparison(left, right, period, scope)

"""Completions for the arguments of playbooks and of resource addresses.

The values come from the account's vocabularies, under the same rules as list_threat_vocabulary. A client requests
completions at every key press, so a failure or a slow API gives no completions instead of an error.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

import anyio
from mcp.server import ServerRequestContext
from mcp.types import CompleteRequestParams, CompleteResult, Completion, PromptReference, ResourceTemplateReference

from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.context import ServerContext
from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.models import Tlp
from cf1_mcp.models.fields import EVENT_FIELDS
from cf1_mcp.models.queries import AlertFrequency
from cf1_mcp.policy.read_policy import ReadPolicy, load_read_policy
from cf1_mcp.policy.visible_words import readable_words
from cf1_mcp.server.resources import EVENT_ADDRESS
from cf1_mcp.text.sanitize import clean

# The protocol's limit for one response.
MAX_COMPLETIONS: Final = 100
MAX_COMPLETION_LENGTH: Final = 160
MIN_CODE_LENGTH: Final = 2
# People who are typing do not wait longer.
MAX_SECONDS: Final = 5.0

# Vocabularies that are the same in every account.
FixedKind = Literal["markings", "frequencies"]
FIXED: Final[Mapping[FixedKind, Sequence[str]]] = {"markings": [*Tlp], "frequencies": get_args(AlertFrequency)}
CompletedKind = Kind | FixedKind

# The vocabulary that completes an argument by its name, where the playbook does not declare one.
VOCABULARY_BY_NAME: Final[Mapping[str, CompletedKind]] = {
    **{field.name: field.vocabulary for field in EVENT_FIELDS if field.vocabulary},
    "country": "countries",
    "dataset": "datasets",
    "dataset_id": "datasets",
    "industry": "industries",
    "tag": "tags",
    "tlp": "markings",
    "frequency": "frequencies",
}

Reference = PromptReference | ResourceTemplateReference
# The vocabularies that a playbook declares for one of its arguments: (playbook, argument) -> vocabularies.
Declaration = Callable[[str, str], Awaitable[Sequence[CompletedKind]]]
Handler = Callable[[ServerRequestContext[ServerContext, Any], CompleteRequestParams], Awaitable[CompleteResult]]


async def declare_nothing(playbook: str, argument: str) -> Sequence[CompletedKind]:
    """Declare no vocabulary, so that the name of the argument decides."""
    return ()


async def vocabularies_for(
    reference: Reference, argument: str, declared: Declaration = declare_nothing
) -> Sequence[CompletedKind]:
    """Return the vocabularies that complete an argument, in the order in which they are offered."""
    if isinstance(reference, PromptReference):
        named = VOCABULARY_BY_NAME.get(argument)
        return await declared(reference.name, argument) or ([named] if named else [])
    return ["datasets"] if (reference.uri, argument) == (EVENT_ADDRESS, "dataset_id") else []


async def complete(vocabulary: Vocabulary, policy: ReadPolicy, kind: CompletedKind, typed: str) -> list[str]:
    """Return the values that match what was typed, ignoring case: equal, then starting with it, then containing it.

    Raises:
        ThreatEventsError: the vocabulary cannot be read.
    """
    text = typed.strip().casefold()
    found = [name for name in await _names(vocabulary, policy, kind) if text in name.casefold()]
    if len(text) >= MIN_CODE_LENGTH:
        found += [code for code in await _codes(vocabulary, policy, kind) if code.casefold().startswith(text)]
    shown = [clean(value, MAX_COMPLETION_LENGTH) for value in sorted(found, key=lambda value: _rank(value, text))]
    return list(dict.fromkeys(shown))


def completion_handler(declared: Declaration = declare_nothing) -> Handler:
    """Return the handler of completion/complete."""

    async def handle(
        request: ServerRequestContext[ServerContext, Any], params: CompleteRequestParams
    ) -> CompleteResult:
        server = request.lifespan_context
        kinds = await vocabularies_for(params.ref, params.argument.name, declared)
        values: dict[str, None] = {}
        # Where the operator switched the read tools off, completions must not reveal their values.
        if kinds and "events" in server.settings.toolsets:
            with anyio.move_on_after(MAX_SECONDS):
                for kind in kinds:
                    values |= dict.fromkeys(await _complete_or_nothing(server, kind, params.argument.value))
        return CompleteResult(completion=_page([*values]))

    return handle


async def _complete_or_nothing(server: ServerContext, kind: CompletedKind, typed: str) -> list[str]:
    vocabulary = server.vocabulary
    try:
        return await complete(vocabulary, await load_read_policy(vocabulary, server.settings), kind, typed)
    except ThreatEventsError:
        return []


def _page(values: Sequence[str]) -> Completion:
    shown = list(values[:MAX_COMPLETIONS])
    return Completion(values=shown, total=len(values), has_more=len(values) > len(shown))


async def _names(vocabulary: Vocabulary, policy: ReadPolicy, kind: CompletedKind) -> list[str]:
    match kind:
        case "markings" | "frequencies":
            return [*FIXED[kind]]
        case "countries":
            return [country.name for country in await vocabulary.country_list()]
        case _:
            return await readable_words(vocabulary, policy, kind)


async def _codes(vocabulary: Vocabulary, policy: ReadPolicy, kind: CompletedKind) -> list[str]:
    """Return the codes or uuids that stand for the names: not offered in a list, but people type or paste them."""
    match kind:
        case "countries":
            return [country.alpha2 for country in await vocabulary.country_list()]
        case "datasets":
            return [dataset.uuid for dataset in policy.datasets]
        case _:
            return []


def _rank(value: str, typed: str) -> int:
    word = value.casefold()
    return 0 if word == typed else 1 if word.startswith(typed) else 2

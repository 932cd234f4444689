"""Completions: what a person may mean who types an argument of a playbook or of a resource's address.

They come from the live vocabularies under the rules of list_threat_vocabulary. A client asks at every key, so whatever
fails or takes long gives no completions instead of an error.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import anyio
from mcp.server import ServerRequestContext
from mcp.types import CompleteRequestParams, CompleteResult, Completion, PromptReference, ResourceTemplateReference

from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.context import ServerContext
from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.models.fields import EVENT_FIELDS
from cf1_mcp.policy.reading import Reading, readable_words, reading_rules
from cf1_mcp.server.resources import EVENT_ADDRESS
from cf1_mcp.text.sanitize import clean

# The protocol's own limit for one answer.
MAX_COMPLETIONS: Final = 100
MAX_COMPLETION_LENGTH: Final = 160
MIN_CODE_LENGTH: Final = 2
# Seconds. Nobody who is typing waits longer.
TIMEOUT: Final = 5.0

# Which vocabulary completes an argument of this name, where the playbook does not say.
BY_NAME: Final[Mapping[str, Kind]] = {
    **{field.name: field.vocabulary for field in EVENT_FIELDS if field.vocabulary},
    "country": "countries",
    "dataset": "datasets",
    "dataset_id": "datasets",
    "industry": "industries",
    "tag": "tags",
}

Reference = PromptReference | ResourceTemplateReference
# What a playbook declares for one of its arguments: (playbook, argument) -> vocabulary.
Declared = Callable[[str, str], Awaitable[Kind | None]]
Handler = Callable[[ServerRequestContext[ServerContext, Any], CompleteRequestParams], Awaitable[CompleteResult]]


async def nothing_declared(playbook: str, argument: str) -> Kind | None:
    """For playbooks that leave it to the names of their arguments."""
    return None


async def vocabulary_for(reference: Reference, argument: str, declared: Declared = nothing_declared) -> Kind | None:
    """The vocabulary that completes an argument, if one does."""
    if isinstance(reference, PromptReference):
        return await declared(reference.name, argument) or BY_NAME.get(argument)
    return "datasets" if (reference.uri, argument) == (EVENT_ADDRESS, "dataset_id") else None


async def complete(words: Vocabulary, reading: Reading, kind: Kind | None, typed: str) -> list[str]:
    """All values that begin with what was typed, then those that hold it, whatever its case. The very word comes first.

    Raises:
        ThreatEventsError: the vocabulary cannot be read.
    """
    if kind is None:
        return []
    wanted = typed.strip().casefold()
    found = [name for name in await _names(words, reading, kind) if wanted in name.casefold()]
    if len(wanted) >= MIN_CODE_LENGTH:
        found += [code for code in await _codes(words, reading, kind) if code.casefold().startswith(wanted)]
    shown = [clean(value, MAX_COMPLETION_LENGTH) for value in sorted(found, key=lambda value: _rank(value, wanted))]
    return list(dict.fromkeys(shown))


def completing(declared: Declared = nothing_declared) -> Handler:
    """The handler of completion/complete."""

    async def handle(
        request: ServerRequestContext[ServerContext, Any], params: CompleteRequestParams
    ) -> CompleteResult:
        server = request.lifespan_context
        kind = await vocabulary_for(params.ref, params.argument.name, declared)
        values: list[str] = []
        # Whose operator switched the reading tools off gets their words by no other way.
        if kind and "events" in server.settings.toolsets:
            with anyio.move_on_after(TIMEOUT):
                values = await _known(server, kind, params.argument.value)
        return CompleteResult(completion=_page(values))

    return handle


async def _known(server: ServerContext, kind: Kind, typed: str) -> list[str]:
    words = server.vocabulary
    try:
        return await complete(words, await reading_rules(words, server.settings), kind, typed)
    except ThreatEventsError:
        return []


def _page(values: Sequence[str]) -> Completion:
    shown = list(values[:MAX_COMPLETIONS])
    return Completion(values=shown, total=len(values), has_more=len(values) > len(shown))


async def _names(words: Vocabulary, reading: Reading, kind: Kind) -> list[str]:
    if kind == "countries":
        return [country.name for country in await words.country_list()]
    return await readable_words(words, reading, kind)


async def _codes(words: Vocabulary, reading: Reading, kind: Kind) -> list[str]:
    """What stands for a name beside it: nobody picks it from a list, but people begin to type or paste it."""
    match kind:
        case "countries":
            return [country.alpha2 for country in await words.country_list()]
        case "datasets":
            return [dataset.uuid for dataset in reading.datasets]
        case _:
            return []


def _rank(value: str, wanted: str) -> int:
    word = value.casefold()
    return 0 if word == wanted else 1 if word.startswith(wanted) else 2

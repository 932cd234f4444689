"""`cf1-mcp doctor`: checks the settings, reaches the API, and tells which parts of it the account has."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from pydantic import JsonValue, RootModel
from rich.console import Console
from rich.text import Text

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.connection import Connect, Query
from cf1_mcp.cli.recording import ACTORS, GRAPH, Exchange, ExchangeRecorder, write_recording
from cf1_mcp.context import utc_now
from cf1_mcp.errors import ThreatEventsError, choices
from cf1_mcp.models import Condition, Dataset, Event, EventPage, EventSearch, GraphqlAnswer
from cf1_mcp.policy.datasets import DatasetIndex, dataset_names, dataset_uuids
from cf1_mcp.policy.read_policy import DATASET_RULE
from cf1_mcp.policy.write_policy import DELETE_RULE, WRITE_RULE
from cf1_mcp.server.mcp_server import build_client
from cf1_mcp.settings import EVERY_DATASET, Settings
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

WORKING, NOT_WORKING = 0, 1
MAX_DATASETS_READ: Final = 10
PERIOD: Final = timedelta(days=30)
MAX_REASON_LENGTH: Final = 1_000
T = TypeVar("T")
SCHEMA: Final = """
{ __schema { queryType { name } types { kind name enumValues { name } inputFields { name type { ...Type } }
  fields { name args { name type { ...Type } } type { ...Type } } } } }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
"""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check. `works` is None for an optional part that the account lacks; `said` has the reason and
    the next step."""

    name: str
    works: bool | None
    said: str


@dataclass
class Examination:
    """The checks of one account, in their order."""

    client: ThreatEventsClient
    settings: Settings
    now: datetime
    findings: list[Finding] = field(default_factory=list[Finding])

    async def run(self) -> list[Finding]:
        """Run every check. Only requests that read are sent. Where a needed one fails, the later ones are left out."""
        self._note_settings()
        account = await self._read("datasets", self.client.list_datasets(), self._describe_datasets, needed=True)
        if account is None:
            return self.findings
        self._check_lists(account)
        datasets = self._list_readable(account)
        if not datasets:
            return self.findings
        event = await self._find_event(datasets)
        await self._read_vocabularies(datasets[0].uuid)
        if event is not None:
            await self._read_event(event)
        await self._read_optional_parts()
        return self.findings

    def _note_settings(self) -> None:
        settings = self.settings
        where = settings.base_url if settings.credentials else "the embedded sandbox, because no credentials are set"
        said = f"{where}; mode {settings.mode}, up to TLP:{settings.max_tlp.value.upper()}"
        self.findings.append(Finding("settings", True, said))

    async def _read(
        self, name: str, answer: Awaitable[T], describe: str | Callable[[T], str], *, needed: bool = False
    ) -> T | None:
        """Return the answer of one check, None if it failed, and note the finding."""
        try:
            found = await answer
        except ThreatEventsError as error:
            self.findings.append(Finding(name, False if needed else None, error.sentence))
            return None
        self.findings.append(Finding(name, True, describe if isinstance(describe, str) else describe(found)))
        return found

    def _list_readable(self, account: Sequence[Dataset]) -> list[Dataset]:
        grant = DatasetIndex(tuple(account)).grant(DATASET_RULE, self.settings.read_datasets)
        return sorted(grant.datasets, key=lambda one: one.is_analytics is not False)

    def _describe_datasets(self, account: Sequence[Dataset]) -> str:
        datasets = self._list_readable(account)
        analytics = sum(one.is_analytics is True for one in datasets)
        return f"{plural(len(datasets), 'dataset')} may be read, {analytics} of analytics"

    def _check_lists(self, account: Sequence[Dataset]) -> None:
        """Note each list of the operator with an entry that allows nothing, and what it could name instead."""
        index, settings = DatasetIndex(tuple(account)), self.settings
        lists: Mapping[str, Sequence[str]] = {
            DATASET_RULE: settings.read_datasets,
            WRITE_RULE: settings.write_datasets,
            DELETE_RULE: settings.delete_datasets,
        }
        for setting, listed in lists.items():
            if tuple(listed) == EVERY_DATASET:
                continue
            found = {entry: index.find(entry) for entry in listed}
            problems = [
                f"{clean(entry, MAX_NAME_LENGTH)!r} {one.problem if one else 'is not a dataset'}"
                for entry, one in found.items()
                if not isinstance(one, Dataset)
            ]
            if problems:
                named = zip(dataset_names(account), dataset_uuids(account), strict=True)
                names = choices([f"{name} ({uuid})" for name, uuid in named])
                self.findings.append(Finding("lists", False, f"{setting}: {', '.join(problems)}. Use {names}."))

    async def _find_event(self, datasets: Sequence[Dataset]) -> Event | None:
        """Return the newest event of the first dataset that has one."""
        for dataset in datasets[:MAX_DATASETS_READ]:
            asked = EventSearch(dataset_id=[dataset.uuid], page_size=3)
            page = await self._read("events", self.client.list_events(asked), _describe_events, needed=True)
            if page is None:
                return None
            if page.result:
                await self._search(dataset, page.result[0])
                return page.result[0]
            self.findings.pop()
        self.findings.append(Finding("events", True, "no events in the datasets that may be read"))
        return None

    async def _search(self, dataset: Dataset, event: Event) -> None:
        search = [Condition(field="uuid", op="equals", value=event.uuid)]
        asked = EventSearch(dataset_id=[dataset.uuid], page_size=3, search=search)
        await self._read("search", self.client.list_events(asked), partial(_describe_search, "a search"))
        if not dataset.is_analytics:
            asked = EventSearch(dataset_id=[dataset.uuid], page_size=3, search_branches=[search])
            described = partial(_describe_search, "a search of alternatives")
            await self._read("branches", self.client.list_events(asked), described)

    async def _read_vocabularies(self, dataset: str) -> None:
        client = self.client
        await self._read("attackers", client.list_attackers([dataset]), _count_values)
        await self._read("categories", client.list_categories(), _count_values)
        await self._read("countries", client.list_countries(), _count_values)
        await self._read("industries", client.list_industries(), _count_values)
        await self._read("types", client.list_indicator_types([dataset]), _count_values)
        await self._read("tags", client.list_tags(page_size=10), "the list of tags")
        start, end = ((self.now - ago).date().isoformat() for ago in (PERIOD, timedelta()))
        counted = client.aggregate_events(["attacker"], [dataset], start, end, limit=10)
        await self._read("counts", counted, "counts by attacker")

    async def _read_event(self, event: Event) -> None:
        client, dataset, uuid = self.client, event.dataset_id, event.uuid
        await self._read("event", client.read_event(dataset, uuid), "one event, read by its id", needed=True)
        await self._read("raw", client.read_dataset_raw(dataset, uuid), "the raw evidence of one event")
        related = client.list_relationships(uuid, dataset, page_size=10)
        await self._read("related", related, "the related events of one event")
        values = [event.indicator or "example.com"]
        indicators = client.list_indicators([dataset], values, page_size=10)
        await self._read("indicators", indicators, "the list of indicators")
        query: Query = {"seeds": f"event:{uuid}", "datasetIds": dataset, "limit": 10}
        await self._read("graph", client.request(Anything, GRAPH, query=query), "the graph around one event")

    async def _read_optional_parts(self) -> None:
        client = self.client
        await self._read("queries", client.list_queries(), "saved queries")
        await self._read("alerts", client.list_alerts(), "query alerts")
        actors = client.request(Anything, ACTORS, query={"pageSize": 10})
        await self._read("actors", actors, "the catalogue of actors")
        await self._read("graphql", client.query_graphql(SCHEMA), _describe_graphql)


class Anything(RootModel[JsonValue]):
    """An answer of any form."""


def _count_values(values: Sequence[object]) -> str:
    return plural(len(values), "value")


def _describe_events(page: EventPage) -> str:
    return f"a page of {plural(len(page.result), 'event')}"


def _describe_search(what: str, page: EventPage) -> str:
    found = len(page.result)
    return f"{what} finds one event" if found == 1 else f"{plural(found, 'event')} for one id: the API ignores {what}"


def _describe_graphql(answer: GraphqlAnswer) -> str:
    shown = isinstance(answer.data, dict) and answer.data.get("__schema")
    return "with its schema" if shown else "without its schema: introspection is off"


async def examine(settings: Settings, connect: Connect, record: Path | None, console: Console) -> int:
    """Run every check, print one line for each, and return the exit code.

    With `record`, the exchanges are written to that file, without secrets and texts.

    Raises:
        BadFile: the file cannot be written.
    """
    exchanges: list[Exchange] = []
    connected: Connect = connect if record is None else lambda: ExchangeRecorder(connect(), exchanges)
    async with build_client(settings, connected) as client:
        findings = await Examination(client, settings, utc_now()).run()
    for finding in findings:
        word = {True: "works", False: "FAILS", None: "lacks"}[finding.works]
        console.print(Text(f"{word}  {finding.name:10}  {finding.said[:MAX_REASON_LENGTH]}"))
    if record is not None:
        credentials = settings.credentials
        secrets = [credentials.api_token, credentials.account_id] if credentials else []
        write_recording(record, exchanges, secrets)
        console.print(Text(f"Recorded {plural(len(exchanges), 'exchange')} in {record}. Read it before you share it."))
    return NOT_WORKING if any(finding.works is False for finding in findings) else WORKING

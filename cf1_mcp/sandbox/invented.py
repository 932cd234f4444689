"""What the live API leaves unknown, and what this sandbox assumes instead.

This is the one place for these assumptions; nothing here is a fact about Cloudflare's service. Each entry states what
is assumed, why, and what happens if the live API differs. An assumption that is code of another module (a list, a
format, a schema) is a comment here, and that module refers to it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

# -- The tenant

ACCOUNT_NUMBER: Final = 1001
"""`accountId` of raw evidence and `account_id` of queries.

Why: both are integers, different from the account tag of 32 hexadecimal digits, and no range is published.
If wrong: nothing; a client only displays them.
"""

USER_EMAIL: Final = "analyst@example.com"
"""`user_email` of every query and alert.

Why: the API names their creator, and the sandbox has no users; example.com is reserved.
If wrong: nothing; a client only displays it.
"""

DEFAULT_DATASET: Final = "Cloudforce One Threat Events"
"""The name of the dataset that is used when a request names none.

Why: the API reference calls it that; the dashboard documentation calls it APTs.
If wrong: a client that looks it up by this name does not find it on a live account.
"""

NAMESPACE: Final = UUID("5a9d0b8c-6a6e-5c0e-9d53-3f1c6f0e2c11")
"""The namespace of derived uuids: datasets by name, loaded events by ref, tags and categories by value.

Why: the same file then has the same ids everywhere, which tests and documentation rely on.
If wrong: nothing; live ids are random and a client treats them as opaque.
"""

RELEASABILITY_ID: Final = ""
"""`releasabilityId` of every event.

Why: the field is optional and unexplained, so it is present and empty.
If wrong: a client sees values that no test has shown it.
"""

RAW_ID_PREFIX: Final = "raw"
"""`rawId` is this prefix and the number of the raw evidence.

Why: `rawId` is text, although one route returns a numeric id; the published example, 453gw34w3, explains nothing.
If wrong: nothing for a client that treats the id as opaque.
"""

# The catalog (vocabulary_catalog.py). Assumed: the categories with their kill chain numbers and MITRE ids, all
# industries but six, and all indicator type ids but one. Published are the category "Domain Resolution", six
# industries, the type "domain" with id 5, and `killChain` as a plain number; 1 (reconnaissance) to 7 (actions on
# objectives) follows the Lockheed Martin Cyber Kill Chain.
# If wrong: names and numbers differ on a live account, so a client has to read the vocabulary instead of knowing it.
#
# The sample's saved queries (sample/sample_queries.py). Assumed: `query_json` contains the parameters of the event
# list, and `rule_scope` is "account". The reference says only "JSON text with the query parameters", and lists no
# scopes. If wrong: a client cannot interpret the saved queries of a live account, and must then refuse to run them. In
# the mood of the live API any text is saved, so that queries in another grammar can be tried.

# The catalogue of actors (actor_catalog.py). Assumed: the form of the answer, which is that of the list of tags; that
# texts of a list are compared as parts of its JSON text, as documented for aliases, whatever the operator; and that an
# annotated value stands beside its confidence and its marking. Published are the names of the fields and the filters.
# If wrong: a client finds no names but those of the account's own tags.

# -- Lists and searches

PAGE_SIZE: Final = 100
"""The page size of lists when none is sent.

Why: none is published; 100 is the published default limit of aggregate and graph.
If wrong: a client that sends no size gets shorter or longer pages.
"""

ORDER_BY: Final = "date"
ORDER: Final = "desc"
"""The order of events when none is sent: newest first, with the uuid as tie-breaker.

Why: the position in the documented sample cursor is (date, uuid).
If wrong: a client that sends no order sees other events first.
"""

# Dates of searches. Assumed: a day means its midnight, and a date without a time zone is UTC, whereas the date of a new
# event must have a time zone. Nothing is published. If wrong: the edges of a period shift by up to a day.
#
# Datasets. Assumed: more datasets than documented, by id or by scope word, are answered with 400, as is any value
# beyond another documented limit. If wrong: a client gets part of the datasets without an error.
#
# Comparisons. Assumed: text is compared without regard to the case of ASCII letters (SQLite's NOCASE); `like` supports
# % and _; `contains`, `startsWith` and `endsWith` take both literally; `find` needs every word, in any order; a list
# (tags, indicators, MITRE ids) matches when one element does; `not` matches when no element equals the value, which
# includes events without a value. Countries match by alpha-2 code, alpha-3 code or English name. None is published.
# If wrong: the same search finds other events; exact spelling and `equals` are the safest.
#
# Formats (search/event_stix.py). Assumed: a stix2 list is a bare bundle, and taxii a bare TAXII envelope, because STIX
# tools do not expect Cloudflare's envelope. The reference promises Sightings with linked Indicators, Observed Data and
# observables; all details are assumed:
# - An event is a Sighting of its Indicator; a CVE is a Vulnerability; an event without an indicator, or with one that
#   STIX cannot express (a wallet, a JA3), is a Campaign whose description contains the indicator.
# - An indicator whose value is not a valid STIX observable (`a_b.example`) has a pattern and no Observed Data.
# - Tags are labels, and so are the attacker, target country and target industry (`target-country:DE`).
# - An event without a marking counts as amber, and one whose marking is not in TLP 2.0 (purple) as red. An observable
#   of several events has the strictest of their markings.
# If wrong: a program that reads STIX from the live API finds other objects.

AGGREGATE_LIMIT: Final = 100
"""The limit of aggregate, which is its published default.

Assumed is what it limits with `groupByDate`: groups, each with all its days.
Why: limiting rows would cut off days.
If wrong: daily counts of a live account are incomplete, so a client must compare them with the total.
"""

# GraphQL (search/graphql.py, search/schema.graphql). Assumed: everything. No body, schema or limit is published. The
# body is that of GraphQL over HTTP; errors are a 200 with `errors`, as the published answer {data, errors} suggests.
# The limits allow the standard introspection query and any reasonable question.
# If wrong: queries written for the sandbox fail on the live API; a client must read the schema by introspection.

# -- Writes

# Assumed: a bulk create accepts any number of events, because no maximum is published. If wrong: the live API refuses
# a large batch as a whole, so a client must be able to send smaller ones.

INDICATOR_DELAY: Final = timedelta(seconds=2)
"""How long the indicators of a bulk create stay invisible.

Why: the 202 reports queued indicators, and no duration is published; this is long enough to notice in a test.
If wrong: a client that searches by indicator after a shorter wait misses new events.
"""

NEW_CATEGORY_KILL_CHAIN: Final = 0.0
"""`killChain` of a category that a loaded file uses and the catalog does not contain.

Why: 0 is the placeholder of the API reference.
If wrong: nothing; the live API has no files to load.
"""

BULK_RELATIONSHIP: Final = "related_to"
"""The relationship that the older bulk create adds: the first row is the parent of all others.

Why: the reference counts relationships and does not define them.
If wrong: relationships differ; a client should create them explicitly.
"""

RELATIONSHIP_MAX_DEPTH: Final = 100
"""The largest `maxDepth`.

Why: only the default (5) is published, and a bound keeps one request from walking a whole tenant.
If wrong: a client gets 400 for a smaller depth than here, or walks further than here.
"""

RELATED_EVENTS: Final = 2
"""The default of `relatedEventsLimit` of the indicator list, as published."""

GRAPH_CURSOR: Final = "after:"
"""The cursor of the graph is this prefix and the number of edges before it.

Why: the reference promises a cursor for a single seed, and does not describe it.
If wrong: nothing; a client treats it as opaque.
"""

# The graph (endpoints/graph.py). Published: parameters, limits, edges, nodes and `result_info`, with examples. Assumed:
# an edge leads from the parent to the child, as in the published id `source→target:relationshipType`; plain references
# are no edges; seeds that are indicators or tags have none; without datasetIds all datasets are covered; `truncated`
# equals `has_more`, and only a single seed has a cursor; edges to events outside the datasets are left out.
# If wrong: a client that takes the source for the parent reverses relationships, so it has to compare one of them with
# GET /events/by-id/{event_id}/relationships, which has a direction.

# Assumed for relationships: `direction=both` walks to ancestors and to descendants, not to siblings.
# Assumed for an event id without a dataset: the event of the default dataset, otherwise the one stored first.
# Assumed for repeated writes: adding an existing tag or reference, and removing a missing one, succeed; tags need not
# exist before; a delete counts only events that existed.
# Assumed for errors: an event cannot reference itself or be its own child; an unknown event is 404 where the reference
# documents 404, else 400.
# None is published. If wrong: a client gets an error where the sandbox succeeds, or other events than here.


def build_shard_id(dataset_id: str, date: str) -> str:
    """Return `shardId` of a created event: its dataset and month.

    Why: the id is opaque, and a bulk update may not change the date because that would change the shard.
    If wrong: nothing; a client only displays it.
    """
    return f"{dataset_id}:{date[:7]}"


def build_rule_list_id(query_id: int) -> str:
    """Return `rule_list_id`, the list that a query with a rule feeds.

    Why: the form of such an id is unknown.
    If wrong: nothing; a client only displays it.
    """
    return f"rule-list-{query_id}"


# -- History

HISTORY: Final = timedelta(days=30)
"""The largest `minutesAgo` of a revert, and how long the sandbox keeps history.

Why: no bounds are published; the service is built on Durable Objects, which can be restored for 30 days.
If wrong: the live API refuses a revert that works here, or allows an older one.
"""

# -- Errors, headers and limits

NO_ROUTE: Final = 7003
"""The code of a 404 for an unknown path or account.

Why: Cloudflare's gateway sends it; it is documented for the platform and assumed for this API.
If wrong: nothing for a client that decides by the status; older reports of the same case have status 400.
"""

NO_METHOD: Final = 10405
"""The code of a 405 for a method that a path does not have, with the same reason and consequence as `NO_ROUTE`."""

MARK: Final = ("X-Sandbox", "fictional")
"""The header that marks every answer as not being intelligence. The live API does not send it."""

DEPRECATION: Final = "@1788220800"
SUNSET: Final = "Sat, 28 Nov 2026 00:00:00 GMT"
"""The `Deprecation` (RFC 9745, 2026-09-01) and `Sunset` (RFC 8594) headers of routes that end.

Why: the dates are documented, the headers are not.
If wrong: a client that relies on the headers gets no warning.
"""

SUGGESTIONS: Final = 3
"""The number of similar category names in an error message; the live API may suggest none."""

# Authentication (http/bearer_auth.py). Assumed: the texts of 401 and 403, and 10000 as the code of both. The platform
# documents this form and this code; this API documents neither. If wrong: nothing for a client that decides by status.
#
# Rate limits (http/rate_limit.py). Assumed: the body of a 429; the name "default" in both headers; one window for all
# callers, opened by the first request after the last one closed; and that a caller over the limit is refused until the
# window closes, where the reference says five minutes. If wrong: a client has to wait longer than here.
#
# Faults (http/faults.py). Assumed: all of them. No failures but 400, 404, 429 and 500 are documented. If wrong:
# nothing; they are injected only on request.

# -- The mood of the live API (`--like-live`, mood.py): where sources disagree or are silent, the unkind reading

# Documented, and held to in this mood alone: scope words leave analytics datasets out, attackers take none, routes have
# ended, the limit blocks for five minutes, raw evidence is 404 or 500, dates of aggregate are days, `completeness`.
# Assumed, each because the kind mood assumes the opposite, so that a client has met both:
# - Text is compared with regard to case, and `equals` on tags, which no source shows, finds nothing.
# - Times are compared as texts with milliseconds, so `gte` with "00Z" loses what is stored as "00.000Z".
# - An event created alone is shown with its indicator at once, and found by it after INDICATOR_DELAY.
# - aggregate takes the two columns that the reference names, and its default limit is also its maximum.
# - A revert is "scheduled": it takes effect after REVERT_DELAY, and undoes what happened meanwhile as well.
# - An event without raw evidence is 404 or 500 by its uuid. Some counters are text, some null; empty lists are [" "].
# - A dataset that does not answer is named in `messages` and `completeness` beside the rows of the others.
# - GraphQL has the form of Cloudflare's other GraphQL API (search/live_schema.graphql), and its answer no envelope.
# If wrong: nothing; what a client cannot do in this mood it must be able to do without.

NO_ROUTE_STATUS: Final = 400
"""The status of an unknown path, with code NO_ROUTE. Why: reports from 2019 to 2024 have it. If wrong: see NO_ROUTE."""

MALFORMED_TOKEN: Final = 6003
"""The code of the 400 for a token of another form. Why: reported for the platform; 40 characters are the shortest token
that it issues. If wrong: the message of a client about the token is less exact."""

MAX_URL_LENGTH: Final = 16_384
"""The longest URL. Why: the documented limit of Workers. If wrong: a client that sends long URLs fails."""

REVERT_DELAY: Final = timedelta(seconds=2)
AGGREGATE_COLUMNS: Final = ("attacker", "targetIndustry")
LIVE_LATENCY: Final = 0.3
"""Seconds for each answer on a port. Why: a guess at a request over the Internet. If wrong: nothing."""

"""What the live API leaves unknown, and how this sandbox decides it: one place, each with its reason.

Nothing here is a fact about Cloudflare's service. The catalog, the sample, the formats, the GraphQL schema and the
injected faults keep theirs at the top of their own modules.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

# -- the tenant

ACCOUNT_NUMBER: Final = 1001
"""`accountId` of raw and `account_id` of queries are integers apart from the 32-hex account tag; any number does."""

USER_EMAIL: Final = "analyst@example.com"
"""Queries and alerts name their maker; the sandbox has one, on a reserved domain."""

DEFAULT_DATASET: Final = "Cloudforce One Threat Events"
"""The API text's name of the default dataset (dashboard documents say APTs)."""

NAMESPACE: Final = UUID("5a9d0b8c-6a6e-5c0e-9d53-3f1c6f0e2c11")
"""Uuids of datasets by name and of loaded events by ref are derived from it, so that they are the same everywhere."""

RELEASABILITY_ID: Final = ""
"""Optional on the wire and unexplained, so it is there and empty."""

RAW_ID_PREFIX: Final = "raw"
"""`rawId` is text although raw also has a numeric id: the text is this prefix and the number."""

# -- listing

PAGE_SIZE: Final = 100
"""No default is published; 100 is the published default limit of aggregate and graph."""

ORDER_BY: Final = "date"
ORDER: Final = "desc"
"""Newest first, as the documented sample cursor (date, uuid) suggests; uuid breaks ties."""

# A search date without a time is its midnight, and one without a zone is UTC; a new event's date must have a zone.
# More datasets than documented, by id or by scope word, are a 400 like every other breach of a limit.
#
# Texts compare without regard to the case of ASCII letters (SQLite's NOCASE); `like` knows % and _; `contains`,
# `startsWith` and `endsWith` take them literally; `find` wants every word, in any order; a list (tags, indicators,
# MITRE ids) matches when any element does, and `not` when no element equals the value; a missing value is unequal to
# every value, so `not` finds it. None of this is published.

# -- writing

# A bulk create has no maximum: none is published.

INDICATOR_DELAY: Final = timedelta(seconds=2)
"""A 202 says that indicators are queued; how long is unknown. Long enough to notice, short enough to wait for."""

NEW_CATEGORY_KILL_CHAIN: Final = 0.0
"""A loaded record may name a category that the catalog lacks; 0 is the API reference's own placeholder."""

BULK_RELATIONSHIP: Final = "related_to"
"""The older bulk create says nothing of which rows it links: here later rows become children of the first."""

RELATIONSHIP_MAX_DEPTH: Final = 100
"""`maxDepth` has a default (5) and no maximum; a bound keeps one request from walking a tenant."""

RELATED_EVENTS: Final = 2
"""`relatedEventsLimit` of the indicator list has this default, as published."""

# `direction=both` walks to ancestors and to descendants, not to siblings. An event id without a dataset means the
# event of the default dataset, else the one stored first. Adding a tag or reference twice, and removing one that is not
# there, succeed; tags need not exist before. A reference or relationship of an event to itself is refused. Deleting
# counts only what was there. Unknown events are 404 where the reference documents 404, else 400.


def shard_id(dataset_id: str, date: str) -> str:
    """`shardId` is opaque; a bulk update may not change the date because that would change the shard, so months."""
    return f"{dataset_id}:{date[:7]}"


def rule_list_id(query_id: int) -> str:
    """A query with a rule names the list that it feeds; what such an id looks like is unknown."""
    return f"rule-list-{query_id}"


# -- history

HISTORY: Final = timedelta(days=30)
"""The bounds of `minutesAgo` are unpublished; 30 days is how far back a Durable Object can be restored."""

# -- errors and headers

NO_ROUTE: Final = 7003
"""Cloudflare's gateway code for an unknown path; documented for the platform, assumed for this service."""

NO_METHOD: Final = 10405
"""Cloudflare's gateway code for a method that a path does not know."""

MARK: Final = ("X-Sandbox", "fictional")
"""The header by which every answer says that nothing in it is intelligence."""

DEPRECATION: Final = "@1788220800"
"""RFC 9745 date (2026-09-01) on routes that end; the month is documented, the header is not."""

SUNSET: Final = "Sat, 28 Nov 2026 00:00:00 GMT"
"""RFC 8594 date on routes that end; the day is documented, the header is not."""

# A stix2 bundle is answered as it is, like taxii, because tools that read STIX know no envelope.

AGGREGATE_LIMIT: Final = 100
"""Published default. With `groupByDate` it limits the groups, each with all its days, so that no day is cut off."""

NEAREST: Final = 3
"""How many near spellings an error message proposes."""

"""GraphQL schemas of several shapes, as the unpublished one might be, and what a server would tell of them."""

from typing import Any, Final

from graphql import build_schema, introspection_from_schema

FLAT: Final = """
type Query {
  datasets: [Dataset!]!
  threatEvents(groupBy: [Column!]!, datasetIds: [String!], filter: [Condition!], exclude: [Condition!],
    excludeDatasetIds: [String!], anyOf: [Condition!], startDate: String, limit: Int = 100): EventGroups!
  loose(filter: [LooseCondition!], datasetIds: [String!]): EventGroups!
  either(datasetIds: [String!], "Any of these conditions may hold." filter: [Condition!]): EventGroups!
  untyped(datasetIds: [String!], filter: JSON): EventGroups!
  wide(datasetIds: [String!], filter: [Condition!], includeRestricted: Boolean = true): EventGroups!
  counted(datasetIds: [String!], filter: [Condition!]): Int!
  blob(datasetIds: [String!], filter: [Condition!]): JSON
}
scalar JSON
type Dataset { uuid: ID! name: String! isPublic: Boolean! eventCount: Int! }
type EventGroups { total: Int! groups: [EventGroup!]! }
type EventGroup { count: Int! date: String attacker: String category: String tags: String tlp: String datasetId: String }
enum Column { attacker category tags tlp datasetId hasChildren }
enum Field { attacker category tags tlp datasetId hasChildren }
enum Operator { equals not in like }
input Condition { field: Field! op: Operator! = equals value: [String!]! }
input LooseCondition { field: Field! op: Operator! = not value: [String!]! negate: Boolean }
"""

VIEWER: Final = """
directive @everything on FIELD
type Query { viewer: Viewer cost: Int }
type Viewer { accounts(filter: AccountFilter, limit: Int): [Account!]! budget: Int }
input AccountFilter { accountTag: String }
type Account {
  accountTag: String!
  threatEventsAdaptiveGroups(filter: Filter, limit: Int, orderBy: [Order!]): [Groups!]!
  threatDatasets(filter: Filter): [Dataset!]!
}
enum Order { count_DESC numReferences_DESC }
input Filter {
  tlp: String tlp_in: [String!] tlp_neq: String tlp_notin: [String!] datasetId: String datasetId_in: [String!]
  attacker: String attacker_like: String datetime_geq: String hasChildren: Boolean
  AND: [Filter!] OR: [Filter!] NOT: Filter
}
type Groups { count: Int! dimensions: Dimensions! sum: Sums! relatives: [Groups!]! }
type Dimensions { attacker: String category: String tlp: String datasetId: String tags: String }
type Sums { total: Int }
type Dataset { name: String! events: Int! }
"""

FILTERLESS: Final = """
type Query { events: [Event!]! summary: Summary! top(limit: Int): [Event!]! }
type Summary { events: Int! attackers: [String!]! }
type Event { uuid: ID! attacker: String tlp: String }
"""

SUFFIXES: Final = """
type Query {
  events(where: Where, datasetIds: [ID!], first: Int, after: String): [Event!]!
  aggregate(input: Input!): [Group!]!
  datasets(where: Where): [Dataset!]!
  attackers(where: Where): [Attacker!]!
}
enum Marking { CLEAR GREEN AMBER AMBER_STRICT RED }
input Where {
  tlp: Ops tlp_in: [Marking!] tlp_not: Marking dataset_id_in: [ID!] attacker_contains: String
  and: [Where!] or: [Where!] not: Where children: Where score_gt: Int
}
input Ops { in: [Marking!] eq: Marking not_in: [Marking!] orNull: Boolean }
input Input { where: Where, datasetIds: [ID!], groupBy: [String!], excludeTlp: [Marking!] }
type Event {
  uuid: ID! attacker: String tlp: Marking datasetId: ID! numReferences: Int hasChildren: Boolean tags: [String!]
  rawData: JSON related: [Event!]! dataset: Dataset!
}
scalar JSON
type Group { attacker: String count: Int! }
type Dataset { uuid: ID! name: String! eventCount: Int! events: [Event!]! }
type Attacker { name: String! eventCount: Int! events: [Event!]! }
"""

CONNECTION: Final = """
type Query {
  threatEvents(tlp: [String!], datasetId: [ID!], first: Int, after: String): EventConnection!
  event(id: ID!): Event
  node(id: ID!): Node
}
interface Node { id: ID! }
type EventConnection { totalCount: Int! unfilteredCount: Int! edges: [EventEdge!]! pageInfo: PageInfo! }
type EventEdge { cursor: String! node: Event! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Event implements Node {
  id: ID! attacker: String category: String tlp: String datasetId: ID! relatedCount: Int!
  related(tlp: [String!], datasetId: [ID!]): EventConnection! items: [Event!]!
}
"""

GROUPED: Final = """
type Query {
  threatEvents(search: [Condition!], groupBy: [String!], orderBy: [Order!], to: Until, page: Page, metric: String): Res
  dataset(id: ID!, search: [Condition!]): Dataset
}
input Condition { field: String! op: String value: [String!] }
input Page { number: Int datasetId: String }
input Until { date: String or: Other }
input Other { tlp: String }
input Order { field: String direction: String labels: String }
type Res { groups: [Group!] total: Int nodes: [Event!] pageInfo: PageInfo }
type PageInfo { nextCursor: String hasNextPage: Boolean }
type Group { key: String value: String count: Int label: String }
type Dataset { name: String eventTotal: Int }
type Event { uuid: ID! nextUuid: ID previousEvent: String labels: [String!] attacker: String }
"""

SCHEMAS: Final = {
    "flat": FLAT, "viewer": VIEWER, "filterless": FILTERLESS, "suffixes": SUFFIXES, "connection": CONNECTION,
    "grouped": GROUPED,
}  # fmt: skip


def introspected(shape: str) -> dict[str, Any]:
    """Return what a server with a schema of a shape answers to an introspection."""
    return dict(introspection_from_schema(build_schema(SCHEMAS[shape])))

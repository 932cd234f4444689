"""The table of event fields: what is known about each field of a threat event, described once.

Typed filters, conditions, columns, completions, the search guide, checks, imports and exports read this table. To add
a field or a filter, add or change one entry of `EVENT_FIELDS`; `tests/models/test_fields.py` names the models that must
follow. The order of the entries is the order of the filters in a tool's schema and of the fields in an import.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal, get_args

from pydantic.alias_generators import to_camel

from cf1_mcp.models.base import Tlp
from cf1_mcp.models.events import Event, SearchField, SearchOp
from cf1_mcp.models.vocabulary import VocabularyKind

FieldType = Literal[
    "text",  # free text in one or more lines
    "name",  # one line of visible text, as the reporter of the event wrote it
    "word",  # a word of the account's `vocabulary`
    "country",  # an ISO 3166-1 alpha-2 code
    "code",  # an identifier written in capitals, such as T1566.002
    "indicator",  # a network or file indicator, never defanged
    "marking",  # a TLP marking
    "date",  # a time in ISO 8601
    "id",  # a uuid or an id of the API
    "number",
    "flag",  # true or false
]


@dataclass(frozen=True)
class Filter:
    """A typed filter: an argument of the search tool that takes a list of values, any of which may match.

    `guide` is its sentence in the search guide, where filters that share a sentence are listed together. `hint` is its
    description in the tool's schema, which every model pays for, so most filters have none. With `in_export`,
    export_threat_events has the filter too.
    """

    guide: str
    hint: str | None = None
    in_export: bool = False


@dataclass(frozen=True)
class EventField:
    """One field of an event, by its snake-case name.

    `vocabulary` is the account's vocabulary of its values. `operators` are those of a search, empty if the
    field cannot be searched. `creation` says whether a new event must or may have the field, `changeable` whether an
    update may set it, `compared` whether it helps to recognise an event that was imported before. A `hidden` field is
    shown only on request; one that is not `returned` is missing from the events that the API returns. `headers` are
    further names of the field in the header of a CSV file, in lower case and without spaces and signs. `numbers` says
    which values a field of numbers may have.
    """

    name: str
    type: FieldType
    description: str
    _: KW_ONLY
    is_list: bool = False
    vocabulary: VocabularyKind | None = None
    operators: tuple[SearchOp, ...] = ()
    filter: Filter | None = None
    creation: Literal["required", "optional"] | None = None
    changeable: bool = False
    compared: bool = False
    hidden: bool = False
    returned: bool = True
    headers: tuple[str, ...] = ()
    numbers: str = "a number, such as 3"

    @property
    def wire(self) -> str:
        """The name in the API's JSON."""
        return to_camel(self.name)

    @property
    def is_untrusted(self) -> bool:
        """Whether the reporter of the event wrote its text, which may therefore come from an attacker."""
        return self.type in ("text", "name", "indicator")


TEXT_OPERATORS: Final[tuple[SearchOp, ...]] = get_args(SearchOp)
COMPARING_OPERATORS: Final[tuple[SearchOp, ...]] = ("equals", "not", "gt", "gte", "lt", "lte", "in")

_WORD_GUIDE: Final = (
    "as list_threat_vocabulary spells them, in any case. An actor may be called by any name that the vocabulary or the "
    "shared catalogue of actors knows."
)
_COUNTRY_GUIDE: Final = "DE, DEU, Germany. Either may be unknown, and then no country matches."

EVENT_FIELDS: Final = (
    EventField("uuid", "id", "Id of the event", operators=TEXT_OPERATORS),
    EventField(
        "date",
        "date",
        "When it happened",
        operators=TEXT_OPERATORS,
        creation="required",
        changeable=True,
        headers=("firstseen", "timestamp", "datetime", "time", "seen", "eventdate", "observed"),
    ),
    EventField("created_at", "date", "When it was stored", operators=TEXT_OPERATORS, changeable=True, returned=False),
    EventField(
        "attacker",
        "name",
        "Threat actor, as the report names it",
        vocabulary="attackers",
        operators=TEXT_OPERATORS,
        filter=Filter(_WORD_GUIDE, in_export=True),
        creation="optional",
        changeable=True,
        compared=True,
        headers=("actor", "threatactor", "actorname", "group", "intrusionset", "adversary"),
    ),
    EventField(
        "attacker_country",
        "country",
        "Country that the attack came from",
        vocabulary="countries",
        operators=TEXT_OPERATORS,
        filter=Filter(_COUNTRY_GUIDE, "Codes or names"),
        creation="optional",
        changeable=True,
        compared=True,
        headers=("actorcountry", "origin", "origincountry", "sourcecountry"),
    ),
    EventField("attacker_country_alpha3", "country", "The same as an alpha-3 code", hidden=True),
    EventField(
        "target_country",
        "country",
        "Country of the victim",
        vocabulary="countries",
        operators=TEXT_OPERATORS,
        filter=Filter(_COUNTRY_GUIDE, "Codes or names", in_export=True),
        creation="optional",
        changeable=True,
        compared=True,
        headers=("country", "victimcountry", "targetedcountry"),
    ),
    EventField("target_country_alpha3", "country", "The same as an alpha-3 code", hidden=True),
    EventField(
        "target_industry",
        "word",
        "Industry of the victim",
        vocabulary="industries",
        operators=TEXT_OPERATORS,
        filter=Filter(_WORD_GUIDE, in_export=True),
        creation="optional",
        changeable=True,
        compared=True,
        headers=("sector", "industry", "victimindustry", "targetsector"),
    ),
    EventField(
        "category",
        "word",
        "Kind of event",
        vocabulary="categories",
        operators=TEXT_OPERATORS,
        filter=Filter(_WORD_GUIDE, in_export=True),
        creation="required",
        changeable=True,
        compared=True,
        headers=("threattype", "eventcategory", "classification"),
    ),
    EventField(
        "event",
        "text",
        "What happened",
        operators=TEXT_OPERATORS,
        creation="required",
        changeable=True,
        headers=("description", "title", "name", "summary", "eventtitle"),
    ),
    EventField(
        "indicator",
        "indicator",
        "The first indicator of the event",
        operators=TEXT_OPERATORS,
        filter=Filter("exact IPs, domains, URLs, hashes or CVEs, defanged or not.", "Exact values"),
        creation="optional",
        changeable=True,
        headers=("ioc", "value", "observable", "iocvalue", "indicatorvalue", "artifact"),
    ),
    EventField(
        "indicator_type",
        "word",
        "Type of the indicator",
        vocabulary="indicator_types",
        operators=TEXT_OPERATORS,
        filter=Filter(_WORD_GUIDE, "domain, ip, url, hash ...", in_export=True),
        creation="optional",
        changeable=True,
        compared=True,
        headers=("type", "ioctype", "observabletype", "indicatorkind"),
    ),
    EventField("indicator_type_id", "number", "Internal number of the type", hidden=True),
    EventField(
        "tags",
        "name",
        "Labels of the event",
        is_list=True,
        vocabulary="tags",
        operators=TEXT_OPERATORS,
        filter=Filter(_WORD_GUIDE, in_export=True),
        creation="optional",
        compared=True,
        headers=("tag", "label", "labels", "keywords"),
    ),
    EventField(
        "kill_chain", "number", "Phase of the kill chain, 1 to 7", operators=COMPARING_OPERATORS, numbers="1 to 7"
    ),
    EventField(
        "mitre_attack",
        "code",
        "ATT&CK techniques of the category",
        is_list=True,
        operators=TEXT_OPERATORS,
        filter=Filter(
            "ATT&CK ids of the event's category. Those of a single event are among its `tags`.",
            "ATT&CK ids of the category; an event's own are tags",
        ),
    ),
    EventField(
        "mitre_capec",
        "code",
        "CAPEC patterns of the category",
        is_list=True,
        operators=TEXT_OPERATORS,
        filter=Filter(
            "numbers of the CAPEC patterns of the event's category, such as 98.", "CAPEC numbers of the category"
        ),
    ),
    EventField(
        "tlp",
        "marking",
        "Traffic Light Protocol marking",
        operators=TEXT_OPERATORS,
        filter=Filter(f"{', '.join(Tlp)}. Unmarked events are treated as amber and match no value."),
        creation="required",
        changeable=True,
        compared=True,
        headers=("marking", "tlpmarking", "sharing", "tlplevel"),
    ),
    EventField(
        "insight",
        "text",
        "Analysis of the event",
        creation="optional",
        changeable=True,
        compared=True,
        headers=("notes", "comment", "analysis"),
    ),
    EventField("has_children", "flag", "Whether events are related below it", operators=COMPARING_OPERATORS),
    EventField("dataset_id", "id", "Dataset that contains the event"),
    EventField("raw_id", "id", "Id of the raw evidence"),
    EventField("num_references", "number", "How many events it refers to"),
    EventField("num_referenced", "number", "How many events refer to it"),
    EventField("references", "id", "Events that it refers to", is_list=True),
    EventField("referenced", "id", "Events that refer to it", is_list=True),
    EventField("releasability_id", "id", "Internal id of the sharing rule", hidden=True),
    EventField("provenance", "text", "Article that it was taken from"),
)

# -- derived from the table; the names are snake case, those of a search the API's

BY_NAME: Final[Mapping[str, EventField]] = {field.name: field for field in EVENT_FIELDS}
SEARCHABLE: Final[Mapping[SearchField, EventField]] = {
    name: field for field in EVENT_FIELDS for name in get_args(SearchField) if name == field.wire
}
FILTERS: Final = tuple(field for field in EVENT_FIELDS if field.filter)
FREE_TEXTS: Final = tuple(field.name for field in EVENT_FIELDS if field.type == "text")
COMPARED_TEXTS: Final = tuple(field.name for field in EVENT_FIELDS if field.compared and not field.is_list)
COMPARED_LISTS: Final = tuple(field.name for field in EVENT_FIELDS if field.compared and field.is_list)

# What a new event may have, in addition to its dataset and raw evidence.
SETTABLE: Final = tuple(field for field in EVENT_FIELDS if field.creation)
REQUIRED_TEXTS: Final = tuple(field.name for field in SETTABLE if field.creation == "required")
SETTABLE_TEXTS: Final = (*REQUIRED_TEXTS, *(f.name for f in SETTABLE if f.creation == "optional" and not f.is_list))

# The columns of an answer in the order of the model, those that are shown only on request, and those shown by default.
COLUMNS: Final = tuple(Event.model_fields)
HIDDEN_COLUMNS: Final = frozenset(field.name for field in EVENT_FIELDS if field.hidden)
DEFAULT_COLUMNS: Final = (
    "uuid", "date", "attacker", "category", "indicator", "target_country", "target_industry", "tlp", "event",
)  # fmt: skip
# The columns of an exported table. Other systems are configured for this order, so new columns go to the end.
EXPORT_COLUMNS: Final = (
    "tlp", "date", "indicator", "indicator_type", "attacker", "attacker_country", "category", "kill_chain",
    "mitre_attack", "mitre_capec", "target_country", "target_industry", "tags", "event", "insight", "has_children",
    "uuid", "dataset_id",
)  # fmt: skip

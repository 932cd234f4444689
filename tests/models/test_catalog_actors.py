"""Entries of the catalogue of actors are read whatever their fields hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cf1_mcp.models import ActorPage, CatalogActor

ODD: list[JsonValue] = [
    None, "", " ", "x", "[", "[[", '["a", 1]', 0, -1, 2**60, 1.5, True, [], [[]], [None, {}, "a", ["b"]], {},
    {"value": None}, {"value": ["a"]}, {"value": {"url": 1}}, {"tlp": []}, [{"tlp": {}, "value": 3}, 7],
    {"tlp": "red", "value": "a"},
]  # fmt: skip
FIELDS = [
    *(field.alias for field in CatalogActor.model_fields.values()),
    "properties",
    "aliases_annotated",
    "field_markings",
]


@given(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD)))
def test_no_odd_field_loses_an_entry_or_its_page(fields: dict[str, JsonValue]) -> None:
    page = ActorPage.model_validate([{**fields, "value": "APT29"}, {"value": "Other"}, fields])
    assert {"APT29", "Other"} <= {actor.value for actor in page.actors}


@pytest.mark.parametrize(
    ("marking", "inner", "read"),
    [
        (None, None, ""),
        ("", None, ""),
        ("amber", None, "amber"),
        (None, "red", "red"),
        ("green", "red", "red"),
        (["green"], None, "red"),
        ({"value": "amber"}, None, "amber"),
        (False, None, "red"),
    ],
)
def test_a_marking_that_cannot_be_read_is_red(marking: JsonValue, inner: JsonValue, read: str) -> None:
    actor = CatalogActor.model_validate({"value": "A", "tlp": marking, "properties": {"tlp": inner}})
    assert actor.tlp == read


def test_a_value_may_be_a_text_a_number_or_an_object() -> None:
    actor = CatalogActor.model_validate(
        {
            "value": "A",
            "aliases": ["B", {"value": "C"}, 7, None, " "],
            "aliasGroupNames": '["D", "E"]',
            "externalReferences": [{"source_name": "Report", "url": "https://a.example"}, "https://b.example"],
            "originCountryISO": "RU",
        }
    )
    assert actor.names == ["A", "D", "E", "B", "C", "7"]
    assert actor.external_references == ["Report https://a.example", "https://b.example"]
    assert actor.origin_country == ["RU"]

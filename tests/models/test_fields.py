"""The table of event fields agrees with the models; where it does not, a message names the step to take."""

from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from cf1_mcp.imports.readers.call_rows import CallRow
from cf1_mcp.imports.readers.csv_columns import FIELD_BY_NAME
from cf1_mcp.models import Event, EventChange, NewEvent, SearchField
from cf1_mcp.models.fields import (
    BY_NAME,
    DEFAULT_COLUMNS,
    EVENT_FIELDS,
    EXPORT_COLUMNS,
    SEARCHABLE,
    SETTABLE,
    EventField,
)

# What a request contains in addition to the fields of the event: its dataset, evidence, further indicators, and the
# article that it is taken from, which an event has as the text `provenance`.
NOT_FIELDS = {"dataset_id", "raw", "indicators", "source"}
# What a row of an import contains in addition: evidence, and how rows are related.
NOT_EVENT = {"raw", "ref", "parent_ref", "relationship_type"}


def python_types(model: type[BaseModel], name: str) -> set[object]:
    """The types of a model's field, without None."""
    return _types(model.model_fields[name].annotation) - {NoneType}


def _types(annotation: object) -> set[object]:
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return {one for arm in get_args(annotation) for one in _types(arm)}
    return {annotation}


def fitting_types(field: EventField) -> list[set[object]]:
    """The types that a model may give a field."""
    match field.type:
        case "number":
            return [{int}, {float}]
        case "flag":
            return [{bool}]
        case _:
            return [{list[str]}] if field.is_list else [{str}]


def test_every_field_of_an_event_has_exactly_one_entry() -> None:
    names = [field.name for field in EVENT_FIELDS if field.returned]
    assert sorted(names) == sorted(set(names)), "remove the second entry of the field from EVENT_FIELDS"
    missing = sorted(Event.model_fields.keys() - set(names))
    assert missing == [], f"add an entry for {missing} to EVENT_FIELDS in cf1_mcp/models/fields.py"
    unknown = sorted(set(names) - Event.model_fields.keys())
    assert unknown == [], f"add {unknown} to Event in cf1_mcp/models/events.py, or set returned=False"


@pytest.mark.parametrize("field", EVENT_FIELDS, ids=lambda field: field.name)
def test_a_field_has_the_same_name_and_type_in_the_table_and_in_the_models(field: EventField) -> None:
    for model in (Event, NewEvent, EventChange):
        if field.name in model.model_fields:
            step = f"make {field.name} of {model.__name__} and the entry of EVENT_FIELDS agree"
            assert python_types(model, field.name) in fitting_types(field), step
            assert model.model_fields[field.name].alias == field.wire, step


def test_a_new_event_has_the_fields_that_the_table_lets_be_set() -> None:
    settable = {field.name for field in SETTABLE}
    assert NewEvent.model_fields.keys() - NOT_FIELDS == settable, "make NewEvent and `creation` of the table agree"
    for field in SETTABLE:
        is_required = NewEvent.model_fields[field.name].is_required()
        assert is_required == (field.creation == "required"), f"make NewEvent.{field.name} and its `creation` agree"


def test_a_change_has_the_fields_that_the_table_lets_be_changed() -> None:
    changeable = {field.name for field in EVENT_FIELDS if field.changeable}
    assert EventChange.model_fields.keys() - NOT_FIELDS == changeable, "make EventChange and `changeable` agree"


def test_a_row_of_an_import_has_the_fields_that_the_table_lets_be_set() -> None:
    settable = {field.name for field in SETTABLE}
    assert CallRow.model_fields.keys() - NOT_EVENT == settable, (
        "make CallRow in cf1_mcp/imports/readers/call_rows.py follow the table"
    )


def test_the_fields_with_operators_are_those_that_can_be_searched() -> None:
    with_operators = {field.wire for field in EVENT_FIELDS if field.operators}
    assert with_operators == set(get_args(SearchField)), "make SearchField and `operators` of the table agree"
    assert with_operators == set(SEARCHABLE)


def test_every_filter_belongs_to_a_field_that_can_be_searched() -> None:
    lost = [field.name for field in EVENT_FIELDS if field.filter and not field.operators]
    assert lost == [], f"give {lost} operators in EVENT_FIELDS, or no filter"


def test_the_columns_of_answers_and_exports_are_fields_that_the_api_returns() -> None:
    columns = {*DEFAULT_COLUMNS, *EXPORT_COLUMNS}
    unknown = sorted(name for name in columns if name not in BY_NAME or not BY_NAME[name].returned)
    assert unknown == [], f"take {unknown} out of DEFAULT_COLUMNS and EXPORT_COLUMNS"


def test_a_header_of_a_csv_file_means_one_field() -> None:
    headers = [header for field in EVENT_FIELDS for header in field.headers]
    assert len(headers) == len(set(headers)), "give the header to only one entry of EVENT_FIELDS"
    assert {header: FIELD_BY_NAME[header] for header in headers} == {
        header: field.name for field in EVENT_FIELDS for header in field.headers
    }, "cf1_mcp/imports/readers/csv_reader.py assigns the header to another field"

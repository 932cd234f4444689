"""Every operation of the official client is tested, or listed as not served with a reason."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from cloudflare import APIStatusError
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource

from tests.foreign_clients import test_cloudflare_events as events
from tests.foreign_clients import test_cloudflare_links as links
from tests.foreign_clients import test_cloudflare_queries as queries
from tests.foreign_clients import test_cloudflare_vocabulary as vocabulary
from tests.foreign_clients.cloudflare_client import EVENTS, IGNORE_SUNSET_WARNINGS
from tests.ports import ACCOUNT

TESTED: Mapping[str, Callable[..., None]] = {
    "aggregate.list": queries.test_events_are_counted_by_column_and_day,
    "attackers.list": vocabulary.test_attackers_of_the_dataset_are_listed,
    "bulk_create": events.test_a_bulk_creates_the_valid_rows_and_reports_the_others,
    "bulk_create_relationships": links.test_a_bulk_with_relationships_makes_the_first_row_the_parent,
    "categories.catalog.list": vocabulary.test_a_new_category_is_in_the_catalog_before_an_event_uses_it,
    "categories.create": vocabulary.test_a_new_category_is_in_the_catalog_before_an_event_uses_it,
    "categories.get": vocabulary.test_a_new_category_is_in_the_catalog_before_an_event_uses_it,
    "categories.list": vocabulary.test_categories_of_the_dataset_are_listed,
    "countries.list": vocabulary.test_countries_are_listed_with_both_codes,
    "create": events.test_an_event_is_read_back_as_it_was_created,
    "datasets.create": vocabulary.test_a_dataset_is_listed_and_read_as_it_was_created,
    "datasets.delete": vocabulary.test_a_dataset_is_renamed_and_deleted,
    "datasets.edit": vocabulary.test_a_dataset_is_renamed_and_deleted,
    "datasets.events.get": events.test_an_event_is_read_back_as_it_was_created,
    "datasets.get": vocabulary.test_a_dataset_is_listed_and_read_as_it_was_created,
    "datasets.list": vocabulary.test_a_dataset_is_listed_and_read_as_it_was_created,
    "datasets.raw": links.test_raw_by_dataset_has_a_numeric_id_and_text_data,
    "edit": events.test_an_edit_changes_only_the_given_fields,
    "graph.list": links.test_the_graph_has_the_types_of_relationships,
    "event_tags.create": links.test_a_tag_is_added_to_an_event,
    "event_tags.delete": links.test_a_tag_is_removed_with_an_extra_body,
    "get": events.test_an_event_is_found_without_its_dataset,
    "graphql.create": queries.test_graphql_counts_with_an_extra_body,
    "indicators.list": vocabulary.test_an_indicator_lists_its_events,
    "indicators.types.list": vocabulary.test_indicator_types_of_the_dataset_are_listed,
    "list": events.test_pages_have_the_requested_order,
    "queries.create": queries.test_a_query_is_listed_and_read_as_it_was_created,
    "queries.delete": queries.test_a_deleted_query_is_not_found,
    "queries.edit": queries.test_an_edited_query_keeps_the_other_fields,
    "queries.get": queries.test_a_query_is_listed_and_read_as_it_was_created,
    "queries.list": queries.test_a_query_is_listed_and_read_as_it_was_created,
    "raw.edit": links.test_raw_evidence_is_read_and_edited,
    "raw.get": links.test_raw_evidence_is_read_and_edited,
    "relate.delete": links.test_a_reference_is_removed_with_an_extra_body,
    "relationships.list": links.test_relationships_are_walked_in_the_requested_direction_and_depth,
    "tags.list": vocabulary.test_tags_are_found_by_a_part_of_their_value,
    "target_industries.catalog.list": vocabulary.test_industries_of_the_dataset_and_of_the_catalog_are_listed,
    "target_industries.list": vocabulary.test_industries_of_the_dataset_and_of_the_catalog_are_listed,
}
"""Operation -> the test that checks its effect."""


@dataclass(frozen=True)
class NotServed:
    """An operation that is not one of the 35 required ones, their successors, or another one that tools need."""

    reason: str
    route: str
    call: Callable[[ThreatEventsResource], object]


CATALOG = "no tool changes or deletes datasets and categories"
INDICATORS = "indicators belong to events; indicators.list contains those of all datasets"
TAGS = "tags are created by tagging an event, and have nothing but a value"

NOT_SERVED: Mapping[str, NotServed] = {
    "categories.delete": NotServed(
        CATALOG,
        "DELETE /categories/x",
        lambda threats: threats.categories.delete("x", account_id=ACCOUNT),  # pyright: ignore[reportDeprecated]
    ),
    "categories.edit": NotServed(
        CATALOG,
        "PATCH /categories/x",
        lambda threats: threats.categories.edit("x", account_id=ACCOUNT),  # pyright: ignore[reportDeprecated]
    ),
    "indicators.aggregate.list": NotServed(
        INDICATORS,
        "GET /indicators/aggregate",
        lambda threats: threats.indicators.aggregate.list(account_id=ACCOUNT, aggregate_by="indicatorType"),
    ),
    "indicators.by_dataset.get": NotServed(
        INDICATORS,
        "GET /dataset/x/indicators/y",
        lambda threats: threats.indicators.by_dataset.get("y", account_id=ACCOUNT, dataset_id="x"),
    ),
    "indicators.by_dataset.list": NotServed(
        INDICATORS,
        "GET /dataset/x/indicators",
        lambda threats: threats.indicators.by_dataset.list("x", account_id=ACCOUNT),  # pyright: ignore[reportDeprecated]
    ),
    "indicators.by_dataset.tags.list": NotServed(
        INDICATORS,
        "GET /dataset/x/indicators/tags",
        lambda threats: threats.indicators.by_dataset.tags.list("x", account_id=ACCOUNT),
    ),
    "tags.categories.create": NotServed(
        TAGS,
        "POST /tags/categories/create",
        lambda threats: threats.tags.categories.create(account_id=ACCOUNT, name="x"),
    ),
    "tags.categories.delete": NotServed(
        TAGS,
        "DELETE /tags/categories/x",
        lambda threats: threats.tags.categories.delete("x", account_id=ACCOUNT),  # pyright: ignore[reportDeprecated]
    ),
    "tags.categories.edit": NotServed(
        TAGS,
        "PATCH /tags/categories/x",
        lambda threats: threats.tags.categories.edit("x", account_id=ACCOUNT),  # pyright: ignore[reportDeprecated]
    ),
    "tags.categories.list": NotServed(
        TAGS, "GET /tags/categories", lambda threats: threats.tags.categories.list(account_id=ACCOUNT)
    ),
    "tags.create": NotServed(
        TAGS, "POST /tags/create", lambda threats: threats.tags.create(account_id=ACCOUNT, value="x")
    ),
    "tags.delete": NotServed(TAGS, "DELETE /tags/x", lambda threats: threats.tags.delete("x", account_id=ACCOUNT)),
    "tags.edit": NotServed(TAGS, "PATCH /tags/x", lambda threats: threats.tags.edit("x", account_id=ACCOUNT)),
    "tags.indicators.by_dataset.list": NotServed(
        TAGS,
        "GET /dataset/x/tags/y/indicators",
        lambda threats: threats.tags.indicators.by_dataset.list("y", account_id=ACCOUNT, dataset_id="x"),  # pyright: ignore[reportDeprecated]
    ),
    "tags.indicators.list": NotServed(
        TAGS, "GET /tags/x/indicators", lambda threats: threats.tags.indicators.list("x", account_id=ACCOUNT)
    ),
    "target_industries.by_dataset.list": NotServed(
        "target_industries.list with one dataset returns the same",
        "GET /dataset/x/targetIndustries",
        lambda threats: threats.target_industries.by_dataset.list("x", account_id=ACCOUNT),
    ),
}


def list_operations(resource: object, path: str = "") -> Iterator[str]:
    """Yield the methods of a resource and of its sub-resources, as a caller writes them."""
    for name in dir(resource):
        member: object = None if name.startswith("_") else getattr(resource, name)
        if inspect.ismethod(member):
            yield path + name
        elif hasattr(member, "with_raw_response"):
            yield from list_operations(member, f"{path}{name}.")


def test_every_operation_is_tested_or_listed_as_not_served(threats: ThreatEventsResource) -> None:
    assert sorted(list_operations(threats)) == sorted([*TESTED, *NOT_SERVED])
    assert (len(TESTED), len(NOT_SERVED)) == (38, 16)


@pytest.mark.parametrize("operation", TESTED)
def test_the_test_of_an_operation_calls_it(operation: str) -> None:
    assert f"threats.{operation}(" in inspect.getsource(TESTED[operation])


@pytest.mark.filterwarnings(IGNORE_SUNSET_WARNINGS, "ignore:Use (indicators.)?list instead:DeprecationWarning")
@pytest.mark.parametrize("operation", NOT_SERVED)
def test_an_operation_that_is_not_served_raises_an_error(threats: ThreatEventsResource, operation: str) -> None:
    not_served = NOT_SERVED[operation]
    with pytest.raises(APIStatusError) as raised:
        not_served.call(threats)
    request = raised.value.request
    assert f"{request.method} {request.url.path.split(EVENTS)[1]}" == not_served.route
    assert raised.value.status_code in (404, 405), f"served, although {not_served.reason}"

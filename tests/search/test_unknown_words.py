"""Words of closed vocabularies that the account does not have are said, whether or not something is found."""

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from tests.conversations import ask

pytestmark = pytest.mark.anyio


async def unknown_words(client: Client, **arguments: JsonValue) -> list[str] | None:
    """Return what an answer says of unknown words; None if it says nothing."""
    data = await ask(client, "search_threat_events", **arguments, limit=1)
    said = data.get("unknown_words")
    return [str(one) for one in said] if isinstance(said, list) else None


@pytest.mark.parametrize(
    ("argument", "word", "nearest"),
    [
        ("target_industry", "banks", "Banking & Financial Services"),
        ("target_industry", "hospitals", "Healthcare"),
        ("target_industry", "finance", "Banking & Financial Services"),
        ("target_industry", "Banken", "Banking & Financial Services"),
        ("target_industry", "Helthcare", "Healthcare"),
        ("category", "C2", "Command and Control"),
        ("category", "exploits", "Vulnerability Exploitation"),
        ("category", "Phising", "Phishing"),
        ("attacker", "VELUR CICADA", "VELOUR CICADA"),
        ("target_country", "Germny", "Germany"),
    ],
)
async def test_an_unknown_word_is_said_with_the_nearest_known_one(
    client: Client, argument: str, word: str, nearest: str
) -> None:
    filters: dict[str, JsonValue] = {argument: [word]}
    said = await unknown_words(client, **filters)
    assert said is not None
    start, _, words = said[0].partition(f" {nearest}")
    assert start == f"{argument}: {word} is unknown, the nearest {'are' if words else 'is'}"


async def test_an_unknown_word_beside_known_ones_is_said_although_events_are_found(client: Client) -> None:
    data = await ask(client, "search_threat_events", target_industry=["Healthcare", "zzqq"], limit=1)
    assert data["events"] == 1
    assert data["unknown_words"] == snapshot(
        ["target_industry: zzqq is unknown; list_threat_vocabulary lists the industries"]
    )


async def test_a_group_of_countries_is_answered_with_its_members(client: Client) -> None:
    assert await unknown_words(client, target_country=["DACH"]) == snapshot(
        ["target_country: DACH is a group of countries, to be passed one by one: AT, CH, DE"]
    )


async def test_a_region_that_is_no_known_group_gets_no_country_as_its_neighbour(client: Client) -> None:
    assert await unknown_words(client, target_country=["California"]) == snapshot(
        ["target_country: California is unknown; list_threat_vocabulary lists the countries"]
    )


@pytest.mark.parametrize("argument", ["target_country", "attacker_country"])
async def test_an_inverted_name_is_one_country_and_not_another(client: Client, argument: str) -> None:
    inverted: dict[str, JsonValue] = {argument: "Korea, Democratic People's Republic of, Virgin Islands, U.S."}
    data = await ask(client, "search_threat_events", **inverted, limit=1)
    assert data.get("unknown_words") is None
    assert data["read_as"] == [
        f"{argument}: Korea, Democratic People's Republic of as KP",
        f"{argument}: Virgin Islands, U.S. as VI",
    ]


async def test_a_country_that_the_account_does_not_list_is_searched_for_by_its_code(client: Client) -> None:
    assert await unknown_words(client, attacker_country=["Kosovo"]) == snapshot(
        ["attacker_country: Kosovo (XK) is not among the account's countries"]
    )


async def test_a_word_of_a_small_vocabulary_is_answered_with_all_of_them(client: Client) -> None:
    assert await unknown_words(client, indicator_type=["zzqq"]) == snapshot(
        ["indicator_type: zzqq is unknown, all known ones are cve, domain, email, filename, hash, ip, ja3, url, wallet"]
    )


async def test_a_word_that_is_like_none_leads_to_the_list(client: Client) -> None:
    assert await unknown_words(client, category=["zzqq"]) == snapshot(
        ["category: zzqq is unknown; list_threat_vocabulary lists the categories"]
    )


async def test_known_words_in_any_spelling_are_not_mentioned(client: Client) -> None:
    words = await unknown_words(
        client, category=["phishing"], target_country=["Deutschland", "Iran (Islamic Republic of)"]
    )
    assert words is None

"""What a recording contains of hostile exchanges: nothing that identifies a person, an account or a text."""

import json
from pathlib import Path

import httpx
import pytest
from inline_snapshot import snapshot

from cf1_mcp.cli.placeholders import Placeholders
from cf1_mcp.cli.recording import Exchange, redact_exchanges, write_recording
from cf1_mcp.errors import BadFile
from cf1_mcp.text.secrets import SecretMask

TOKEN = "Zk3vP9qLw8XyT2mN7cR5bH1jD4fG6sAeUoKi0VxQ"
ACCOUNT = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
EVENT = "7d0c9a52-1f6e-4a88-9a1c-2f0b8c6d5e41"
DATASET = "3b1f7c2e-8d4a-4c55-b7e9-0a9d8c7b6f52"
SECRETS = [TOKEN, ACCOUNT]
PRIVATE = [
    *SECRETS, ACCOUNT.upper(), EVENT, DATASET, "alice", "Alice", "acme", "evil.tld", "45.83", "Weaver", "hunter2", "Berlin",
    "4711", "raw-77", "d41d8cd98f00b204e9800998ecf8427e",
]  # fmt: skip


def exchange(
    path: str,
    answer: object,
    *,
    method: str = "GET",
    body: object = None,
    headers: dict[str, str] | None = None,
    status: int = 200,
) -> Exchange:
    url = httpx.URL(f"https://alice:hunter2@acme.evil.tld/client/v4/accounts/{ACCOUNT}/cloudforce-one{path}")
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    sent = b"" if body is None else json.dumps(body).encode()
    return Exchange(method, url, sent, status, httpx.Headers(headers or {}), content)


def redact(*exchanges: Exchange) -> str:
    return "\n".join(json.dumps(one) for one in redact_exchanges(exchanges, SecretMask(SECRETS)))


HOSTILE = {
    "uuid": EVENT,
    "datasetId": DATASET,
    "rawId": "raw-77",
    "date": "2026-11-20T08:00:00Z",
    "event": f"Alice (alice@acme.evil.tld) of Berlin sent {TOKEN} from 45.83.1.2",
    "indicator": "45.83.1.2",
    "indicatorType": "hunter2",
    "indicators": ["evil.tld", "hxxp://evil.tld/a", "https://evil.tld/hunter2", "d41d8cd98f00b204e9800998ecf8427e"],
    "attacker": "Weaver Ant",
    "attackerCountry": "Berlin",
    "targetCountry": "DE",
    "tlp": "amber",
    "insight": json.dumps({"alice@acme.evil.tld": {"password": "hunter2", "n": 4711}}),
    "tags": ["Weaver", " ", "alice@acme.evil.tld"],
    "mitreAttack": ["T1566.002", "Weaver"],
    "numReferences": "3",
    "numReferenced": 2,
    "accountId": 4711,
    "raw": {"data": {"alice_of_acme": {"card": 4711}, TOKEN: True, "text": f"[\"{ACCOUNT}\"]"}},
    TOKEN: "a key",
    "x" * 50: "a long key",
    "killChain": None,
    "hasChildren": False,
}  # fmt: skip


def test_a_hostile_exchange_loses_everything_private() -> None:
    query = f"?datasetId={DATASET}&search=%5B%7B%22field%22:%22attacker%22,%22op%22:%22equals%22,%22value%22:%22Weaver%22%7D%5D&orderBy={TOKEN}&pageSize=3&{ACCOUNT}=alice"
    headers = {
        "content-type": "application/json",
        "retry-after": TOKEN,
        "set-cookie": "alice",
        "ratelimit": '"default";r=1;t=2',
    }
    text = redact(
        exchange(f"/events{query}", {"success": True, "result": [HOSTILE]}, headers=headers),
        exchange(f"/events/dataset/{DATASET}/events/{EVENT}", HOSTILE),
        exchange(f"/events/alice@acme.evil.tld/{ACCOUNT}/{TOKEN}", {"errors": [{"message": f"no {ACCOUNT}"}]}, status=404),
        exchange("/v2/events/graphql", {"data": {"Weaver": "Alice"}}, method="POST", body={"query": '{ a(b: "Weaver") }'}),
        exchange("/events/queries", [{"id": 4711, "user_email": "alice@acme.evil.tld", "query_json": json.dumps({"search": [{"field": "attacker", "op": "in", "value": ["Weaver"]}]})}]),
        exchange("/events/tags", f"<html>Alice {TOKEN}</html>".encode(), status=502),
        exchange("/events/countries", b"\xff\xfe hunter2"),
    )  # fmt: skip
    assert [word for word in PRIVATE if word in text] == []


def test_what_remains_keeps_its_form_and_what_belongs_together() -> None:
    [one] = redact_exchanges(
        [exchange(f"/events/dataset/{DATASET}/events/{EVENT}", HOSTILE, headers={"content-type": "application/json"})],
        SecretMask(SECRETS),
    )
    assert one == snapshot(
        {
            "request": {
                "method": "GET",
                "path": "/events/dataset/{dataset_id}/events/{event_id}",
                "ids": {
                    "dataset_id": "00000000-0000-4000-8000-000000000001",
                    "event_id": "00000000-0000-4000-8000-000000000002",
                },
                "query": [],
                "body": None,
            },
            "response": {
                "status": 200,
                "headers": {"content-type": "application/json"},
                "body": {
                    "uuid": "00000000-0000-4000-8000-000000000002",
                    "datasetId": "00000000-0000-4000-8000-000000000001",
                    "rawId": "id1",
                    "date": "2026-11-20T08:00:00Z",
                    "event": "text 1..........................................................................................................................................................",
                    "indicator": "192.0.2.2",
                    "indicatorType": "text 2",
                    "indicators": [
                        "host-1.example",
                        "https://host-1.example/path",
                        "https://host-2.example/path",
                        "1fedcba9876543210fedcba987654321",
                    ],
                    "attacker": "text 3",
                    "attackerCountry": "text 4",
                    "targetCountry": "DE",
                    "tlp": "amber",
                    "insight": '{"key_1":{"key_2":"text 2","key_3":1}}',
                    "tags": ["text 5", " ", "person-1@example.com"],
                    "mitreAttack": ["T1566.002", "text 5"],
                    "numReferences": "3",
                    "numReferenced": 2,
                    "accountId": 1,
                    "raw": {
                        "data": {"key_4": {"key_5": 1}, "key_6": True, "key_7": '["2fedcba9876543210fedcba987654321"]'}
                    },
                    "key_6": "text 6",
                    "key_8": "text 7",
                    "killChain": None,
                    "hasChildren": False,
                },
            },
        }
    )


def test_equal_values_have_equal_placeholders_and_texts_their_class_of_length() -> None:
    texts = Placeholders(SecretMask([]))
    assert [texts.text(text) for text in ("one", "two", "one", "x" * 30, "a.example.com", "a.example.com")] == snapshot(
        ["text 1", "text 2", "text 1", "text 3..................................", "host-1.example", "host-1.example"]
    )
    assert len(texts.text("y" * 5_000)) == 2_000


def test_a_recording_that_would_contain_a_secret_is_not_written(tmp_path: Path) -> None:
    """A name of a schema is kept, so a schema could still carry one."""
    answer = {"data": {"__schema": {"types": [{"kind": "OBJECT", "name": TOKEN}]}}}
    path = tmp_path / "recording.jsonl"
    with pytest.raises(BadFile, match="would contain the token or the account id"):
        write_recording(path, [exchange("/events/graphql", answer, method="POST")], SECRETS)
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"missing/x\.jsonl cannot be written"):
        write_recording(tmp_path / "missing" / "x.jsonl", [], [])

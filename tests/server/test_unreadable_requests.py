"""Lines that are not messages: each gets a JSON-RPC error, and the connection goes on."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from mcp.types import INVALID_REQUEST, PARSE_ERROR

from cf1_mcp.server.unreadable_requests import find_request_id

INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": "start",
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        },
    }
)
DIGITS = "9" * 5_000


def call(arguments: str, request_id: str = "7") -> str:
    """A call of a tool with arguments as a client wrote them."""
    head = f'{{"jsonrpc":"2.0","id":{request_id},"method":"tools/call",'
    return f'{head}"params":{{"name":"search_threat_events","arguments":{arguments}}}}}'


def ping(request_id: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{request_id},"method":"ping"}}'


LINES: dict[str, tuple[str | bytes, int | str | None, int]] = {
    "half a surrogate": (call(r'{"text":"\ud800"}'), 7, PARSE_ERROR),
    "the other half, in a name": (call(r'{"\udc00":1}', '"seven"'), "seven", PARSE_ERROR),
    "half a surrogate in the method": (r'{"jsonrpc":"2.0","id":7,"method":"\ud800"}', 7, PARSE_ERROR),
    "300 lists": (call(f'{{"text":{"[" * 300}{"]" * 300}}}'), 7, PARSE_ERROR),
    "300 objects": (call('{"a":' * 300 + "1" + "}" * 300), 7, PARSE_ERROR),
    "100,000 lists without an end": (call(f'{{"text":{"[" * 100_000}'), 7, PARSE_ERROR),
    "a number of 5,000 digits": (call(f'{{"limit":{DIGITS}}}'), 7, PARSE_ERROR),
    "a negative number of 5,000 digits": (call(f'{{"limit":-{DIGITS}}}'), 7, PARSE_ERROR),
    "a progress token of 5,000 digits": (ping("7")[:-1] + f',"params":{{"_meta":{{"progressToken":{DIGITS}}}}}}}', 7, PARSE_ERROR),
    "a byte order mark": ("\ufeff" + call('{"limit":1}'), 7, PARSE_ERROR),
    "UTF-16": (call("{}").encode("utf-16"), None, PARSE_ERROR),
    "a message that is cut off": (call('{"limit":1}')[:-4], 7, PARSE_ERROR),
    "two messages": (call("{}") + call("{}", "8"), 7, PARSE_ERROR),
    "a batch": (f"[{ping('7')}]", None, INVALID_REQUEST),
    "a word": ("hello", None, PARSE_ERROR),
    "a number": ("7", None, INVALID_REQUEST),
    "an empty object": ("{}", None, INVALID_REQUEST),
    "a zero byte": ("\0", None, PARSE_ERROR),
    "no version": ('{"id":7,"method":"ping"}', 7, INVALID_REQUEST),
    "another version": ('{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, INVALID_REQUEST),
    "params as a list": (ping("7")[:-1] + ',"params":[1]}', 7, INVALID_REQUEST),
    "params as a text": (ping("7")[:-1] + ',"params":"x"}', 7, INVALID_REQUEST),
    "an id with a fraction": (ping("1.5"), None, INVALID_REQUEST),
    "an id that is true": (ping("true"), None, INVALID_REQUEST),
    "an id that is null": (ping("null"), None, INVALID_REQUEST),
    "an id of 5,000 digits": (ping(DIGITS), None, PARSE_ERROR),
    "an id of half a surrogate": (ping(r'"\ud800"'), None, PARSE_ERROR),
    "an answer to nothing": (r'{"jsonrpc":"2.0","id":7,"result":{"x":"\ud800"}}', None, PARSE_ERROR),
}  # fmt: skip


def converse(lines: Sequence[str | bytes], folder: Path) -> list[dict[str, object]]:
    """Send lines to a server and return its answers, without those to the lines that begin and end the talk."""
    sent = [line if isinstance(line, bytes) else line.encode() for line in [*lines, ping('"end"')]]
    environment = {"CF1_STATE_DIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "cf1_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"\n".join(sent) + b"\n")
        process.stdin.flush()
        answers: list[dict[str, object]] = []
        while (answer := json.loads(process.stdout.readline())).get("id") != "end":
            answers.append(answer)
        process.stdin.close()
        # Answers of calls that run at once may come in another order.
        answers += [json.loads(line) for line in process.stdout]
        assert process.stderr.read() == b""
    return [answer for answer in answers if answer.get("id") != "start"]


def test_every_line_that_is_not_a_message_is_answered_and_the_connection_goes_on(tmp_path: Path) -> None:
    initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    answers = converse([INITIALIZE, initialized, *(line for line, _, _ in LINES.values())], tmp_path)
    expected = [(request_id, code) for _, request_id, code in LINES.values()]
    found = [(answer["id"], cast("dict[str, object]", answer["error"])["code"]) for answer in answers]
    assert dict(zip(LINES, found, strict=True)) == dict(zip(LINES, expected, strict=True))


def test_the_first_line_of_a_connection_may_be_unreadable(tmp_path: Path) -> None:
    answers = converse(["\ufeff" + call("{}", '"first"'), "", " ", INITIALIZE], tmp_path)
    assert answers == snapshot(
        [
            {
                "jsonrpc": "2.0",
                "id": "first",
                "error": {
                    "code": -32700,
                    "message": "The request is not JSON that can be read, so it was not carried out: it is cut off, has half a character (a lone surrogate), a byte order mark, a number of thousands of digits, or hundreds of levels. Send one message a line.",
                },
            }
        ]
    )


@given(st.text())
def test_no_line_stops_the_search_for_its_id(line: str) -> None:
    find_request_id(line)


@given(
    st.one_of(st.integers(-(10**14), 10**14), st.from_regex(r'[^"\\\x00-\x1f]{0,40}', fullmatch=True)),
    st.recursive(st.one_of(st.none(), st.text(), st.integers(), st.floats()), lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20),
)  # fmt: skip
def test_an_id_is_found_whatever_else_the_request_holds(request_id: int | str, value: object) -> None:
    params = json.dumps({"id": 1, "value": value, "method": {}})
    for order in (f'"params":{params},"id":{json.dumps(request_id, ensure_ascii=False)}', f'"id":{json.dumps(request_id, ensure_ascii=False)},"params":{params}'):  # fmt: skip
        line = f'\ufeff{{"method":"x",{order}}}'
        assert find_request_id(line) == request_id
        assert find_request_id(f"{line[:-1]},[[") == request_id

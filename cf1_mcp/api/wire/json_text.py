"""The JSON of answers, without secrets."""

from pydantic import JsonValue

from cf1_mcp.models.json_reading import map_texts, read_json
from cf1_mcp.text.secrets import SecretMask


def parse_json(content: bytes, secrets: SecretMask) -> JsonValue:
    """Return the value of the JSON in an answer. Raises the same as `read_json`."""
    value = read_json(content)
    return map_texts(value, secrets.hide) if secrets.may_be_in(content) else value

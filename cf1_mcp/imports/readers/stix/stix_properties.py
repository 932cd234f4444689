"""Reads properties of STIX objects that become fields of an event."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from cf1_mcp.imports.readers.stix.stix_markings import EVIDENCE, BundleObject


def find_date(value: BundleObject, sighted: str | None) -> JsonValue:
    return (
        sighted
        or value.get("published")
        or value.get("first_seen")
        or value.get("valid_from")
        or value.get("created")
        or ""
    )


def find_title(value: BundleObject) -> str:
    return str(value.get("name") or value.get("description") or value.get("pattern") or value["id"])


def select_evidence(value: BundleObject) -> JsonValue:
    return {name: value[name] for name in EVIDENCE if name in value}


def find_technique(value: BundleObject) -> str | None:
    references = value.get("external_references")
    for one in references if isinstance(references, list) else []:
        if (
            isinstance(one, dict)
            and one.get("source_name") == "mitre-attack"
            and isinstance(one.get("external_id"), str)
        ):
            return str(one["external_id"])
    return None


def list_texts(value: JsonValue) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def list_values(value: BundleObject) -> list[str]:
    """Return the values of an observable: an address, a name, a URL, or the hashes of a file."""
    hashes = value.get("hashes")
    found = [value.get("value"), *(hashes.values() if isinstance(hashes, dict) else ())]
    return [one for one in found if isinstance(one, str) and one]


def find_own_record(value: BundleObject, extension: str) -> Mapping[str, JsonValue] | None:
    """Return what an export of this server keeps of an event in an extension of its object."""
    extensions = value.get("extensions")
    record = extensions.get(extension) if isinstance(extensions, dict) else None
    return cast("Mapping[str, JsonValue]", record) if isinstance(record, dict) else None

"""The indicator of an event as it is to be stored: one value in its canonical form, which its type can have."""

from typing import TYPE_CHECKING

from cf1_mcp.errors import BadArgument
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

if TYPE_CHECKING:
    from cf1_mcp.indicators import Kind, ReadIndicator


def read_event_indicator(text: str, type_name: str = "", argument: str = "indicator") -> "ReadIndicator | None":
    """Return the one indicator of a text; None of a blank one.

    A value of no known kind is kept, unless its type demands another.

    Raises:
        BadArgument: there are several, or the value is not of its type.
    """
    from cf1_mcp.indicators import read_indicator, read_indicators

    if not text.strip():
        return None
    if one := read_indicator(text, type_name):
        return one
    found = [one for one in read_indicators(text) if not one.is_inner]
    if len(found) > 1:
        problem = f"it has {len(found)} values, and this field has one"
        raise BadArgument(argument, problem, "one value; import_threat_events takes an event for each")
    if not found:
        return None
    kind = "" if found[0].kind == "other" else f", but of kind {found[0].kind}"
    raise BadArgument(
        argument,
        f"{clean(text, MAX_NAME_LENGTH, value=True)!r} is not of type {clean(type_name, MAX_NAME_LENGTH)!r}{kind}",
        "a value of this type, or another indicator_type",
    )


def fits_type(value: str, type_name: str) -> bool:
    """Whether a value can be of a type. Types that only an account knows can have any value."""
    from cf1_mcp.indicators import read_indicator

    return not value.strip() or not type_name.strip() or read_indicator(value, type_name) is not None


def kind_of(value: str) -> "Kind | None":
    """Return the kind of a value in its canonical form; None if it is none of the known ones."""
    from cf1_mcp.indicators import classify

    found = classify(value)
    return found.kind if found else None


def canonical_key(value: str) -> str:
    """Return the key by which indicators are compared: what is equal in its canonical form has one key."""
    from cf1_mcp.indicators import classify

    found = classify(value)
    return (found.value if found else value).strip().casefold()

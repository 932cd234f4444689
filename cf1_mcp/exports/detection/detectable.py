"""Which events become rules of detection."""

from cf1_mcp.exports.detection.blockable import find_objection, unmap
from cf1_mcp.exports.export_file import WARNED, Omission
from cf1_mcp.exports.observables import Observable, read_observable
from cf1_mcp.models import Event


def detectable_value(event: Event) -> Observable | Omission:
    """Return the event's value for a rule, or the reason why it must not be in one."""
    found = read_observable(event)
    if found is None:
        return Omission("an indicator that is not valid for its type" if event.indicator.strip() else "no indicator")
    value = unmap(found)
    reason = find_objection(value)
    return omit(value, reason) if reason else value


def omit(value: Observable, reason: str) -> Omission:
    """Return why a value is left out. One that stands on a warning list is named, so that a person can decide."""
    return Omission(reason, value.value if reason.startswith(WARNED) else "")

"""The text fields of an event that an import may set."""

from typing import Final

TEXTS: Final = (
    "date",
    "category",
    "event",
    "tlp",
    "attacker",
    "attacker_country",
    "target_country",
    "target_industry",
    "indicator",
    "indicator_type",
    "insight",
)
REQUIRED: Final = TEXTS[:4]

"""Read an answer as a model does: some frameworks show it the text, others the data."""

import json
from typing import Any

Answer = dict[str, Any]


def read(seen: str) -> Answer:
    """Return an answer as data: `columns` and `rows`, facts, and parts such as `raw` by name.

    Values that were read from text are text.
    """
    return json.loads(seen) if seen.startswith("{") else _from_text(seen)


def column(answer: Answer, name: str) -> list[str]:
    """Return one column of a columnar answer. Several values in one cell are joined by commas, as in the text."""
    place = answer["columns"].index(name)
    return [",".join(row[place]) if isinstance(row[place], list) else str(row[place]) for row in answer["rows"]]


def _from_text(text: str) -> Answer:
    whole: Answer = {}
    part = whole
    for line in text.split("\n"):
        if line.startswith("-- "):
            part = whole[line.removeprefix("-- ")] = {}
        elif "\t" in line and "columns" not in part:
            part |= {"columns": line.split("\t"), "rows": []}
        elif "\t" in line:
            part["rows"].append(line.split("\t"))
        elif ": " in line:
            name, _, value = line.partition(": ")
            part[name] = value
    return whole

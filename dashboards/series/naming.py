"""What the lines of an answer are called, and what unit they have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboards.ingest.readings import Labels

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_PER_SECOND = {"": "/s", "s": "", "ms": ""}


def names(
    groups: Sequence[Labels], title: str, *, legend: str = "", all_labels: bool, prefixed: bool
) -> list[str]:
    """Name lines by a legend, else by their labels, else by the title of their query.

    That depends on which series there are, not on which have a value: a tail has the same names.

    Args:
        groups: The labels of each line.
        title: What a line is called that has no labels to be told apart by.
        legend: A text with `{{label}}` where the value of a label is put in.
        all_labels: Whether labels count that all lines have with the same value.
        prefixed: Whether names by labels begin with the title.
    """
    if legend:
        return [_put_in(legend, dict(labels)) for labels in groups]
    alike = set() if all_labels else set.intersection(*(set(labels) for labels in groups))
    found = [" · ".join(p[1] for p in labels if p not in alike) for labels in groups]
    if prefixed:
        return [f"{title} · {name}" if name else title for name in found]
    return [name or title for name in found]


def unit_of(function: str, unit: str) -> str:
    """Return the unit of what a function says of series of a unit."""
    if function == "count":
        return ""
    return _PER_SECOND.get(unit, f"{unit}/s") if function == "rate" else unit


def unit_between(op: str, left: str, right: str) -> str:
    """Return the unit of what arithmetic makes of two; empty where it has no name."""
    if op in ("+", "-"):
        return left if left == right else ""
    if right == "":
        return left
    return right if op == "*" and left == "" else ""


def _put_in(legend: str, labels: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: labels.get(found[1], ""), legend)

"""Variables of a dashboard: what they offer, what is chosen, and queries with that put in.

    reference = "$" name | "${" name "}"          "$$" is a dollar sign

`$__interval` is the step between two points, such as `30s`. In a window, the choice `auto` is one
step, too. A matcher whose variable has several values becomes a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

from dashboards.layout.model import Layout, Variable
from dashboards.series.ports import Match, Matcher, MetricStore
from dashboards.series.ranges import duration_text

ALL = "*"
"""The choice of everything: alone in what is chosen, for variables that take several values."""
AUTO = "auto"
"""The choice of an interval that is one step."""
INTERVAL = "__interval"
CHOICES_AT_MOST = 1000

_INTERVALS = (AUTO, "1m", "5m", "15m", "1h", "6h", "1d")
_REFERENCE = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_AS_REGEX = {Match.EQUAL: Match.REGEX, Match.NOT_EQUAL: Match.NOT_REGEX}

Chosen = Mapping[str, tuple[str, ...]]


class BadReference(ValueError):
    """A query refers to a variable that says nothing; the text is a sentence for a person."""


def choices(variable: Variable, store: MetricStore) -> list[str]:
    """List what a variable offers, `CHOICES_AT_MOST` at most. Raises StoreAway."""
    if variable.kind == "label":
        return store.values(variable.label, variable.metric, limit=CHOICES_AT_MOST)
    if variable.kind == "interval" and not variable.options:
        return list(_INTERVALS)
    return list(dict.fromkeys(variable.options))


def chosen(
    layout: Layout, wanted: Mapping[str, Sequence[str]], store: MetricStore
) -> dict[str, tuple[str, ...]]:
    """Return the values of every variable of a layout.

    Args:
        layout: Its variables.
        wanted: What somebody chose, by name; what a variable does not offer is left out.
        store: Where values of labels are looked up.

    Returns:
        By name: one value, or several or `ALL` alone where the variable takes several; nothing
        where it offers nothing.

    Raises:
        StoreAway: the store does not answer.
    """
    return {
        variable.name: _chosen(variable, wanted.get(variable.name, ()), store)
        for variable in layout.variables
    }


def _chosen(variable: Variable, wanted: Sequence[str], store: MetricStore) -> tuple[str, ...]:
    offered = choices(variable, store)
    known = set(offered)
    for values in (wanted, variable.default):
        if variable.multi and ALL in values:
            return (ALL,)
        found = tuple(dict.fromkeys(value for value in values if value in known))
        if found:
            return found if variable.multi else found[:1]
    return (ALL,) if variable.multi else tuple(offered[:1])


def plain(text: str) -> str:
    """Write a text so that nothing is put in."""
    return text.replace("$", "$$")


def with_step(values: Chosen, step_ms: int) -> dict[str, tuple[str, ...]]:
    """Return values with those that each question has by itself."""
    return {**values, INTERVAL: (duration_text(step_ms),)}


def put_in(text: str, values: Chosen) -> str:
    """Put values in a text for people, several with commas between them.

    Raises:
        BadReference: there is no such variable.
    """
    if "$" not in text:
        return text
    return "".join(
        part if isinstance(part, str) else ", ".join(_("all") if v == ALL else v for v in part)
        for part in _parts(text, values)
    )


def put_in_if(text: str, values: Chosen) -> str:
    """Put values in a text as `put_in`; one that refers to what is not there stays as it is."""
    try:
        return put_in(text, values)
    except BadReference:
        return text


def put_in_one(text: str, values: Chosen) -> str:
    """Put values in what names one thing, such as a metric or a window.

    Raises:
        BadReference: there is no such variable, or several of its values are chosen.
    """
    found = []
    for part in _parts(text, values):
        if not isinstance(part, str) and (len(part) != 1 or part == (ALL,)):
            raise BadReference(_("“%s” needs a variable with one value.") % text)
        found.append(part if isinstance(part, str) else part[0])
    return "".join(found)


def put_in_each(names: Sequence[str], values: Chosen) -> tuple[str, ...]:
    """Put values in a list: a variable with several values becomes as many items.

    Raises:
        BadReference: there is no such variable, or all of its values are chosen.
    """
    found: list[str] = []
    for name in names:
        parts = list(_parts(name, values))
        if len(parts) == 1 and not isinstance(parts[0], str) and ALL not in parts[0]:
            found += parts[0]
        else:
            found.append(put_in_one(name, values))
    return tuple(dict.fromkeys(found))


def matcher_of(label: str, operator: str, value: str, values: Chosen) -> Matcher | None:
    """Make a matcher of what a query says; None where all is to match.

    Args:
        label: The label.
        operator: One of `Match`.
        value: What it is compared with. Values of variables stand for themselves also in a regular
            expression: they are escaped.
        values: Of the variables.

    Raises:
        BadReference: there is no such variable, or it has no value.
        ValueError: no such operator.
    """
    match = Match(operator)
    parts = list(_parts(value, values))
    several = any(not isinstance(part, str) and (len(part) > 1 or ALL in part) for part in parts)
    if not several and match in _AS_REGEX:
        plain = "".join(part if isinstance(part, str) else part[0] for part in parts)
        return Matcher(label, match, plain)
    literal = re.escape if match in _AS_REGEX else str
    pattern = "".join(
        literal(part) if isinstance(part, str) else _alternation(part) for part in parts
    )
    match = _AS_REGEX.get(match, match)
    return None if match is Match.REGEX and pattern == ".*" else Matcher(label, match, pattern)


def _alternation(values: tuple[str, ...]) -> str:
    if ALL in values:
        return ".*"
    each = "|".join(re.escape(value) for value in values)
    return each if len(values) == 1 else f"(?:{each})"


def _parts(text: str, values: Chosen) -> Iterator[str | tuple[str, ...]]:
    """Yield texts, and the values of the variables between them."""
    place = 0
    for found in _REFERENCE.finditer(text):
        if found.start() > place:
            yield text[place : found.start()]
        place = found.end()
        name = found.group(1) or found.group(2)
        if name is None:
            yield "$"
            continue
        if name not in values:
            raise BadReference(_("There is no variable “$%s”.") % name)
        if not values[name]:
            raise BadReference(_("The variable “$%s” has nothing to choose from.") % name)
        yield values[name]
    if place < len(text):
        yield text[place:]

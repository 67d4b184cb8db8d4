"""What somebody has a dashboard show: a range, its time zone, and values of variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import QueryDict
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dashboards.layout.model import LINE_LENGTH, VARIABLES_AT_MOST, Layout
from dashboards.series.ranges import Range

VARIABLE = "var-"
"""What the names of variables begin with in the address of a page."""
_VALUES_AT_MOST = 100
_WORDS_LENGTH = 64
_HALF = re.compile("[\ud800-\udfff]")


class BadSelection(ValueError):
    """What was asked for cannot be shown; the text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown, as it was asked for. Equal ones are answered once.

    `start` and `end` are as in `Range.parse`, `variables` the values that were chosen of each
    variable, sorted by its name; one that is not there has its default. `language` is what the
    page is in; empty: that of the site.
    """

    start: str = "now-1h"
    end: str = "now"
    zone: str = "UTC"
    variables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    language: str = ""

    @property
    def range(self) -> Range:
        return _range(self.start, self.end, self.zone)

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        return dict(self.variables)

    @property
    def query(self) -> str:
        """Return it as a page's query string."""
        pairs = [("from", self.start), ("to", self.end), ("tz", self.zone)]
        pairs += [(VARIABLE + name, value) for name, values in self.variables for value in values]
        return urlencode(pairs)

    def plain(self) -> dict[str, Any]:
        """Return it as what a socket's `show` has."""
        variables = {name: list(values) for name, values in self.variables}
        return {"from": self.start, "to": self.end, "tz": self.zone, "variables": variables}

    def of(self, layout: Layout) -> Selection:
        """Leave out variables that a layout does not have, so that fewer selections differ."""
        known = {variable.name for variable in layout.variables}
        kept = tuple(pair for pair in self.variables if pair[0] in known)
        return replace(self, variables=kept)

    def in_language(self) -> AbstractContextManager[None]:
        """Let what is said within be in the language of the page."""
        return translation.override(self.language or settings.LANGUAGE_CODE)


def selection_of(
    start: Any,
    end: Any,
    zone: Any,
    variables: Mapping[str, Any],
    *,
    span: str = "1h",
    language: Any = "",
) -> Selection:
    """Check what was asked for; what is None or empty has its default.

    Args:
        start: As in `Range.parse`.
        end: As in `Range.parse`.
        zone: The name of a time zone.
        variables: Lists of values by names of variables.
        span: How long before now is shown where nothing was asked for.
        language: Of the page, as in `<html lang>`; one that the site does not have is the site's.

    Raises:
        BadSelection: it is no range, no time zone, or too much.
    """
    start, end, zone = start or f"now-{span}", end or "now", zone or "UTC"
    if not all(_is_text(word, _WORDS_LENGTH) for word in (start, end, zone)):
        raise BadSelection(_("This is no range of time."))
    chosen = []
    for name, values in sorted(variables.items()):
        whole = isinstance(values, list | tuple) and len(values) <= _VALUES_AT_MOST
        if not whole or not all(_is_text(one, LINE_LENGTH) for one in values):
            raise BadSelection(_("A variable has a list of values, of bounded number and length."))
        if values:
            chosen.append((name[:LINE_LENGTH], tuple(dict.fromkeys(values))))
    if len(chosen) > VARIABLES_AT_MOST:
        raise BadSelection(_("There are more variables than a dashboard may have."))
    selection = Selection(start, end, zone, tuple(chosen), _language(language))
    try:
        _range(selection.start, selection.end, selection.zone)
    except ValueError as error:
        raise BadSelection(str(error)) from error
    return selection


def selection_of_query(query: QueryDict, *, span: str = "1h", language: str = "") -> Selection:
    """Read the selection of a page's query string; see `selection_of`."""
    variables = {
        name.removeprefix(VARIABLE): values
        for name, values in query.lists()
        if name.startswith(VARIABLE)
    }
    return selection_of(
        query.get("from"), query.get("to"), query.get("tz"), variables,
        span=span, language=language,
    )  # fmt: skip


def _is_text(value: Any, length: int) -> bool:
    """Tell whether a value is a text that can be sent on: JSON can hold halves of characters."""
    return isinstance(value, str) and len(value) <= length and not _HALF.search(value)


def _language(asked: Any) -> str:
    """Return a language of the site's, empty for its own: groups of viewers differ by it."""
    if not isinstance(asked, str) or not asked:
        return ""
    try:
        found = translation.get_supported_language_variant(asked)
        own = translation.get_supported_language_variant(settings.LANGUAGE_CODE)
    except LookupError:
        return ""
    return "" if found == own else found


@lru_cache(maxsize=1024)
def _range(start: str, end: str, zone: str) -> Range:
    if zone not in _zones():
        raise BadSelection(_("There is no time zone of this name."))
    return Range.parse(start, end, ZoneInfo(zone))


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())

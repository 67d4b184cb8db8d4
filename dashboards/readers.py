"""Reading numbers for the API: in a few threads, and what may be asked at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import BoundedSemaphore
from typing import Annotated, Any, TypeVar

from channels.db import database_sync_to_async
from django.utils.translation import gettext as _
from ninja import Field

from collab import conf
from collab.api import ApiError
from collab.engine.errors import Overloaded
from dashboards import questions
from dashboards.series.ports import (
    BadMatcher,
    Match,
    Matcher,
    StoreAway,
    TooManySamples,
    TooManySeries,
)
from dashboards.series.ranges import BadDuration, BadRange

Text = Annotated[str, Field(max_length=300)]

_MATCHER = re.compile(r"([^=!~]+)(=~|!~|!=|=)(.*)", re.DOTALL)
# Each reader may have this many questions behind the one it reads; past it callers are told to
# come back.
_WAITING_PER_THREAD = 16
# A database that hangs says nothing at all: its thread goes on waiting, whoever asked need not.
_ANSWERED_WITHIN_S = 30.0
T = TypeVar("T")

_REFUSED: dict[type[Exception], str] = {
    questions.BadQuestion: "bad_question",
    questions.TooMuch: "too_many_points",
    BadDuration: "bad_time",
    BadMatcher: "bad_matcher",
    BadRange: "bad_time",
    TooManySamples: "too_many_points",
    TooManySeries: "too_many_series",
}


@cache
def _readers() -> tuple[ThreadPoolExecutor, BoundedSemaphore]:
    """Return the threads that read for the API, and how many questions may be at them."""
    threads = conf.get("QUERY_THREADS")
    pool = ThreadPoolExecutor(threads, "collab-query")
    return pool, BoundedSemaphore(threads * (1 + _WAITING_PER_THREAD))


async def read(ask: Callable[[], T]) -> T:
    """Read in one of a few threads. Raises ApiError for what is refused, Overloaded."""
    pool, room = _readers()
    if not room.acquire(blocking=False):
        raise Overloaded(_("Too many questions are asked at once; come back in a moment."))
    reading = asyncio.ensure_future(
        database_sync_to_async(ask, thread_sensitive=False, executor=pool)()
    )
    reading.add_done_callback(lambda done: _finished(done, room))
    try:
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            found: T = await asyncio.shield(reading)
        return found
    except TimeoutError as error:
        away = _("The database does not answer; try again in a moment.")
        raise ApiError(503, "database_away", away) from error
    except tuple(_REFUSED) as refusal:
        raise ApiError(422, _REFUSED[type(refusal)], str(refusal)) from refusal
    except StoreAway as error:
        raise ApiError(503, "database_away", str(error)) from error


def _finished(reading: asyncio.Future[Any], room: BoundedSemaphore) -> None:
    """Make room for another question; also of one that nobody waits for any more."""
    room.release()
    if not reading.cancelled():
        reading.exception()


def matchers_of(given: list[str]) -> list[Matcher]:
    """Read matchers such as `host=web1`.

    Raises:
        BadMatcher: one is none.
    """
    found = []
    for one in given:
        parts = _MATCHER.fullmatch(one)
        if parts is None:
            raise BadMatcher(
                _("“%s” is no matcher: write label=value, label!=value, label=~regex or "
                  "label!~regex.") % one
            )  # fmt: skip
        found.append(Matcher(parts[1].strip(), Match(parts[2]), parts[3]))
    return found

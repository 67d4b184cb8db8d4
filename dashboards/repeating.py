"""Threads that do something again and again until the process stops."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, connections

from dashboards.series.ports import StoreAway

logger = logging.getLogger(__name__)


class Repeating:
    """A thread that calls something at the pace that it asks for.

    Args:
        name: Of the thread.
        work: Called again and again; returns after how many seconds it wants to be called next.
            What it raises is logged, and it is called again after a while.
        first_s: When it is called first.
        at_end: Called on the thread when it ends.
    """

    _AFTER_ERROR_S = 5.0

    def __init__(
        self,
        name: str,
        work: Callable[[], float],
        *,
        first_s: float = 0.0,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.stopping = Event()
        self._work = work
        self._first_s = first_s
        self._at_end = at_end
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; what it does at the moment it finishes."""
        self.stopping.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s = self._first_s
        try:
            while not self.stopping.wait(wait_s):
                wait_s = self._turn()
            with contextlib.suppress(DatabaseError, InterfaceError):
                self._at_end()
        finally:
            connections.close_all()

    def _turn(self) -> float:
        started = time.monotonic()
        try:
            for connection in connections.all(initialized_only=True):
                connection.close_if_unusable_or_obsolete()
            return self._work()
        except StoreAway as error:
            logger.warning("%s waits: %s", self._thread.name, error)
        except Exception:
            logger.exception("%s failed, and goes on", self._thread.name)
        return max(self._AFTER_ERROR_S, time.monotonic() - started)

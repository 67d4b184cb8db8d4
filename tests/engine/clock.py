"""An event loop whose time jumps to its next timer: windows, rests and expiries cost nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _NothingDue(selectors.BaseSelector):
    """A selector that never waits: it moves the loop's time instead."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if not ready:
            if timeout is None:
                # No timer, nothing ready: whatever is awaited will never happen.
                raise RuntimeError("Everything waits, and no timer will end it.")
            self.now_s += max(timeout, 0.0)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual seconds, from 0.

    It raises RuntimeError instead of waiting for ever, so a lost wake-up fails its test at once.
    Threads must not be waited for: their time is real.
    """

    def __init__(self) -> None:
        self._virtual = _NothingDue()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def spend(self, seconds: float) -> None:
        """Let the code that runs now take this long."""
        self._virtual.now_s += seconds


def spend(seconds: float) -> None:
    """Let the code that runs now take this long on the running virtual loop."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("Only a virtual loop's time can be spent.")
    loop.spend(seconds)

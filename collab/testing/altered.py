"""`collab`, altered for a test: it dies at a moment that no kill from outside would meet.

Run as `python -m collab.testing.altered up …`, as the module of a `Site`. After SIGUSR1 it kills
itself (SIGKILL) between the next commit and its broadcast, after SIGUSR2 in the next compaction,
when the snapshot is made and not written. With NEXT_RELEASE in its environment it tells other
processes what a later release might: more in each event, and events that nobody knows yet.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import django

from collab.__main__ import main
from collab.engine.firewall import Limits
from collab.engine.replica import Replica

DIE_BEFORE_BROADCAST = signal.SIGUSR1
DIE_IN_COMPACTION = signal.SIGUSR2
NEXT_RELEASE = "NEXT_RELEASE"

_armed: set[int] = set()


def _arm(number: int, frame: object) -> None:
    _armed.add(number)


def _die_if(number: int) -> None:
    if number in _armed:
        os.kill(os.getpid(), signal.SIGKILL)


def _alter() -> None:
    """Alter what must not be imported before Django is set up."""
    from collab import log
    from collab.relay import LayerRelay

    publish = LayerRelay.publish
    if NEXT_RELEASE in os.environ:
        publish = _as_next_release(publish)

    def publish_or_die(self: LayerRelay, key: int, event: dict[str, Any]) -> None:
        if event["event"] == "rows":
            _die_if(DIE_BEFORE_BROADCAST)
        publish(self, key, event)

    whole_state = log._whole_state

    def whole_state_or_die(replica: Replica, limits: Limits) -> bytes | None:
        state = whole_state(replica, limits)
        _die_if(DIE_IN_COMPACTION)
        return state

    LayerRelay.publish = publish_or_die  # type: ignore[method-assign]
    log._whole_state = whole_state_or_die


def _as_next_release(publish: Callable[[Any, int, dict[str, Any]], None]) -> Any:
    def publish_more(self: Any, key: int, event: dict[str, Any]) -> None:
        publish(self, key, {"event": "of the next release", "rows": [1, 2]})
        publish(self, 0, {"event": "of the next release", "user": None})
        publish(self, key, event | {"of the next release": {"seen": True}})

    return publish_more


def _set_up(set_prefix: bool = True, set_up: Callable[[bool], None] = django.setup) -> None:
    """Alter the code once Django is set up for the first time."""
    set_up(set_prefix)
    _alter()
    django.setup = set_up  # type: ignore[assignment]


if __name__ == "__main__":
    signal.signal(DIE_BEFORE_BROADCAST, _arm)
    signal.signal(DIE_IN_COMPACTION, _arm)
    django.setup = _set_up
    main()

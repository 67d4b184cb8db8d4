"""`collab` with clocks that are not the machine's: `python -m collab.testing.clocks up`.

Set as `Site.module`. Two variables of the environment say what is different:

    CLOCKS_AHEAD  a file with the seconds that the wall clock is ahead, read at the start and each
                  time SIGUSR1 comes. Monotonic clocks stay true, as they do when a machine's time
                  is corrected.
    CLOCKS_FASTER a number: all clocks, and all time-outs of the event loop, run so many times as
                  fast.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collab.testing.servers import Site

MODULE = "collab.testing.clocks"
AHEAD, FASTER = "CLOCKS_AHEAD", "CLOCKS_FASTER"


def put_ahead(site: Site, seconds: float) -> None:
    """Say what a site's wall clock will be ahead by, and move it if it runs with this module."""
    path = site.directory / f"{site.name}.clock"
    path.write_text(str(seconds))
    moved = site.module == MODULE and AHEAD in site.environment
    site.module = MODULE
    site.environment[AHEAD] = str(path)
    if moved:
        site.signal(signal.SIGUSR1)


def _follow(path: Path) -> None:
    """Have all of Python's wall clocks follow the file."""
    import time_machine

    journeys: list[Any] = []

    def travel(*_: object) -> None:
        while journeys:
            journeys.pop().stop()
        journey = time_machine.travel(time.time() + float(path.read_text()), tick=True)
        journey.start()
        journeys.append(journey)

    travel()
    signal.signal(signal.SIGUSR1, travel)


def _hurry(factor: float) -> None:
    """Have time pass faster for all that asks `time`, and for the event loop's waiting."""
    for name in ("monotonic", "time"):
        clock = getattr(time, name)

        def faster(clock: Any = clock, began: float = clock()) -> float:
            return began + (float(clock()) - began) * factor

        setattr(time, name, faster)
    select = selectors.EpollSelector.select

    def sooner(self: Any, timeout: float | None = None) -> Any:
        return select(self, None if timeout is None else timeout / factor)

    selectors.EpollSelector.select = sooner  # type: ignore[method-assign]


def main() -> None:
    """Run `collab` with the clocks that the environment asks for."""
    if path := os.environ.get(AHEAD):
        _follow(Path(path))
    if factor := os.environ.get(FASTER):
        _hurry(float(factor))
    # After the clocks: some modules keep the functions that they find when they are imported.
    from collab.__main__ import main as collab

    collab()


if __name__ == "__main__":
    main()

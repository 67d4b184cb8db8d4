"""`collab` with clocks that are not the machine's: `python -m collab.testing.clocks up`.

Variables of the environment say what is different:

    CLOCKS_AHEAD   a file with the seconds that the wall clock is ahead, read at the start and each
                   time SIGRTMIN comes. Monotonic clocks stay true, as they do when a machine's time
                   is corrected.
    CLOCKS_FASTER  a number: all clocks, and all time-outs of the event loop, run so many times as
                   fast.
    CLOCKS_OF      the module that is run with them, `collab` if there is none.

Such a process also tidies its memory when it is told to (`tidy`): what is left then is in use.
"""

from __future__ import annotations

import os
import runpy
import selectors
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil

    from collab.testing.servers import Site

MODULE = "collab.testing.clocks"
AHEAD, FASTER, OF = "CLOCKS_AHEAD", "CLOCKS_FASTER", "CLOCKS_OF"
_MOVE = signal.SIGRTMIN
_TIDY = signal.SIGRTMIN + 1


def put_ahead(site: Site, seconds: float) -> None:
    """Say what a site's wall clock is ahead by: at once if `movable`, or from its next start on."""
    path = site.directory / f"{site.name}.clock"
    path.write_text(str(seconds))
    if movable(site):
        site.signal(_MOVE)
    else:
        _run_with_clocks(site, {AHEAD: str(path)})


def movable(site: Site) -> bool:
    """Tell whether a site was made to run with a wall clock that moves."""
    return AHEAD in site.environment


def tidy(process: psutil.Process) -> None:
    """Have a site's process collect its garbage soon; it must run with this module.

    Raises:
        psutil.NoSuchProcess: it has ended; one that is new in its place is left alone.
    """
    process.send_signal(_TIDY)


def make_faster(site: Site, factor: float) -> None:
    """Have time pass faster for a site, from its next start on."""
    _run_with_clocks(site, {FASTER: str(factor)})


def _run_with_clocks(site: Site, clocks: dict[str, str]) -> None:
    site.environment |= clocks | {OF: site.module}
    site.module = MODULE


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
    signal.signal(_MOVE, travel)


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


def _tidy(number: int, frame: object) -> None:
    from collab.heap import give_memory_back

    give_memory_back()


def main() -> None:
    """Run a module with the clocks that the environment asks for."""
    signal.signal(_TIDY, _tidy)
    if path := os.environ.get(AHEAD):
        _follow(Path(path))
    if factor := os.environ.get(FASTER):
        _hurry(float(factor))
    # Whatever it imports finds the clocks as they are now.
    runpy.run_module(os.environ.get(OF, "collab"), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

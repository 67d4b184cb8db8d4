"""Every await of the engine and of what the simulation puts around it: where a process can die.

A task of a process is watched as it runs. Each time it waits, the awaits it stands at are known,
the innermost and those that called it.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import collab.engine
from tests.engine.clock import VirtualLoop

_ENGINE = Path(collab.engine.__path__[0])
_HERE = Path(__file__).parent
# ports.py says what is awaited, not how.
_FILES = [
    *(path for path in sorted(_ENGINE.glob("*.py")) if path.name != "ports.py"),
    _HERE / "ports.py",
    _HERE / "socket.py",
]


class Owner(Protocol):
    """Whose tasks are watched."""

    tasks: dict[asyncio.Task[Any], None]

    def waits(self, places: Callable[[], Iterator[str]]) -> None:
        """Learn that a task waits now; `places` tells at which awaits."""


OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)
"""Whose code runs. Tasks and timers inherit it from who starts them."""


@cache
def await_points() -> dict[tuple[str, int], str]:
    """Name every await by file and line."""
    points: dict[tuple[str, int], str] = {}
    for path in _FILES:
        tree = ast.parse(path.read_text())
        for name, function in _functions(tree, path.stem):
            for node in ast.walk(function):
                if isinstance(node, ast.Await):
                    point = f"{name}: {ast.unparse(node.value)}"
                    again = sum(known.startswith(point) for known in points.values())
                    points[str(path), node.lineno] = f"{point} ({again + 1})" if again else point
    return points


def _functions(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.AsyncFunctionDef):
            yield f"{name}.{child.name}", child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{name}.{child.name}")


def _places(coroutine: Any) -> Iterator[str]:
    """Name the awaits at which a coroutine stands, the outermost first."""
    points = await_points()
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        point = points.get((frame.f_code.co_filename, frame.f_lineno))
        if point is not None:
            yield point
        coroutine = coroutine.cr_await


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that tells its owner each time it waits."""

    def __init__(self, inner: Coroutine[Any, Any, Any], owner: Owner) -> None:
        self._inner = inner
        self._owner = owner

    def send(self, value: Any) -> Any:
        waits_for = self._inner.send(value)
        self._owner.waits(lambda: _places(self._inner))
        return waits_for

    def throw(self, *error: Any) -> Any:
        waits_for = self._inner.throw(*error)
        self._owner.waits(lambda: _places(self._inner))
        return waits_for

    def close(self) -> None:
        self._inner.close()

    def __repr__(self) -> str:
        where = [*_places(self._inner)]
        return f"{self._inner.__qualname__} at {where[-1]!r}" if where else self._inner.__qualname__

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("Only a task runs this.")


def _new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    owner = OWNER.get()
    if owner is None:
        return asyncio.Task(coroutine, loop=loop, **options)
    task = asyncio.Task(_Watched(coroutine, owner), loop=loop, **options)
    owner.tasks[task] = None
    task.add_done_callback(owner.tasks.pop)
    return task


def watching_loop() -> VirtualLoop:
    """Make a loop in virtual time whose tasks are watched by their owners."""
    loop = VirtualLoop()
    loop.set_task_factory(_new_task)
    return loop

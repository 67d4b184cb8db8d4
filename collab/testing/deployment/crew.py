"""The worker processes of a check."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from collab.testing.deployment.target import CannotCheck
from collab.testing.deployment.worker import LINE_BYTES

Told = dict[str, Any]


class Crew:
    """Worker processes, which end with it.

    Args:
        tasks: What each is told first.
        progress: Called with what all workers told last, added up.
    """

    def __init__(self, tasks: list[Told], progress: Callable[[dict[str, int]], None]) -> None:
        self._tasks = tasks
        self._progress = progress
        self._last: dict[int, dict[str, int]] = {}
        self._workers: list[asyncio.subprocess.Process] = []
        # What workers print when they die.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the workers

    async def __aenter__(self) -> Self:
        for _ in self._tasks:
            self._workers.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "collab.testing.deployment.worker",
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=self._errors, limit=LINE_BYTES, env=_environment(),
                )
            )  # fmt: skip
        return self

    async def __aexit__(self, *error: object) -> None:
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
        await asyncio.gather(*(worker.wait() for worker in self._workers))
        self._errors.close()

    async def enter(self) -> None:
        """Have all peers connect. Raises CannotCheck."""
        for answer in await self._ask(self._tasks):
            if "failed" in answer:
                raise CannotCheck(str(answer["failed"]))

    async def ask_all(self, what: Told) -> list[Told]:
        """Tell all workers the same. Returns their answers. Raises CannotCheck."""
        return await self._ask([what] * len(self._workers))

    async def _ask(self, what: list[Told]) -> list[Told]:
        return list(await asyncio.gather(*map(self._ask_one, range(len(what)), what)))

    async def _ask_one(self, number: int, what: Told) -> Told:
        worker = self._workers[number]
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError("A worker has no pipes.")
        with contextlib.suppress(ConnectionError):
            worker.stdin.write(json.dumps(what).encode() + b"\n")
            await worker.stdin.drain()
        while line := await worker.stdout.readline():
            answer: Told = json.loads(line)
            if "progress" not in answer:
                return answer
            self._last[number] = answer["progress"]
            keys = ("edits", "acknowledged", "connected")
            self._progress({key: sum(one[key] for one in self._last.values()) for key in keys})
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()
        raise CannotCheck(f"A worker process ended: {last[-1] if last else 'killed'}.")


def _environment() -> dict[str, str]:
    """Have workers import what this process does, wherever it was started."""
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path}

"""Code that runs on a site's data in a process of its own, which serves nobody."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from types import TracebackType
from typing import Self

from collab.testing.servers import Site

# Each line has a piece of code, and is answered by what it printed, and how it failed.
_LOOP = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    printed, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), {})
    except Exception:
        error = traceback.format_exc()
    print(json.dumps([printed.getvalue(), error]), flush=True)
"""


class Console:
    """`collab shell`, started once for all that a module's tests change behind a site's back.

    Args:
        site: Has its data; it need not run.
    """

    def __init__(self, site: Site) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "collab", "shell", "-v", "0", "--no-imports", "-c", _LOOP],
            env=site.environment, cwd=site.directory, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, code: str) -> str:
        """Run code in names of its own. Returns what it printed.

        Raises:
            RuntimeError: with the traceback of what the code raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(code) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("collab shell has ended")
        printed, error = json.loads(answer)
        if error:
            raise RuntimeError(error)
        return str(printed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process: it has nothing more to read, unless a test gave up on its answer."""
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

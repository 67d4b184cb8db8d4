"""nginx of a test's own, with the file that is deployed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from collab.testing import programs
from collab.testing.servers import Program, ask, free_port, wait_until


def render(configuration: Path, directory: Path, port: int, upstream: Mapping[str, int]) -> str:
    """Return a configuration like `deploy/nginx.conf` with other addresses; nothing else changes.

    Three things are replaced, each of which must be there: the port to listen on, the directory to
    write to, and each `server NAME:8000 resolve` by a port on loopback (no name server answers
    here, and Debian's nginx is older than `resolve`).

    Raises:
        ValueError: the file has changed so that one of them is not there.
    """
    replacements = {
        r"\blisten 8080;": f"listen 127.0.0.1:{port};",
        r"(?<= )/tmp/": f"{directory}/",
    } | {
        rf"\bserver {name}:8000 resolve\b": f"server 127.0.0.1:{of}"
        for name, of in upstream.items()
    }
    text = configuration.read_text()
    for pattern, replacement in replacements.items():
        text, count = re.subn(pattern, replacement, text)
        if not count:
            raise ValueError(f"{configuration} has no {pattern}")
    return text


class Nginx(Program):
    """nginx before web processes.

    Args:
        directory: For its configuration, logs and temporary files.
        configuration: `deploy/nginx.conf`, or one like it.
        upstream: Port of each web process by its name in the file.
    """

    def __init__(self, directory: Path, configuration: Path, upstream: Mapping[str, int]) -> None:
        super().__init__("nginx", directory)
        self.port = free_port()
        self._conf = directory / "nginx.conf"
        self._conf.write_text(render(configuration, directory, self.port, upstream))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        # Workers of a master that is root would be somebody who may not enter the test's directory.
        user = "user root; " if os.geteuid() == 0 else ""
        self.spawn([
            programs.nginx(), "-c", str(self._conf), "-p", str(self.directory), "-e", "stderr",
            "-g", f"{user}daemon off;",
        ])  # fmt: skip
        wait_until(lambda: ask("GET", f"{self.url}/healthz").status_code == 200, "nginx answering")

    def kill(self) -> None:
        """End it at once. Not by SIGKILL: workers of a master that is killed go on without it."""
        self.stop()

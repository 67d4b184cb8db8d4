"""A host project's own application, served on the database of its tests."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from collab.testing.servers import Program, free_port, wait_until


class LiveProcess(Program):
    """One process that serves `settings.ASGI_APPLICATION` with Daphne.

    Args:
        directory: For its log.
        name: Of its log file.
        told: What `collab.testing.serving` is to know, but the port.
    """

    def __init__(self, directory: Path, name: str, told: dict[str, Any]) -> None:
        super().__init__(name, directory)
        self.port = free_port()
        self._told = told | {"port": self.port}

    def start(self) -> None:
        file = self.directory / f"{self.name}.json"
        # The passwords of databases are in it.
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
            json.dump(self._told, written, default=str)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.spawn([sys.executable, "-m", "collab.testing.serving", str(file)], environment)

    def wait_ready(self) -> None:
        wait_until(self._listens, "the live site listening")

    def _listens(self) -> bool:
        if not self.running:
            raise RuntimeError(f"the live site ended: {self.output()[-2000:]}")
        with socket.create_connection(("127.0.0.1", self.port), 5):
            return True


class LiveSite:
    """A project's own application, served by processes of their own, as in production.

    A test sees it over sockets and HTTP, and in the database. It may kill it. Settings that a test
    changes in its own process do not reach it.

    Args:
        directory: For logs.
        databases: What differs from `settings.DATABASES`, by alias: the names of the test
            databases at least.
        channel_layers: In place of `settings.CHANNEL_LAYERS`, or None for these.
        processes: How many; more than one needs a layer that they share.
    """

    def __init__(
        self,
        directory: Path,
        databases: dict[str, dict[str, Any]],
        channel_layers: dict[str, Any] | None = None,
        *,
        processes: int = 1,
    ) -> None:
        told = {
            "settings": os.environ["DJANGO_SETTINGS_MODULE"],
            "databases": databases,
            "channel_layers": channel_layers,
        }
        names = ["live_site", *(f"live_site_{number}" for number in range(2, processes + 1))]
        self.processes = [LiveProcess(directory, name, told) for name in names]

    @property
    def url(self) -> str:
        """The address of its first process, http://host:port."""
        return f"http://127.0.0.1:{self.processes[0].port}"

    @property
    def ws_url(self) -> str:
        """The address of the first process's sockets, ws://host:port."""
        return self.ws_urls[0]

    @property
    def ws_urls(self) -> list[str]:
        """The addresses of the sockets of all processes."""
        return [f"ws://127.0.0.1:{process.port}" for process in self.processes]

    def start(self) -> None:
        """Start, and wait until all processes listen.

        Raises:
            RuntimeError: one ended; the text has the end of its log.
        """
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.wait_ready()

    def kill(self) -> None:
        """End all processes at once, as crashes would."""
        for process in self.processes:
            process.kill()

    def restart(self) -> None:
        """Kill all processes, and start them again on the same addresses."""
        self.kill()
        self.start()

    def key(self, user: Any) -> str:
        """Make an API key that acts as a user."""
        from collab.models import ApiKey

        return ApiKey.issue(user, "made by a test")[1]

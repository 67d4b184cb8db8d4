"""The topology of `docker-compose.yml` on loopback, from the same nginx file and set-up script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from collab.testing import programs
from collab.testing.servers import Postgres, Program, Redis, Site, free_port, running, wait_until
from tests.support import needs

NGINX_CONF = needs.REPOSITORY / "deploy/nginx.conf"
SET_UP = needs.REPOSITORY / "deploy/set-up.sh"


def render(directory: Path, port: int, upstream: Mapping[str, int]) -> str:
    """Return `deploy/nginx.conf` with other addresses; nothing else in it changes.

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
    text = NGINX_CONF.read_text()
    for pattern, replacement in replacements.items():
        text, count = re.subn(pattern, replacement, text)
        if not count:
            raise ValueError(f"{NGINX_CONF} has no {pattern}")
    return text


class Nginx(Program):
    """nginx with the deployed file.

    Args:
        directory: For its configuration, logs and temporary files.
        upstream: Port of each web process by its name in the file.
    """

    def __init__(self, directory: Path, upstream: Mapping[str, int]) -> None:
        super().__init__("nginx", directory)
        self.port = free_port()
        self._conf = directory / "nginx.conf"
        self._conf.write_text(render(directory, self.port, upstream))

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
        wait_until(lambda: httpx.get(f"{self.url}/healthz").status_code == 200, "nginx answering")


@dataclass
class Topology:
    """What runs. `webs` by the names that docker-compose.yml and nginx.conf give them."""

    webs: dict[str, Site]
    nginx: Nginx

    def peers_of(self, name: str) -> int:
        """Count the sockets of one web process, by its own metrics."""
        text = httpx.get(f"{self.webs[name].url}/metrics").text
        return int(float(re.findall(r"^collab_peers (\S+)$", text, re.MULTILINE)[0]))

    def wait_until_empty(self) -> None:
        """Wait until no process has a socket open, so that nginx counts from nothing."""
        wait_until(lambda: not any(map(self.peers_of, self.webs)), "the last socket's end")


def set_up(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the one-shot service's script, with `collab` of the Python that runs the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return subprocess.run(
        ["/bin/sh", str(SET_UP)], env={**environment, "PATH": path},
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@contextmanager
def deployed(directory: Path, postgres: Postgres, redis: Redis) -> Iterator[Topology]:
    """Set up, and run two web processes behind nginx, that share a data directory."""
    data = directory / "data"
    data.mkdir(mode=0o700)
    environment = {
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "COLLAB_DATA_DIR": str(data),
        "COLLAB_HTTPS": "1",
        "COLLAB_METRICS_PUBLIC": "1",
    }
    webs = {
        name: Site(directory, command=("serve",), environment=environment, name=name)
        for name in ("web1", "web2")
    }
    set_up(webs["web1"].environment)
    nginx = Nginx(directory, {name: web.port for name, web in webs.items()})
    with running(*webs.values(), nginx):
        yield Topology(webs, nginx)

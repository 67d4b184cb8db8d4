"""The topology of `docker-compose.yml` on loopback, from the same nginx file and set-up script."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from collab.testing.nginx import Nginx
from collab.testing.servers import Postgres, Redis, Site, running, wait_until
from tests.support import needs

NGINX_CONF = needs.REPOSITORY / "deploy/nginx.conf"
SET_UP = needs.REPOSITORY / "deploy/set-up.sh"


@dataclass
class Topology:
    """What runs. `webs` by the names that docker-compose.yml and nginx.conf give them."""

    webs: dict[str, Site]
    nginx: Nginx

    def peers_of(self, name: str) -> int:
        """Count the sockets of one web process, by its own metrics."""
        return int(self.webs[name].metrics()["collab_peers"])

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
        "DATABASE_URL": postgres.create_database("deployed"),
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
    nginx = Nginx(directory, NGINX_CONF, {name: web.port for name, web in webs.items()})
    with running(*webs.values(), nginx):
        yield Topology(webs, nginx)

"""A whole deployment of a test's own, of which each part and each wire may fail."""

from __future__ import annotations

import contextlib
import random
import signal
from pathlib import Path

from collab.testing.nginx import Nginx
from collab.testing.proxy import Proxy
from collab.testing.relay_noise import RelayNoise
from collab.testing.servers import Postgres, Program, Redis, Site

# Rooms are compacted now and then while things go wrong.
_ENVIRONMENT = {"COLLAB_METRICS_PUBLIC": "1", "COLLAB_COMPACT_ROWS": "30"}
# Fewer than by default, so that a test can take them all.
_CONNECTIONS = 60


class Cluster:
    """PostgreSQL, Redis and two web processes, with a proxy on each wire, and nginx before them.

        peers -> [nginx ->] before[site] -> site -> to_postgres, to_redis -> services

    `start` starts what does not run and heals what is broken, so that a fault that failed half-way
    leaves nothing to the next.

    Args:
        directory: For data and logs.
        nginx_conf: `deploy/nginx.conf`, or one like it; without, `nginx` is None.
        seed: Of what is lost and reordered on noisy wires.
    """

    def __init__(
        self, directory: Path, *, nginx_conf: Path | None = None, seed: int | None = None
    ) -> None:
        for name in ("postgres", "redis", "site", "nginx"):
            (directory / name).mkdir()
        self.postgres = Postgres(directory / "postgres", f"max_connections={_CONNECTIONS}")
        self.redis = Redis(directory / "redis")
        self.relay_noise = RelayNoise(random.Random(seed))
        self.to_postgres = Proxy(self.postgres.port)
        self.to_redis = Proxy(self.redis.port, self.relay_noise.connection)
        environment = _ENVIRONMENT | {
            "DATABASE_URL": self.postgres.url.replace(
                f":{self.postgres.port}/", f":{self.to_postgres.port}/"
            ),
            "REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0",
        }
        self.first, self.second = (
            Site(directory / "site", command=command, environment=environment, name=name)
            for name, command in (("first", ("up", "--no-demo")), ("second", ("serve",)))
        )
        self.sites = (self.first, self.second)
        for site in self.sites:
            site.module = "collab.testing.altered"
        self.before = {site: Proxy(site.port) for site in self.sites}
        self.nginx: Nginx | None = None
        if nginx_conf is not None:
            upstream = {
                name: self.before[site].port
                for name, site in zip(("web1", "web2"), self.sites, strict=True)
            }
            self.nginx = Nginx(directory / "nginx", nginx_conf, upstream)
        self.key = ""

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        return (self.to_postgres, self.to_redis, *self.before.values())

    @property
    def programs(self) -> tuple[Program, ...]:
        """All that runs, in the order in which it is started."""
        ends = () if self.nginx is None else (self.nginx,)
        return (self.postgres, self.redis, *self.sites, *ends)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where peers may connect: ws://host:port of both processes, and of nginx if it is there.

        Each is behind a proxy.
        """
        addresses = [f"ws://127.0.0.1:{proxy.port}" for proxy in self.before.values()]
        return (*addresses, *([] if self.nginx is None else [self.nginx.ws_url]))

    def start(self) -> None:
        """Start what does not run, continue what was stopped, heal all wires."""
        self.relay_noise.calm()
        for proxy in self.proxies:
            if not proxy.running:
                proxy.start()
            proxy.heal()
        for program in self.programs:
            program.signal(signal.SIGCONT)
            if not program.running:
                program.start()  # type: ignore[attr-defined]
        self.key = self.key or self.first.key()

    def stop(self) -> None:
        """End everything at once."""
        with contextlib.ExitStack() as ends:
            for proxy in self.proxies:
                ends.callback(proxy.stop)
            for program in self.programs:
                ends.callback(program.kill)

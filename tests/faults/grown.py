"""The grown set-up: two processes of one site on a PostgreSQL and a Redis of their own."""

from __future__ import annotations

from pathlib import Path

from collab.testing.peer import Peer
from collab.testing.servers import Postgres, Redis, Site


class Grown:
    """PostgreSQL, Redis and two processes, each of which a test may stop.

    `start` starts what does not run, so a test that failed half-way leaves nothing to the next.
    """

    def __init__(self, directory: Path) -> None:
        for name in ("postgres", "redis", "site"):
            (directory / name).mkdir()
        self.postgres = Postgres(directory / "postgres")
        self.redis = Redis(directory / "redis")
        environment = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}
        self.first, self.second = (
            Site(directory / "site", command=command, environment=environment, name=name)
            for name, command in (("first", ("up", "--no-demo")), ("second", ("serve",)))
        )
        self.key = ""

    def start(self) -> None:
        """Start what does not run."""
        for program in (self.postgres, self.redis, self.first, self.second):
            if not program.running:
                program.start()
        self.key = self.key or self.first.key()

    def stop(self) -> None:
        for program in (self.second, self.first, self.redis, self.postgres):
            program.kill()

    async def peers(self) -> tuple[str, Peer, Peer, Peer]:
        """Make a document, with two peers at the first process and one at the second.

        Returns:
            (document, first's, first's, second's)
        """
        document = self.first.create_document(self.key)
        peers = [
            Peer(f"{site.ws_url}/ws/documents/{document}", self.key)
            for site in (self.first, self.first, self.second)
        ]
        for peer in peers:
            await peer.connect()
        return document, peers[0], peers[1], peers[2]

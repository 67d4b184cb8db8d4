"""Providers of y-websocket in Node, driven from a test."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from collab.testing.servers import Site, wait_until
from tests.support import needs

PROGRAM = Path(__file__).with_name("providers.mjs")


class Providers:
    """A Node process with any number of providers, each under a name.

    Args:
        site: Where they connect to.
        document: The document's id.
        key: An API key.
    """

    def __init__(self, site: Site, document: str, key: str) -> None:
        self.site = site
        self.document = document
        self.key = key
        self._asked = 0
        # Node 20 has WebSocket behind this flag, later ones take it without effect.
        self._process = subprocess.Popen(
            [needs.node(), "--experimental-websocket", "--no-warnings", str(PROGRAM)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, peer: str, verb: str, **options: Any) -> Any:
        """Have a provider do something. Returns its answer.

        Raises:
            RuntimeError: Node says what went wrong.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("Node has no pipes")
        self._asked += 1
        line = json.dumps({"id": self._asked, "peer": peer, "do": verb, **options})
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def make(self, peer: str, *, document: str | None = None, **params: str) -> None:
        """Make a provider; it connects at once."""
        self.tell(
            peer, "make", address=f"{self.site.ws_url}/ws/documents",
            room=document or self.document, key=self.key, params=params,
        )  # fmt: skip

    def status(self, peer: str) -> dict[str, Any]:
        return dict(self.tell(peer, "status"))

    def content(self, peer: str) -> dict[str, Any]:
        return dict(self.tell(peer, "content"))

    def until(self, peer: str, **wanted: Any) -> None:
        """Wait until the provider's status is as wanted."""
        seen: dict[str, Any] = {}

        def holds() -> bool:
            seen.update(self.status(peer))
            return seen | wanted == seen

        try:
            wait_until(holds, f"{peer} being {wanted}", 15)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {seen}") from None

    def until_equal(self, *peers: str, words: int) -> dict[str, Any]:
        """Wait until all hold so many words and the same content. Returns it."""

        def equal() -> bool:
            contents = [self.content(peer) for peer in peers]
            return len(contents[0]["list"]) == words and all(c == contents[0] for c in contents)

        wait_until(equal, f"{peers} being equal", 15)
        return self.content(peers[0])

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

"""People in Node at unmodified y-websocket providers, who type by themselves."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collab.testing import programs

_PROGRAM = Path(__file__).with_name("typists.mjs")
# A whole document comes in one line.
_LINE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Account:
    """What one of them has typed and reads now."""

    name: str
    typed: list[str]
    acknowledged: set[str]
    longest_unsaved_s: float
    connected: bool
    text: str


class NodeTypists:
    """A process of Node in which any number of people type unique tags like `<n17>`.

    Each has a provider of its own, which comes back by itself, and asks for acknowledgements.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        # Node 20 has WebSocket behind this flag, later ones take it without effect.
        self._process = await asyncio.create_subprocess_exec(
            programs.node(), "--experimental-websocket", "--no-warnings", str(_PROGRAM),
            str(programs.node_packages()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip

    async def make(
        self, name: str, url: str, key: str, rest_s: tuple[float, float] = (0.2, 0.6)
    ) -> None:
        """Make one who connects at once, and types nothing yet.

        Args:
            name: First letters of its tags.
            url: ws://host:port/ws/documents/<id>
            key: An API key.
            rest_s: Shortest and longest rest between two tags.
        """
        address, _, room = url.rpartition("/")
        rest = [1000 * part for part in rest_s]
        await self._tell("make", name=name, address=address, room=room, key=key, rest=rest)

    async def start(self) -> None:
        """Have all type."""
        await self._tell("start")

    async def stop(self) -> None:
        """Have all stop typing; they stay connected."""
        await self._tell("stop")

    async def leave(self, name: str) -> None:
        """Have one disconnect, and stay away."""
        await self._tell("leave", name=name)

    async def come(self, name: str) -> None:
        """Have one connect again."""
        await self._tell("come", name=name)

    async def paste(self, name: str, root: str, size: int) -> None:
        """Have one insert so many characters into a text of the document, in one edit."""
        await self._tell("paste", name=name, root=root, size=size)

    async def accounts(self) -> dict[str, Account]:
        """Ask all for what they have typed and read, by name."""
        answer = await self._tell("accounts")
        return {
            name: Account(
                name=name,
                typed=one["typed"],
                acknowledged=set(one["acknowledged"]),
                longest_unsaved_s=one["longest"],
                connected=one["connected"],
                text=one["text"],
            )
            for name, one in answer.items()
        }

    async def close(self) -> None:
        """End the process, and all connections with it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def _tell(self, verb: str, **options: Any) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("Node does not run")
        async with self._one_at_a_time:
            self._asked += 1
            line = json.dumps({"id": self._asked, "do": verb, **options})
            process.stdin.write(f"{line}\n".encode())
            await process.stdin.drain()
            answer = json.loads(await process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

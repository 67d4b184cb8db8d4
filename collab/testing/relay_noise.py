"""A Redis that loses some of what is published, and delivers some of it late."""

from __future__ import annotations

import random

from collab.testing.proxy import Noise

_PUSHES = (b"message", b"pmessage")


class RelayNoise:
    """What disturbs the pushes of pub/sub on the way to who subscribed; all else passes.

    Args:
        chance: Which pushes are lost or late.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.loss = 0.0
        self.late = 0.0
        self.lost = 0
        self.reordered = 0

    def calm(self) -> None:
        """Lose and delay nothing from now on."""
        self.loss = self.late = 0.0

    def connection(self) -> Noise:
        """Make the noise of one new connection."""
        return _Connection(self).take


class _Connection:
    """The replies and pushes of one connection, in RESP 2 or 3."""

    def __init__(self, noise: RelayNoise) -> None:
        self._noise = noise
        self._rest = b""
        # A push that is delivered after the next one.
        self._held: bytes | None = None

    def take(self, data: bytes) -> list[bytes]:
        """Take bytes of Redis. Returns the whole values that go on now, in their new order."""
        self._rest += data
        values: list[bytes] = []
        at = 0
        while (end := end_of_value(self._rest, at)) is not None:
            values += self._pass(self._rest[at:end])
            at = end
        self._rest = self._rest[at:]
        return values

    def _pass(self, value: bytes) -> list[bytes]:
        noise = self._noise
        if not is_push(value):
            return [value]
        if noise.chance.random() < noise.loss:
            noise.lost += 1
            return []
        held, self._held = self._held, None
        if held is not None:
            noise.reordered += 1
            return [value, held]
        if noise.chance.random() < noise.late:
            self._held = value
            return []
        return [value]


def is_push(value: bytes) -> bool:
    """Tell whether a value is a message that was published."""
    if value[:1] not in (b"*", b">"):
        return False
    words = value.split(b"\r\n", 3)
    return len(words) > 2 and words[2] in _PUSHES


def end_of_value(data: bytes, at: int) -> int | None:
    """Find where the RESP value ends that begins at `at`; None: not all of it is here."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    kind, length, end = data[at : at + 1], data[at + 1 : line_end], line_end + 2
    if kind in (b"$", b"=", b"!"):
        end += 0 if length == b"-1" else int(length) + 2
        return end if end <= len(data) else None
    if kind in (b"*", b">", b"~", b"%"):
        for _ in range(int(length) * (2 if kind == b"%" else 1)):
            found = end_of_value(data, end)
            if found is None:
                return None
            end = found
    return end

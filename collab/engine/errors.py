"""The exception tree of the engine.

CollabError
├── Refused            a peer's frame is not taken; the peer is closed with `code`
│   ├── FrameTooLarge  4413
│   ├── FrameMalformed 4422
│   ├── UpdateRejected 4422   refused by the firewall, or by the CRDT itself
│   └── TooFast        4429
├── NoSuchRoom         the log knows no room of that key, or it was deleted
├── EpochChanged       the room was reset; a peer of the older epoch starts anew
├── LogUnavailable     the log cannot be read or written now; try again
└── Overloaded         a bound was reached; come back later
"""

from __future__ import annotations

from typing import ClassVar


class CloseCode:
    """WebSocket close codes of the wire. y-websocket takes 4400-4499 as final, no others."""

    NO_LOGIN = 4401
    NO_RIGHT = 4403
    NO_SUCH_DOCUMENT = 4404
    OTHER_EPOCH = 4409
    OLD_PAGE = 4426
    TOO_LARGE = 4413
    REFUSED = 4422
    TOO_FAST = 4429
    RESTART = 1012
    OVERLOAD = 1013


class CollabError(Exception):
    """Base of every error that Collab raises. `code` is the close code that a peer sees."""

    code: ClassVar[int] = 1011


class Refused(CollabError):
    """A frame that is not taken.

    Args:
        reason: One short sentence for the person whose frame it was.
    """

    code = CloseCode.REFUSED

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FrameTooLarge(Refused):
    code = CloseCode.TOO_LARGE


class FrameMalformed(Refused):
    """Bytes that are no frame of the protocol."""


class UpdateRejected(Refused):
    """Update bytes that the firewall or the CRDT refuses.

    Args:
        reason: What is wrong with the bytes.
        offset: Where in the update, in bytes from its start, if known.
    """

    def __init__(self, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.offset = offset


class TooFast(Refused):
    code = CloseCode.TOO_FAST


class NoSuchRoom(CollabError):
    code = CloseCode.NO_SUCH_DOCUMENT


class EpochChanged(CollabError):
    code = CloseCode.OTHER_EPOCH


class LogUnavailable(CollabError):
    code = CloseCode.OVERLOAD


class Overloaded(CollabError):
    code = CloseCode.OVERLOAD

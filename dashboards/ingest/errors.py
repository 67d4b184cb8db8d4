"""What can be wrong with what a sender sends.

IngestError
├── Malformed          the body cannot be read at all; nothing of it counts        400
├── TooLarge           more bytes, or more readings, than one request may have     413
├── UnknownEncoding    compressed or written in a way that is not known            415
└── Unfit              one line or data point is no reading; the others may count
"""

from __future__ import annotations


class IngestError(Exception):
    """Base of all. The text is one sentence for who runs the sender."""


class Malformed(IngestError):
    """The body cannot be read.

    Args:
        message: What is wrong.
        line: Number of the first wrong line, from 1; None where the format has no lines.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class TooLarge(IngestError):
    """The body, unpacked or not, has more bytes or more readings than one may have."""


class UnknownEncoding(IngestError):
    """The body is compressed or written in a way that is not known."""


class Unfit(IngestError):
    """One line or data point cannot be stored; the text has neither its number nor its name."""

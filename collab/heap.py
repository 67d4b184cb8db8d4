"""The C library's heap, which keeps what is freed in pieces."""

from __future__ import annotations

import ctypes
import gc
from typing import Any


class _Info(ctypes.Structure):
    """glibc's `struct mallinfo2`, of all arenas together."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def given_out() -> int | None:
    """Return the bytes that the C library has given out and not got back.

    Free pieces between them, which are the process's too, do not count; nor do Python's blocks of
    up to 512 bytes, unless `PYTHONMALLOC=malloc`. None where it does not tell (glibc before 2.33,
    musl, other systems).
    """
    mallinfo = _function("mallinfo2")
    if mallinfo is None:
        return None
    mallinfo.restype = _Info
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def give_memory_back() -> bool:
    """Return free memory to the system, where the C library can (glibc's `malloc_trim`).

    Returns:
        Whether it could.
    """
    gc.collect()
    trim = _function("malloc_trim")
    if trim is None:
        return False
    trim(0)
    return True


def _function(name: str) -> Any:
    """Return a function of the C library; None if it has none of this name."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None

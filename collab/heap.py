"""The C library's heap, which keeps what is freed in pieces."""

from __future__ import annotations

import ctypes
import gc


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
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
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
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return False
    trim(0)
    return True

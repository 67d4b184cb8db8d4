"""The C library's heap, which keeps what is freed in pieces."""

from __future__ import annotations

import ctypes
import gc


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

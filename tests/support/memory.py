"""What a server's process holds in memory."""

from __future__ import annotations

import psutil

from collab.testing.servers import Site

MIB = 2**20


def resident_bytes(site: Site) -> int:
    """Return the server's unique memory: what would be free if it ended."""
    return int(psutil.Process(site.pid).memory_full_info().uss)

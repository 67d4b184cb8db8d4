"""Convergence tests of any room: `from collab.testing import Peer, converge`.

`collab.testing.fixtures` has pytest's fixtures for a host project; docs/testing.md tells how.
"""

from __future__ import annotations

from collab.testing.convergence import converge
from collab.testing.peer import Peer

__all__ = ["Peer", "converge"]

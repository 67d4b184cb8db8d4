"""What convergence tests are made of: peers on real sockets, sites and servers of a test's own."""

from __future__ import annotations

from collab.testing.peer import Peer

__all__ = ["Peer"]

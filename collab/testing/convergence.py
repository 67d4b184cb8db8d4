"""`converge`: all replicas of a room are equal, saved, and what somebody new is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import pycrdt
from channels.db import database_sync_to_async

from collab.testing.content import clocks_of, content_of, differences
from collab.testing.peer import Peer

_MOST_SHOWN = 5


async def converge(
    *peers: Peer, stored: Callable[[], bytes] | None = None, timeout_s: float = 20
) -> None:
    """Wait until all peers are equal, all they wrote is saved, and a fresh peer gets the same.

    Peers that are away come back first, those that were paused read on. Nobody may edit meanwhile.

    Args:
        peers: Of one room, two or more. A fresh one asks with the address and key of the first.
        stored: Reads what the server stored, as a Yjs V1 update: compared, too. Called in
            Django's thread.
        timeout_s: For all of it together.

    Raises:
        AssertionError: they did not converge in time; it tells which peers differ, and where.
    """
    if not peers:
        raise ValueError("There is nobody to converge.")
    end = time.monotonic() + timeout_s
    names = [f"peer {number}" for number in range(1, len(peers) + 1)]
    problems = await _save(dict(zip(names, peers, strict=True)), end)
    async with _Fresh(peers[0]) as fresh:
        copies = dict(zip((*names, "a fresh peer"), (*peers, fresh), strict=True))
        whole = union(peer.doc.get_update() for peer in copies.values())
        for name, peer in copies.items():
            problems += await _become(name, peer, whole, end)
    if stored is not None:
        kept = await database_sync_to_async(stored)()
        problems += _told("what is stored", kept, whole)
    if problems:
        raise AssertionError("The replicas did not converge.\n" + "\n".join(problems))


class _Fresh(Peer):
    """A peer that has nothing, and enters a room as another did."""

    def __init__(self, other: Peer) -> None:
        super().__init__(other.url, **other.headers)


async def _save(peers: dict[str, Peer], end: float) -> list[str]:
    """Connect who is away, and wait until everything is acknowledged. Returns what is not."""
    problems = []
    for name, peer in peers.items():
        peer.resume()
        try:
            if not peer.connected:
                await peer.connect()
            await peer.flush()
            await peer.until(lambda one=peer: one.saved or not one.connected, "saved", _left(end))  # type: ignore[misc]
        except TimeoutError:
            waiting = peer.sent_frames - peer.acked_frames
            problems.append(f"{name}: {waiting} of {peer.sent_frames} frames not acknowledged")
        else:
            if not peer.connected:
                problems.append(f"{name}: closed with {peer.close_code}")
    return problems


def union(states: Iterable[bytes]) -> bytes:
    """Merge states: all that anybody has."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    for state in states:
        doc.apply_update(state)
    return doc.get_update()


async def _become(name: str, peer: Peer, whole: bytes, end: float) -> list[str]:
    """Wait until a peer holds the whole. Returns how it differs if it does not come to that."""
    clocks = clocks_of(pycrdt.get_state(whole))
    content = content_of(whole)

    def equal() -> bool:
        # Deletions have no clock, so equal clocks are not enough.
        mine = peer.doc
        return clocks_of(mine.get_state()) == clocks and content_of(mine.get_update()) == content

    try:
        await peer.until(lambda: equal() or not peer.connected, "equal", _left(end))
    except TimeoutError:
        pass
    return [] if equal() else _told(name, peer.doc.get_update(), whole)


def _told(name: str, state: bytes, whole: bytes) -> list[str]:
    """Tell how a state differs from the whole; nothing if it does not."""
    clocks, all_clocks = (clocks_of(pycrdt.get_state(one)) for one in (state, whole))
    missing = sum(clock - clocks.get(author, 0) for author, clock in all_clocks.items())
    found = list(differences(content_of(state), content_of(whole)))
    if not missing and not found:
        return []
    lines = [f"{name} lacks {missing} of the others' edits (here: its content, there: all edits)"]
    lines += [f"    {line}" for line in found[:_MOST_SHOWN]]
    if len(found) > _MOST_SHOWN:
        lines.append(f"    and {len(found) - _MOST_SHOWN} places more")
    return lines


def _left(end: float) -> float:
    """Return how long there is until a moment; a little even after it, to look once."""
    return max(0.1, end - time.monotonic())

"""Who points where: presence states of one room, latest wins, in frames of a bounded size."""

from __future__ import annotations

import json
from collections.abc import Container, Hashable, Iterable
from dataclasses import dataclass

from collab.engine.content import json_depth
from collab.engine.errors import FrameMalformed
from collab.engine.protocol import State, encode_states

GONE = b"null"
# A clock counts one client's changes. Leaving adds one: at the end of what a number of the wire
# holds, that frame would throw in every browser.
_MAX_CLOCK = 2**32
# A cursor takes five levels. How deep a reader can go before it fails is its own, in each browser.
_MAX_DEPTH = 32


@dataclass(slots=True)
class _Entry:
    state: State
    owner: Hashable
    seen_at: float


class Presence:
    """Presence states by client id.

    A state replaces another of the same client if its clock is higher (y-protocols
    `applyAwarenessUpdate`). y-websocket sends back every state that it receives, so a state that
    is not newer costs one comparison and nothing else. Clients that have left stay as a tombstone
    until they expire: a late echo of their last state must not bring them back.

    Args:
        max_states: How many clients may be present at once; more are not taken.
        max_state_bytes: Bound of one state's JSON.
        expiry_s: A state that was not renewed for so long is gone.
    """

    def __init__(self, *, max_states: int, max_state_bytes: int, expiry_s: float) -> None:
        self._max_states = max_states
        self._max_state_bytes = max_state_bytes
        self._expiry_s = expiry_s
        self._entries: dict[int, _Entry] = {}
        # Clients whose latest state peers have not seen, the one that waits longest first.
        self._dirty: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def merge(
        self,
        states: Iterable[State],
        *,
        owner: Hashable,
        now: float,
        max_owned: int | None = None,
    ) -> set[int]:
        """Take states that came from `owner` (a peer, or another process).

        Args:
            max_owned: How many clients the owner may have; more are not taken.

        Returns:
            The clients whose state changed.

        Raises:
            FrameMalformed: a newer state is too large, is no JSON that a browser can parse, or has
                a clock that no client reaches.
        """
        changed = set()
        for state in states:
            entry = self._entries.get(state.client)
            if entry is not None:
                known = entry.state
                # A tab that slept takes others for gone and tells so with the clock they had:
                # only who a state came from may take it back.
                leaves = state.json == GONE and known.json != GONE and entry.owner == owner
                if state.clock < known.clock or (state.clock == known.clock and not leaves):
                    continue
            elif state.json == GONE or not self._has_place(owner, max_owned):
                continue
            self._check(state)
            self._entries[state.client] = _Entry(state, owner, now)
            self._dirty.setdefault(state.client)
            changed.add(state.client)
        return changed

    def _has_place(self, owner: Hashable, max_owned: int | None) -> bool:
        if len(self._entries) >= self._max_states:
            return False
        if max_owned is None:
            return True
        return sum(entry.owner == owner for entry in self._entries.values()) < max_owned

    def drop(self, owner: Hashable, now: float) -> set[int]:
        """Mark every client of an owner that left as gone; returns them."""
        return self._remove(
            [c for c, e in self._entries.items() if e.owner == owner and e.state.json != GONE], now
        )

    def expire(self, now: float) -> set[int]:
        """Mark as gone what was not renewed in time, and forget tombstones of that age."""
        late = [c for c, e in self._entries.items() if now - e.seen_at > self._expiry_s]
        for client in late:
            if self._entries[client].state.json == GONE and client not in self._dirty:
                del self._entries[client]
        return self._remove([c for c in late if c in self._entries], now)

    def take(self, max_bytes: int) -> tuple[bytes, set[int]] | None:
        """Take the next frame's payload: the states that wait longest, up to `max_bytes`.

        One state goes even if it alone is over the bound.

        Returns:
            The payload and the clients in it, None when no state waits.
        """
        chosen: list[State] = []
        size = 0
        for client in self._dirty:
            state = self._entries[client].state
            size += len(state.json) + 12
            if chosen and size > max_bytes:
                break
            chosen.append(state)
        for state in chosen:
            del self._dirty[state.client]
        if not chosen:
            return None
        return encode_states(chosen), {state.client for state in chosen}

    def present(self) -> set[int]:
        """Return the clients that are here."""
        return {c for c, e in self._entries.items() if e.state.json != GONE}

    def owned_by(self, owners: Container[Hashable]) -> set[int]:
        """Return the clients, also those that left, whose latest state came from these owners."""
        return {c for c, e in self._entries.items() if e.owner in owners}

    def of(self, clients: Iterable[int]) -> bytes:
        """Return the payload with the latest states of these clients."""
        return encode_states(self._entries[c].state for c in clients if c in self._entries)

    def _remove(self, clients: list[int], now: float) -> set[int]:
        for client in clients:
            entry = self._entries[client]
            if entry.state.json != GONE:
                entry.state = State(client, entry.state.clock + 1, GONE)
                entry.seen_at = now
                self._dirty.setdefault(client)
        return set(clients)

    def _check(self, state: State) -> None:
        """Refuse what would throw in the other browsers."""
        if state.clock > _MAX_CLOCK:
            raise FrameMalformed(f"A presence clock is over {_MAX_CLOCK}.")
        if len(state.json) > self._max_state_bytes:
            raise FrameMalformed(f"A presence state is over {self._max_state_bytes} bytes.")
        if json_depth(state.json) > _MAX_DEPTH:
            raise FrameMalformed(f"A presence state nests deeper than {_MAX_DEPTH} levels.")
        try:
            value = json.loads(state.json.decode(), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise FrameMalformed("A presence state is not valid JSON.") from error
        if value is not None and not isinstance(value, dict):
            raise FrameMalformed("A presence state is neither an object nor null.")


def _no_constant(name: str) -> None:
    # Python's reader takes NaN and Infinity, JavaScript's throws.
    raise ValueError(name)

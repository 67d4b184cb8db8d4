"""Bounds that a room holds its peers and itself to. Django's values come from `collab.conf`."""

from __future__ import annotations

from dataclasses import dataclass, field

from collab.engine import firewall


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """Every bound of the engine, with units in the names.

    The defaults are those of `collab.conf`, which explains each.
    """

    frame_bytes: int = 8 * 2**20
    rate_frames_per_s: float = 500
    rate_bytes_per_s: float = 16 * 2**20
    rate_burst_s: float = 10
    window_min_s: float = 0.016
    window_max_s: float = 0.05
    # A window lasts this many times what its fan-out cost: sending then takes at most 1/(1+n) of
    # a core for one room, however many peers it has.
    window_cost_factor: float = 6
    outbox_bytes: int = 64 * 2**10
    outbox_updates: int = 64
    outbox_overflow_bytes: int = 4 * 2**20
    stall_s: float = 30
    presence_tick_s: float = 0.1
    presence_tick_max_s: float = 0.5
    presence_cost_factor: float = 50
    presence_bytes_per_s: int = 64 * 2**10
    presence_state_bytes: int = 4 * 2**10
    presence_states: int = 5000
    presence_expiry_s: float = 30
    unsaved_bytes: int = 64 * 2**20
    commit_gap_max_s: float = 0.1
    commit_cost_factor: float = 40
    commit_retry_max_s: float = 2
    row_bytes: int = 64 * 2**10
    relay_update_bytes: int = 256 * 2**10
    people_refresh_s: float = 10
    heads_every_s: float = 3
    idle_s: float = 30
    open_rooms: int = 10_000
    peers_per_room: int = 5000
    compact_rows: int = 2000
    compact_rows_on_close: int = 50
    update: firewall.Limits = field(default_factory=firewall.Limits)

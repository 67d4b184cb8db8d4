"""The simulation can fail: with one safeguard of the engine removed, it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collab.engine import memory
from collab.engine.fanout import FanOut
from collab.engine.firewall import Limits
from collab.engine.journal import Journal
from collab.engine.peer import Peer
from collab.engine.ports import Appended, Batch
from collab.engine.presence import Presence
from collab.engine.registry import Registry
from collab.engine.replica import Replica
from collab.engine.room import Room
from collab.engine.tail import Tail
from tests.convergence.exploring import explore

Patch = Callable[[pytest.MonkeyPatch], None]


def no_gap_check(patch: pytest.MonkeyPatch) -> None:
    """A row that was heard of stands for all before it."""

    def hold(self: Tail, first: int, last: int) -> None:
        self.expect(last)
        self.seq = max(self.seq, last)

    patch.setattr(Tail, "hold", hold)


def no_comparison_of_heads(patch: pytest.MonkeyPatch) -> None:
    """An event that was lost, with none after it, is never missed."""
    patch.setattr(Room, "check_head", lambda self, head: None)


def acks_before_commit(patch: pytest.MonkeyPatch) -> None:
    """An edit is acknowledged when it is applied."""
    content = Room._content

    def early(self: Room, peer: Peer, update: bytes) -> None:
        content(self, peer, update)
        peer.ack(peer.content_frames)

    patch.setattr(Room, "_content", early)


def repeats_acked_at_once(patch: pytest.MonkeyPatch) -> None:
    """What a peer sends again is taken for saved while the journal still has it."""
    patch.setattr(Journal, "holds", lambda self, room: False)


def failed_commits_taken_for_done(patch: pytest.MonkeyPatch) -> None:
    """A commit is tried once."""

    async def append(self: Journal, batches: Sequence[Batch]) -> list[Any]:
        try:
            return await self._log.append(batches)
        except Exception:
            return [Appended(1, 1) for _ in batches]

    patch.setattr(Journal, "_append", append)


def no_compaction_guard(patch: pytest.MonkeyPatch) -> None:
    """A snapshot is written also while a row waits for one that is missing."""

    def state(updates: list[bytes]) -> bytes:
        replica = Replica(Limits())
        replica.load(updates)
        return replica.encode()

    patch.setattr(memory, "_state", state)


def no_dedupe(patch: pytest.MonkeyPatch) -> None:
    """What is there already counts as new."""
    apply = Replica.apply

    def everything(self: Replica, update: bytes) -> bytes:
        brought = apply(self, update)
        return update if brought is None else brought

    patch.setattr(Replica, "apply", everything)


def timers_go_on(patch: pytest.MonkeyPatch) -> None:
    """A closed room's window stays open."""
    patch.setattr(FanOut, "cancel", lambda self: None)


def outboxes_without_bound(patch: pytest.MonkeyPatch) -> None:
    """A peer that does not read is kept whatever it misses."""
    patch.setattr(Peer, "check_stall", lambda self: None)


def unsaved_without_bound(patch: pytest.MonkeyPatch) -> None:
    """Edits are taken however much is not saved."""
    patch.setattr(Journal, "full", False)


def rooms_without_bound(patch: pytest.MonkeyPatch) -> None:
    """No room has to go for another."""
    patch.setattr(Registry, "_evict_idlest", lambda self: True)


def presence_without_budget(patch: pytest.MonkeyPatch) -> None:
    """Every tick sends every cursor that moved."""
    take = Presence.take
    patch.setattr(Presence, "take", lambda self, max_bytes: take(self, 2**30))


MUTATIONS: list[Patch] = [
    no_gap_check,
    no_comparison_of_heads,
    acks_before_commit,
    repeats_acked_at_once,
    failed_commits_taken_for_done,
    no_compaction_guard,
    no_dedupe,
    timers_go_on,
    outboxes_without_bound,
    unsaved_without_bound,
    rooms_without_bound,
    presence_without_budget,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_simulation_fails_without(
    mutation: Patch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each safeguard is missed within 600 examples, as many as twelve runs of CI have."""
    caplog.set_level(logging.CRITICAL, "collab.engine")
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        explore(seed=1, examples=600, shrink=False)


def test_a_failure_is_told_in_few_steps_and_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The steps that are left are those that it needs, and the seed leads to it again."""
    acks_before_commit(monkeypatch)
    told = [_told(shrink=shrink) for shrink in (True, False, False)]
    assert "CONVERGENCE_SEED=7 " in told[0]
    assert len(_steps(told[0])) <= 4
    assert told[1] == told[2]
    assert len(_steps(told[1])) >= len(_steps(told[0]))


def _told(*, shrink: bool) -> str:
    with pytest.raises(AssertionError, match="acknowledged, and not in the log") as failure:
        explore(seed=7, examples=50, shrink=shrink)
    return "\n".join(failure.value.__notes__)


def _steps(told: str) -> list[str]:
    steps = [line for line in told.splitlines() if line.startswith("state.")]
    return [step for step in steps if step not in ("state.holds()", "state.teardown()")]

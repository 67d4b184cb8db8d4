"""`collab soak`, for seconds; and what it takes for a leak."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from collab.testing import programs
from collab.testing.faults import Measured
from collab.testing.leaks import Life, Look, Watcher
from collab.testing.servers import Program, Site, running, wait_until
from collab.testing.soak import Outcome, Round, faults_like
from collab.testing.soak_report import report

LOOKS_A_MINUTE = 12
# A default soak's, in which the first fifth goes to faults that end processes.
SHORTEST_MINUTES = 7.5
LONG_MINUTES = 25.0


def life(
    minutes: float = SHORTEST_MINUTES,
    *,
    mib: float = 0.0,
    heavy_mib: float = 0.0,
    blocks: float = 0.0,
    resident_mib: float = 0.0,
    step_mib: float = 0.0,
    files: float = 0.0,
    tasks: float = 0.0,
    tells: bool = True,
) -> Life:
    """Make the life of a process that leaks so much a minute.

    Args:
        minutes: How long it lives.
        mib: Of what the C library gives out.
        heavy_mib: The same, but all at once: with what is heavy, every third minute.
        blocks: Of Python's.
        resident_mib: Of holes between what is in use.
        step_mib: Of holes, once, in its midst.
        files: Open ones.
        tasks: Of the event loop.
        tells: Whether it tells what it has in use, and its tasks.
    """
    looks = []
    for n in range(int(LOOKS_A_MINUTE * minutes) + 1):
        at = n / LOOKS_A_MINUTE
        # What people do at that moment comes and goes; what is heavy stays for a minute.
        now = 40 if at % 3 < 1 else n % 3
        in_use = 35 + mib * at + heavy_mib * (at // 3) + now
        step = step_mib if at > minutes / 2 else 0
        looks.append(
            Look(
                at=60 * at,
                resident_mib=65 + in_use + resident_mib * at + step,
                files=20 + int(files * at) + n % 3,
                in_use_mib=in_use if tells else None,
                blocks=800_000 + blocks * at + 1000 * now if tells else None,
                tasks=30 + int(tasks * at) + n % 4 if tells else None,
            )
        )
    return Life("web", 1, looks)


@pytest.mark.parametrize("minutes", [SHORTEST_MINUTES, LONG_MINUTES])
@pytest.mark.parametrize(
    "leak",
    [{"mib": 1}, {"heavy_mib": 3}, {"blocks": 4_000}, {"files": 4}, {"tasks": 4}],
    ids=str,
)
def test_what_grows_all_the_time_is_a_leak(leak: dict[str, float], minutes: float) -> None:
    """It is found in the shortest life that is judged, whatever comes and goes beside."""
    assert len(life(minutes, **leak).problems()) == 1
    assert life(minutes).problems() == []


@pytest.mark.parametrize("minutes", [SHORTEST_MINUTES, LONG_MINUTES])
def test_what_is_kept_once_is_no_leak(minutes: float) -> None:
    """A cache that is filled, a connection that is opened: once, late."""
    kept = life(minutes)
    for number, look in enumerate(kept.looks):
        if number > len(kept.looks) // 2 and look.in_use_mib and look.blocks and look.tasks:
            kept.looks[number] = replace(
                look,
                resident_mib=look.resident_mib + 1.5,
                in_use_mib=look.in_use_mib + 1.5,
                blocks=look.blocks + 4000,
                files=look.files + 2,
                tasks=look.tasks + 2,
            )
    assert kept.problems() == []


@pytest.mark.parametrize(
    "leak",
    [{"mib": 0.3}, {"heavy_mib": 1}, {"blocks": 1_200}, {"files": 0.8}, {"tasks": 0.8}],
    ids=str,
)
def test_less_is_found_in_a_longer_life(leak: dict[str, float]) -> None:
    """What is too little to tell from a step in a short one."""
    assert len(life(LONG_MINUTES, **leak).problems()) == 1


@pytest.mark.parametrize("minutes", [SHORTEST_MINUTES, LONG_MINUTES])
def test_holes_between_what_is_in_use_are_no_leak_unless_they_do_not_end(minutes: float) -> None:
    """One step of resident memory is none; step after step is."""
    assert life(minutes, step_mib=50).problems() == []
    assert len(life(minutes, resident_mib=25).problems()) == 1


def test_what_does_not_tell_what_it_uses_is_judged_by_what_is_resident() -> None:
    """Programs that are not Collab's, and a C library that does not tell."""
    assert life(tells=False).problems() == []
    assert len(life(resident_mib=1, tells=False).problems()) == 1


def test_a_short_life_is_not_judged() -> None:
    """What a process takes in its first minutes says nothing about the next."""
    short = life(SHORTEST_MINUTES - 1, mib=50.0)
    assert not short.judged
    assert short.problems() == []


def test_a_report_says_what_was_judged() -> None:
    """The least numbers of a process, and no verdict on leaks where nothing was judged."""
    fault = faults_like(["FLUSHALL"])[0]
    outcome = Outcome(1, 600, 0.0, [Round(fault, Measured(5, 5, 0, 0, 0.1, 0.2), [])])
    outcome.lives = [life(6)]
    text = report(outcome)
    assert "**Nothing lost**, and too short to tell whether something leaks" in text
    assert "No process lived long enough" in text
    outcome.lives = [life(LONG_MINUTES, mib=0.1), life(tells=False)]
    text = report(outcome)
    assert "**Clean**" in text
    row = "| web | 25.0 | 35.4 → 36.8 | +0.09 | 800.0 → 800.0 | +0 | 100.4 → 101.8 | 20 → 20 |"
    assert f"{row} 30 → 30 |" in text
    outcome.lives = [life(LONG_MINUTES, mib=1)]
    text = report(outcome)
    assert "**1 problem**" in text
    assert "\n- web has 14 more MiB in use at the end, 0.93 a minute\n" in text


def test_a_process_is_looked_at(tmp_path: Path) -> None:
    """What it holds, and what it says that it holds."""
    site = Site(tmp_path, environment={"COLLAB_METRICS_PUBLIC": "1"})
    with running(site):
        watcher = Watcher([site])
        # One that takes too long is left out.
        wait_until(lambda: watcher.look() or watcher.lives, "a look")
        pid = site.pid
    (found,) = watcher.lives
    (look,) = found.looks
    assert found.pid == pid
    assert look.in_use_mib is not None
    assert 10 < look.in_use_mib < look.resident_mib
    assert look.blocks is not None
    assert look.blocks > 100_000
    assert look.tasks is not None
    assert look.tasks > 2
    assert look.files > 5


def test_soak_says_which_program_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started, in one line."""
    monkeypatch.setattr(programs, "find", lambda *names: None)
    with pytest.raises(CommandError, match="needs redis-server, which is not on this machine"):
        call_command("soak")


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.nginx
def test_soak_reports_and_leaves_nothing_after_ctrl_c(tmp_path: Path) -> None:
    """Two faults are done and told of; Ctrl-C ends everything that it started, and it reports."""
    report = tmp_path / "report.md"
    soak = Program("soak", tmp_path)
    soak.spawn(
        [sys.executable, "-m", "collab", "soak", "--minutes", "5", "--seed", "1",
         "--only", "FLUSHALL", "--only", "Redis restarts", "--report", str(report)],
        Site(tmp_path).environment,
    )  # fmt: skip

    def has_done_two() -> bool:
        assert soak.running, soak.output()
        return soak.output().count("none lost") >= 2

    try:
        wait_until(has_done_two, "two faults being done", 90)
        family = psutil.Process(soak.pid).children(recursive=True)
        assert len(family) > 5
        soak.signal(signal.SIGINT)
        assert soak.wait(30) == 0, soak.output()
        assert psutil.wait_procs(family, 5)[1] == []
    finally:
        soak.stop(30)
    text = report.read_text()
    assert "**Nothing lost**" in text
    assert "--minutes 5 --seed 1`, stopped before its end" in text
    for name in ("Redis: FLUSHALL", "Redis restarts"):
        assert f"| {name} |" in text

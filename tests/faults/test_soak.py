"""`collab soak`, for seconds; and what it takes for a leak."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from collab.testing import programs
from collab.testing.leaks import Life, Look
from collab.testing.servers import Program, Site, wait_until

MINUTES = 12
LOOKS_A_MINUTE = 12


def life(
    *,
    resident_mib: float = 0.0,
    step_mib: float = 0.0,
    mib: float = 0.0,
    blocks: float = 0.0,
    files: float = 0.0,
    tasks: float = 0.0,
    tells: bool = True,
) -> Life:
    """Make the life of a process that grows by so much a minute, and by a step in its midst.

    Args:
        tells: Whether it tells what it has in use, and its tasks.
    """
    looks = []
    for n in range(LOOKS_A_MINUTE * MINUTES + 1):
        minutes = n / LOOKS_A_MINUTE
        # What people do at that moment comes and goes; a large document stays for a minute.
        now = 40 if minutes % 3 < 1 else 0
        step = step_mib if minutes > MINUTES / 2 else 0
        looks.append(
            Look(
                at=60 * minutes,
                resident_mib=100 + (resident_mib + mib) * minutes + step + now,
                files=20 + int(files * minutes) + n % 3,
                in_use_mib=35 + mib * minutes + now if tells else None,
                blocks=800_000 + blocks * minutes + 1000 * now if tells else None,
                tasks=30 + int(tasks * minutes) + n % 4 if tells else None,
            )
        )
    return Life("web", 1, looks)


@pytest.mark.parametrize(
    "leak", [{"mib": 0.5}, {"blocks": 5_000}, {"files": 3}, {"tasks": 3}], ids=str
)
def test_what_grows_all_the_time_is_a_leak(leak: dict[str, float]) -> None:
    """It is found, whatever comes and goes beside."""
    assert len(life(**leak).problems()) == 1
    assert life().problems() == []


def test_holes_between_what_is_in_use_are_no_leak_until_they_do_not_end() -> None:
    """One step of resident memory is none; step after step is."""
    assert life(step_mib=50).problems() == []
    assert len(life(resident_mib=20).problems()) == 1


def test_what_does_not_tell_what_it_uses_is_judged_by_what_is_resident() -> None:
    """Programs that are not Collab's, and a C library that does not tell."""
    assert life(tells=False).problems() == []
    assert len(life(resident_mib=0.5, tells=False).problems()) == 1


def test_a_short_life_is_not_judged() -> None:
    """What a process takes in its first minutes says nothing about the next."""
    short = life(mib=50.0)
    del short.looks[6 * LOOKS_A_MINUTE :]
    assert not short.judged
    assert short.problems() == []


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
        wait_until(has_done_two, "two faults being done")
        family = psutil.Process(soak.pid).children(recursive=True)
        assert len(family) > 5
        soak.signal(signal.SIGINT)
        assert soak.wait(30) == 0, soak.output()
        assert psutil.wait_procs(family, 5)[1] == []
    finally:
        soak.stop(30)
    text = report.read_text()
    assert "**Clean**" in text
    assert "--minutes 5 --seed 1`, stopped before its end" in text
    for name in ("Redis: FLUSHALL", "Redis restarts"):
        assert f"| {name} |" in text

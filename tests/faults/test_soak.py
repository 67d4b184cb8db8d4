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

MINUTES = 10


def life(*, mib: float = 0.0, files: float = 0.0, tasks: float = 0.0) -> Life:
    """Make the life of a process that grows by so much a minute."""
    looks = [
        Look(
            at=30.0 * n,
            # What people do at that moment comes and goes.
            memory_mib=100 + mib * n / 2 + (40 if n % 5 == 0 else 0),
            files=20 + int(files * n / 2) + n % 3,
            tasks=30 + int(tasks * n / 2) + n % 4,
        )
        for n in range(2 * MINUTES + 1)
    ]
    return Life("web", 1, looks)


@pytest.mark.parametrize("leak", ["mib", "files", "tasks"])
def test_what_grows_all_the_time_is_a_leak(leak: str) -> None:
    """Three MiB, files or tasks a minute are found, whatever comes and goes beside."""
    assert len(life(**{leak: 3.0}).problems()) == 1
    assert life().problems() == []


def test_a_short_life_is_not_judged() -> None:
    """What a process takes in its first minutes says nothing about the next."""
    short = life(mib=50.0)
    del short.looks[6:]
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

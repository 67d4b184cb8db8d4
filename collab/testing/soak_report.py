"""What a soak has found, in Markdown."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

import collab
from collab.testing import leaks, programs
from collab.testing.leaks import Life
from collab.testing.soak import Outcome, Round

_BOUNDS = (
    f"Web processes, Redis, nginx and PostgreSQL are looked at every {leaks.LOOK_EVERY_S:g} s,"
    " each with its children: memory that is theirs alone (USS; of web processes, after their"
    " garbage is collected), open files, and tasks of the"
    f" event loop (`collab_tasks` in /metrics). The first {leaks.WARM_UP_S:g} s of a process are"
    f" its warm-up. One that lives {leaks.JUDGED_S:g} s longer is judged: the median of the"
    " slopes between all pairs of looks (Theil-Sen) must be at most"
    f" {leaks.MIB_PER_MINUTE:g} MiB a minute, and the least number of files and of tasks of the"
    f" last third of its life may exceed that of the first by {leaks.MORE_FILES} and"
    f" {leaks.MORE_TASKS}. Shorter lives are not shown."
)


def report(outcome: Outcome) -> str:
    """Describe a soak."""
    problems = outcome.problems()
    parts = ["# Soak", _command(outcome), _summary(outcome, problems)]
    if problems:
        parts.append("\n".join(f"- {text}" for text in problems))
    parts += [_faults(outcome.rounds), "## Leaks", _BOUNDS, _lives(outcome.lives), _versions()]
    return "\n\n".join(parts) + "\n"


def _command(outcome: Outcome) -> str:
    command = f"`collab soak --minutes {outcome.asked_s / 60:g} --seed {outcome.seed}`"
    return f"{command}, stopped before its end" if outcome.stopped else command


def _summary(outcome: Outcome, problems: Sequence[str]) -> str:
    measured = outcome.measured
    equal = [one.equal_s for one in measured]
    verdict = f"**{len(problems)} problems**" if problems else "**Clean**"
    return (
        f"{verdict}: {len(outcome.rounds)} faults in {outcome.minutes:.1f} minutes,"
        f" {sum(one.acknowledged for one in measured)} edits acknowledged,"
        f" {sum(one.lost for one in measured)} of them lost. All replicas were equal after"
        f" {_p50(equal):.1f} s (p50), {_most(equal):.1f} s at most; the longest wait for “Saved”"
        f" was {_most([one.unsaved_s for one in measured]):.1f} s."
    )


def _most(values: Sequence[float]) -> float:
    return max(values, default=0.0)


def _p50(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _faults(rounds: Sequence[Round]) -> str:
    by_name: dict[str, list[Round]] = {}
    for one in rounds:
        by_name.setdefault(one.fault.name, []).append(one)
    lines = [
        "| fault | times | acknowledged | lost | s to equal, p50 | longest | longest s to Saved |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, done in by_name.items():
        found = [one.measured for one in done if one.measured is not None]
        equal = [one.equal_s for one in found]
        lines.append(
            f"| {name} | {len(done)} | {sum(one.acknowledged for one in found)}"
            f" | {sum(one.lost for one in found)} | {_p50(equal):.1f}"
            f" | {_most(equal):.1f} | {_most([one.unsaved_s for one in found]):.1f} |"
        )
    return "\n".join(lines)


def _lives(lives: Sequence[Life]) -> str:
    judged = [life for life in lives if life.judged]
    if not judged:
        return "No process lived long enough to be judged."
    lines = [
        "| process | minutes | MiB, start → end | MiB a minute | files | tasks |",
        "|---|---|---|---|---|---|",
    ]
    for life in judged:
        first, last = life.warm[0], life.looks[-1]
        tasks = "" if last.tasks is None else f"{first.tasks} → {last.tasks}"
        lines.append(
            f"| {life.name} | {life.minutes:.1f}"
            f" | {first.memory_mib:.1f} → {last.memory_mib:.1f} | {life.mib_per_minute:+.2f}"
            f" | {first.files} → {last.files} | {tasks} |"
        )
    return "\n".join(lines)


def _versions() -> str:
    packages = ("Django", "channels", "Daphne", "pycrdt")
    commands = [programs.postgres("postgres"), programs.redis_server(), programs.find("node")]
    found = [
        f"Collab {collab.__version__}",
        f"Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
        *(_said_by(command) for command in commands if command is not None),
    ]
    return f"{', '.join(found)}; {platform.system()} on {platform.machine()}."


def _said_by(program: str) -> str:
    """Return the first words of what a program says of its version."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    text = " ".join(done.stdout.split()[:3])
    return f"Node.js {text}" if text.startswith("v") else text

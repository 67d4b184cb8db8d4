"""What a soak has found, in Markdown."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

import collab
from collab.testing import leaks, programs
from collab.testing.leaks import Growth, Life
from collab.testing.soak import Outcome, Round

_BOUNDS = (
    f"Web processes, Redis, nginx and PostgreSQL are looked at every {leaks.LOOK_EVERY_S:g} s,"
    " each with its children. The first"
    f" {leaks.WARM_UP_S:g} s of a process are its warm-up. One that lives {leaks.JUDGED_S:g} s"
    " longer is judged by its looks from then on: by how much more the least in the last third of"
    " them is than the least in the first third, so that what comes and goes is no growth. Too"
    " much is:\n\n"
    "- Memory in use, which is what a leak is made of: what web processes have got from the C"
    " library (`collab_malloc_bytes` in /metrics; their garbage is collected after each look, so"
    f" that the next has little of it): {leaks.MORE_MIB:g} MiB more, and"
    f" {leaks.MIB_PER_MINUTE:g} a minute. Of other programs, which do not tell: as much resident"
    " memory.\n"
    "- Blocks of Python's objects (`collab_python_blocks`), small ones of which do not come from"
    f" the C library: {leaks.MORE_BLOCKS:,} more, and {leaks.BLOCKS_PER_MINUTE:,} a minute.\n"
    "- Resident memory (USS), also free pieces between what is in use:"
    f" {leaks.MORE_RESIDENT_MIB} MiB more. It goes up in steps, when something large comes and"
    " leaves holes.\n"
    f"- {leaks.MORE_FILES} more open files, or {leaks.MORE_TASKS} more tasks of the event loop"
    " (`collab_tasks`).\n\n"
    "The table has these least numbers, and no process that lived a shorter time. Faults that end"
    " web processes are done in the first fifth of the time, so what they leave in those that"
    " live on is not judged; nor is Redis or PostgreSQL where it is restarted every few minutes."
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
    verdict = "**Clean**"
    if problems:
        verdict = f"**{len(problems)} problem{'s' if len(problems) > 1 else ''}**"
    elif not outcome.judged:
        verdict = "**Nothing lost**, and too short to tell whether something leaks"
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
    columns = (
        "process", "minutes", "MiB in use", "a minute", "1,000 blocks", "blocks a minute",
        "MiB resident", "files", "tasks",
    )  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for life in judged:
        memory, blocks = life.memory, life.blocks
        lines.append(
            f"| {life.name} | {life.minutes:.1f} | {_from_to(memory, '.1f')}"
            f" | {_per_minute(memory, '.2f')}"
            f" | {_from_to(blocks, '.1f', 1000)} | {_per_minute(blocks, ',.0f')}"
            f" | {_from_to(life.resident, '.1f')} | {_from_to(life.files, '.0f')}"
            f" | {_from_to(life.tasks, '.0f')} |"
        )
    return "\n".join(lines)


def _from_to(grown: Growth | None, form: str, unit: float = 1) -> str:
    return f"{grown.first / unit:{form}} → {grown.last / unit:{form}}" if grown else ""


def _per_minute(grown: Growth | None, form: str) -> str:
    return f"{grown.per_minute:+{form}}" if grown else ""


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

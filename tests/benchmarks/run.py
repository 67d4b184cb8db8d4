"""Measure Collab beside Hocuspocus and y-websocket-server in one run, each alone on one core.

    collab bench                  # or python -m tests.benchmarks.run
    collab bench --only fanout presence --quick
    collab bench --report docs/bench/results.json

Servers run on core 0; peers, PostgreSQL and Redis on core 1. Every case starts its server anew.
What was measured is written after each case, as JSON; tables and plots are made of that. A case
that fails is noted with its reason, and the next begins.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from collab.testing.programs import MissingProgram
from tests.benchmarks import cases as plans
from tests.benchmarks import documents, machine, packages, report, servers
from tests.benchmarks.cases import Case
from tests.benchmarks.servers import Stock, Target, collab, other

_TIMEOUT_S = 150
_PROFILE_S = 8


class Failed(Exception):
    """A case that has no figures; the text says why."""


def measure(case: Case, stock: Stock, profile: Path | None = None) -> dict[str, Any]:
    """Start the server of a case, and run its script against it.

    Returns:
        What the script printed; `beside_s` is the CPU of Redis and PostgreSQL meanwhile.

    Raises:
        Failed: it printed nothing, or not all went as it should.
    """
    with ExitStack() as stack:
        written: list[documents.Written] = []
        if case.script == "open":
            written = [documents.write(int(n), stock.directory) for n in _edits(case)]
        if case.subject == plans.SENDING:
            target = stack.enter_context(servers.empty(stock, int(case.options["bytes"])))
            arguments: list[str] = []
        elif case.setup is None:
            target = stack.enter_context(other(case.subject, stock.directory))
            names = [f"cold{n}" for n in range(len(written))]
            documents.store_for_hocuspocus(target.directory, names, written)
            arguments = ["--docs", ",".join(names)] if names else []
        else:
            target = stack.enter_context(collab(stock, case.setup, _filling(case, written)))
            arguments = []
        if profile is not None:
            stack.enter_context(_profiling(target.programs[0].pid, profile))
        sizes = [str(one.state_bytes) for one in written]
        if sizes:
            arguments += ["--bytes", ",".join(sizes)]
        return _run(case, target, arguments)


def _edits(case: Case) -> list[str]:
    return str(case.options["edits"]).split(",")


def _filling(case: Case, written: list[documents.Written]) -> servers.Fill | None:
    if not written:
        return None
    stored = str(case.options["stored"])
    return lambda site, ids: documents.store(site, ids, written, stored)


def _run(case: Case, target: Target, arguments: Sequence[str]) -> dict[str, Any]:
    options = [str(word) for key, value in case.options.items() for word in (f"--{key}", value)]
    command = servers.pinned(
        servers.PEER_CORE,
        [*packages.script(case.script), *options, *target.arguments, *arguments],
    )
    before = {name: _cpu_s(program.pid) for name, program in target.beside.items()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end within {_TIMEOUT_S} s") from None
    lines = done.stdout.strip().splitlines()
    complaints = [line for line in done.stderr.splitlines() if re.match(r"\w*(Error|closed)", line)]
    if not lines:
        raise Failed(complaints[-1] if complaints else f"status {done.returncode}")
    figures = dict(json.loads(lines[-1]))
    if target.beside:
        figures["beside_s"] = {
            name: round(_cpu_s(program.pid) - before[name], 2)
            for name, program in target.beside.items()
        }
    if done.returncode:
        figures["incomplete"] = complaints[-1] if complaints else "not everything arrived"
    return figures


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and those it started."""
    process = psutil.Process(pid)
    return sum(
        sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True))
    )  # fmt: skip


def _profiling(pid: int, path: Path) -> ExitStack:
    """Have py-spy watch a process for some seconds, from a moment after now."""
    spy = Path(sys.executable).with_name("py-spy")
    command = f"sleep 3; exec {spy} record -p {pid} -d {_PROFILE_S} -r 250 -f raw -o {path}"
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL)
    stack = ExitStack()
    stack.callback(process.wait)
    return stack


def raise_open_files() -> int:
    """Allow as many open files as the machine lets us. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run(plan: Sequence[Case], output: Path, profile: Path | None = None) -> dict[str, Any]:
    """Measure cases one after the other; writes `results.json` after each."""
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described() | {"open_files": str(raise_open_files())},
        "versions": machine.versions(),
        "cases": [],
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as made, ExitStack() as stack:
        stock = Stock(Path(made))
        stack.callback(stock.close)
        for case in plan:
            entry: dict[str, Any] = {
                "part": case.part, "subject": case.subject, "options": dict(case.options)
            }  # fmt: skip
            begun = time.monotonic()
            try:
                entry["figures"] = measure(case, stock, profile)
            except Exception as error:
                # Whatever it was, the other cases are worth having.
                entry["error"] = " ".join(str(error).split())[-300:] or repr(error)
            results["cases"].append(entry)
            (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
            said = json.dumps(entry.get("figures") or entry["error"])
            print(f"{time.monotonic() - begun:5.1f} s  {case.name}\n         {said}", flush=True)
    print(f"{len(plan)} cases in {time.monotonic() - started:.0f} s", flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="collab bench", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=plans.PARTS, help="measure these parts")
    parser.add_argument("--subject", nargs="+", help="measure what begins so: Collab, Hocuspocus")
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quick", action="store_true", help="few points, short measurements")
    how_much.add_argument("--full", action="store_true", help="many points; takes an hour")
    parser.add_argument(
        "--output", type=Path, default=Path("bench"), help="folder of what is made (%(default)s)"
    )
    parser.add_argument("--profile", type=Path, help="write py-spy's stacks of the server there")
    parser.add_argument(
        "--report", type=Path, help="measure nothing: tables and plots of this JSON"
    )
    parser.add_argument(
        "--publish", action="store_true", help="also write them into README.md and docs"
    )
    chosen = parser.parse_args(arguments)
    if chosen.report is not None:
        results = json.loads(chosen.report.read_text())
    else:
        extent = plans.QUICK if chosen.quick else plans.FULL if chosen.full else plans.DEFAULT
        plan = [
            case
            for case in plans.cases(extent, chosen.only)
            if not chosen.subject or case.subject.startswith(tuple(chosen.subject))
        ]
        try:
            if find_spec("matplotlib") is None:
                raise MissingProgram('needs matplotlib: pip install -e ".[bench]"')
            packages.install()
        except (MissingProgram, RuntimeError) as error:
            print(f"collab bench: {error}", file=sys.stderr)
            return 1
        os.sched_setaffinity(0, {int(servers.PEER_CORE)})
        results = run(plan, chosen.output, chosen.profile)
    report.write(results, chosen.output, publish=chosen.publish)
    return 0 if all("error" not in entry for entry in results["cases"]) else 2


if __name__ == "__main__":
    sys.exit(main())

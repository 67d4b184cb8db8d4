"""`collab bench`: measure this checkout beside Hocuspocus and y-websocket-server."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import collab

_ROOT = Path(collab.__file__).resolve().parents[1]


class Command(BaseCommand):
    help = (
        "Measure what live editing costs: Collab on Daphne and uvicorn, Hocuspocus and"
        " y-websocket-server, in one run, as a table and plots. Needs a checkout, Node.js and"
        " two cores; takes about 20 minutes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only",
            nargs="+",
            metavar="PART",
            default=[],
            help="fanout edits presence storm idle rooms open databases processes limits",
        )
        how_much = parser.add_mutually_exclusive_group()
        how_much.add_argument("--quick", action="store_true", help="few points, briefly")
        how_much.add_argument("--full", action="store_true", help="many points; takes an hour")
        parser.add_argument(
            "--output",
            type=Path,
            default=Path("bench"),
            help="folder of what is made (%(default)s)",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="JSON",
            help="measure nothing: make table and plots of an earlier run's results.json",
        )
        parser.add_argument(
            "--publish",
            action="store_true",
            help="also write them into the checkout's README.md and docs",
        )

    def handle(self, *args: Any, output: Path, **options: Any) -> None:
        if not (_ROOT / "tests" / "benchmarks" / "run.py").exists():
            raise CommandError("Benchmarks are in a checkout of Collab, not in the package.")
        command = [sys.executable, "-m", "tests.benchmarks.run", "--output", str(output.resolve())]
        command += [f"--{name}" for name in ("quick", "full", "publish") if options[name]]
        if options["only"]:
            command += ["--only", *options["only"]]
        if options["report"] is not None:
            command += ["--report", str(options["report"].resolve())]
        # Arguments of our own, and no shell.
        status = subprocess.run(command, cwd=_ROOT, check=False).returncode  # noqa: S603
        if status:
            raise CommandError("Not everything was measured.", returncode=status)

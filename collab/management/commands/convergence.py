"""`collab convergence --url URL --key KEY`: whether everybody ends equal on a deployment."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from collab.testing.deployment.check import Outcome, Plan

_FAULTS = ("disconnects", "slow", "offline")
_ROOMS = ("document", "dashboard")


class Command(BaseCommand):
    help = (
        "Open a scratch document on a running site, edit it as many peers who lose their"
        " connections and come back, and check that all of them, a fresh peer and what is stored"
        " end equal, with every acknowledged edit. The document is deleted afterwards."
    )
    # It asks a site, here or elsewhere, and needs no database of its own.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="of the site: wss://host, https://host/x")
        parser.add_argument(
            "--key", required=True, help="an API key; “-” reads it from standard input"
        )
        parser.add_argument(
            "--peers",
            type=_within(int, 1, 1000),
            default=50,
            metavar="N",
            help="who edits (%(default)s)",
        )
        parser.add_argument(
            "--seconds",
            type=_within(float, 1, 86_400),
            default=30,
            help="for how long (%(default)s)",
        )
        parser.add_argument(
            "--faults", type=_faults, default=_FAULTS, metavar="LIST",
            help="disconnects,slow,offline (all of them), or none",
        )  # fmt: skip
        parser.add_argument(
            "--processes", type=_within(int, 1, 64), default=2, metavar="N",
            help="of this tool, so that it measures the site and not itself (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--rate", type=_within(float, 0.1, 50), default=2, help="edits per second and peer (2)"
        )
        parser.add_argument(
            "--room", choices=_ROOMS, default="document", help="what is edited (%(default)s)"
        )
        parser.add_argument(
            "--patience", type=_within(float, 1, 600), default=30, metavar="SECONDS",
            help="how long to wait for the last acknowledgement (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--seed", type=_within(int, 0, 2**63), metavar="N",
            help="repeats the edits and faults of a run, as far as the network repeats itself",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        try:
            from collab.testing.deployment import report
            from collab.testing.deployment.target import CannotCheck
        except ImportError as error:
            if error.name not in ("httpx", "websockets"):
                raise
            raise CommandError(
                f"This command needs {error.name}: pip install “django-collab[testing]”"
            ) from error
        plan = _plan(options)
        try:
            outcome = self._run(plan)
        except CannotCheck as error:
            raise CommandError(" ".join(str(error).split())) from error
        self.stdout.write(report.as_json(plan, outcome) if json else report.table(plan, outcome))
        if outcome.problems:
            sys.exit(1)

    def _run(self, plan: Plan) -> Outcome:
        """Make the check. Exits with 128 + the signal's number if it is stopped."""
        from collab.testing.deployment.check import check
        from collab.testing.deployment.report import Bar

        bar = Bar(sys.stderr, plan)
        stopped_by = signal.SIGINT
        began = time.monotonic()

        def progress(told: dict[str, int]) -> None:
            bar.show((time.monotonic() - began) / plan.seconds, told)

        def notice(text: str) -> None:
            bar.clear()
            self.stderr.write(text)

        async def run() -> Outcome:
            def stop(number: signal.Signals) -> None:
                nonlocal stopped_by
                stopped_by = number
                checking.cancel()

            checking = asyncio.ensure_future(check(plan, progress, notice))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop, number)
            return await checking

        try:
            return asyncio.run(run())
        except asyncio.CancelledError:
            bar.clear()
            self.stderr.write("Stopped.")
            sys.exit(128 + stopped_by)
        finally:
            bar.clear()


def _plan(options: dict[str, Any]) -> Plan:
    from collab.testing.deployment.check import Plan
    from collab.testing.deployment.rooms import ROOMS
    from collab.testing.deployment.script import Fault

    most = ROOMS[options["room"]].most_peers
    if options["peers"] > most:
        raise CommandError(f"A {options['room']} is checked with at most {most} peers.")
    key, seed = options["key"], options["seed"]
    return Plan(
        url=options["url"],
        key=sys.stdin.readline().strip() if key == "-" else key,
        room=options["room"],
        peers=options["peers"],
        seconds=options["seconds"],
        rate=options["rate"],
        processes=options["processes"],
        faults=tuple(Fault(fault) for fault in options["faults"]),
        seed=random.SystemRandom().randrange(2**32) if seed is None else seed,
        patience_s=options["patience"],
    )


def _within(kind: type[float], least: float, most: float) -> Any:
    """Make a parser of numbers in bounds, for argparse; `int` for whole ones."""

    def parse(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    parse.__name__ = "whole number" if kind is int else "number"
    return parse


def _faults(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in _FAULTS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{unknown[0]!r} is none of {', '.join(_FAULTS)}, or “none” alone"
        )
    return names

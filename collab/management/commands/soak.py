"""`collab soak --minutes N`: faults at random to a deployment of its own, while people type."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from collab.testing.soak import Outcome

_NGINX_CONF = Path(__file__).parents[3] / "deploy/nginx.conf"


class Command(BaseCommand):
    help = (
        "Start PostgreSQL, Redis, nginx and two web processes in a temporary directory, have"
        " people type, make things go wrong at random, and look for lost edits and leaks."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=_minutes, default=10.0, help="how long (%(default)g)")
        parser.add_argument("--seed", type=int, help="of what is left to chance; one that was told")
        parser.add_argument("--report", type=Path, help="a file to write the report to, Markdown")
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="PART",
            help="only faults whose name has this part; may be given again",
        )

    def handle(
        self,
        *args: Any,
        minutes: float,
        seed: int | None,
        report: Path | None,
        only: list[str],
        **options: Any,
    ) -> None:
        try:
            from collab.testing import soak, soak_report
        except ImportError as error:
            raise CommandError(
                f'{error.name} is missing: pip install "django-collab[testing]"'
            ) from error
        _check_programs()
        seed = random.randrange(2**32) if seed is None else seed  # noqa: S311 - no secret
        self.stdout.write(f"seed {seed}")
        faults = soak.faults_like(only)
        if not faults:
            raise CommandError("No fault has such a name.")
        outcome = self._soak(faults, 60 * minutes, seed)
        text = soak_report.report(outcome)
        if report is not None:
            report.write_text(text)
        self.stdout.write(f"\n{text}")
        if outcome.problems():
            raise CommandError("It did not run clean.")

    def _soak(self, faults: list[Any], seconds: float, seed: int) -> Outcome:
        """Run it in a cluster that is gone afterwards, however it ends."""
        from collab.testing import soak
        from collab.testing.cluster import Cluster

        async def run(cluster: Cluster) -> Outcome:
            task = asyncio.ensure_future(
                soak.soak(cluster, faults, seconds=seconds, seed=seed, tell=self._tell)
            )
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
            return await task

        # It is no part of what is installed by pip: there, people come without nginx.
        conf = _NGINX_CONF if _NGINX_CONF.exists() else None
        with tempfile.TemporaryDirectory(prefix="collab-soak-") as directory:
            cluster = Cluster(Path(directory), nginx_conf=conf, seed=seed)
            try:
                return asyncio.run(run(cluster))
            except asyncio.CancelledError:
                raise CommandError("Stopped before anything was done.") from None
            finally:
                soak.end(cluster)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _check_programs() -> None:
    """Look for what will be started. Raises CommandError: it is not there."""
    from collab.testing import programs

    try:
        programs.redis_server()
        for program in ("initdb", "postgres", "pg_dump", "pg_restore"):
            programs.postgres(program)
        if _NGINX_CONF.exists():
            programs.nginx()
    except programs.MissingProgram as missing:
        raise CommandError(f"It {missing}, which is not on this machine.") from missing


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes < 1e6:
        raise ArgumentTypeError(f"{text!r} is no number of minutes")
    return minutes

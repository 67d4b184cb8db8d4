"""Measure Collab beside Hocuspocus in one run, each server alone on one core.

    cd tests/benchmarks && npm install && cd - && python -m tests.benchmarks.run

Prints a Markdown table. The servers run on core 0, the peers on core 1; each measurement starts
both servers anew and runs them one after the other. Compare the two columns of a row with each
other, never with those of another day.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collab.testing.servers import Program, Site, free_port, running, wait_until

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One row: a script, its options, and the figures of its output that are compared."""

    script: str
    options: dict[str, float]
    figures: tuple[str, ...]

    @property
    def name(self) -> str:
        match self.script:
            case "fanout":
                return f"{self.options['clients']} peers × {self.options['rate']}/s"
            case "presence":
                return f"presence, {self.options['clients']} peers × {self.options['hz']} Hz"
        return f"{self.options['clients']} join {self.options['mb']} MB at once"


CASES = (
    *(
        Case("fanout", {"clients": clients, "rate": rate}, ("us_per_delivery", "p50_ms", "p99_ms"))
        for clients, rate in ((20, 5), (100, 10), (200, 5))
    ),
    Case("presence", {"clients": 200, "hz": 1}, ("cpu_percent", "p95_ms")),
    Case("storm", {"clients": 100, "mb": 4}, ("p50_ms", "p95_ms", "added_mb")),
)


class PinnedSite(Site):
    """The site on SQLite, on core 0."""

    def spawn(self, command: list[str], environment: Any = None) -> None:
        super().spawn(["taskset", "-c", "0", *command], environment)


class Hocuspocus(Program):
    """Hocuspocus on core 0."""

    def __init__(self, directory: Path) -> None:
        super().__init__("hocuspocus", directory)
        self.port = free_port()

    def start(self) -> None:
        script = str(HERE / "hocuspocus.mjs")
        self.spawn(["taskset", "-c", "0", "node", script, str(self.port)])
        wait_until(lambda: "ready" in self.output(), "Hocuspocus listening")


def measure(case: Case, *arguments: str) -> dict[str, Any]:
    """Run a script on core 1. Returns what it prints."""
    options = [str(word) for key, value in case.options.items() for word in (f"--{key}", value)]
    done = subprocess.run(
        ["taskset", "-c", "1", "node", str(HERE / f"{case.script}.mjs"), *options, *arguments],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def beside(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure one case on both servers. Returns (Collab's, Hocuspocus's)."""
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as name:
        site, peer = PinnedSite(Path(name)), Hocuspocus(Path(name))
        with running(site):
            key = site.key()
            ours = measure(
                case,
                "--url", f"{site.ws_url}/ws/documents/{{doc}}?ack=1",
                "--doc", site.create_document(key),
                "--auth", f"Bearer {key}",
                "--pids", str(site.pid),
            )  # fmt: skip
        with running(peer):
            theirs = measure(
                case,
                "--proto", "hp",
                "--url", f"ws://127.0.0.1:{peer.port}",
                "--pids", str(peer.pid),
            )  # fmt: skip
    return ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Collab beside Hocuspocus.")
    parser.add_argument("--only", help="run the cases of one script: fanout, presence, storm")
    parser.add_argument("--json", action="store_true", help="print what the scripts print")
    chosen = parser.parse_args()
    print("| case | figure | Collab | Hocuspocus | ratio |\n|---|---|---|---|---|")
    for case in CASES:
        if chosen.only not in (None, case.script):
            continue
        ours, theirs = beside(case)
        if chosen.json:
            print(json.dumps({"collab": ours, "hocuspocus": theirs}), file=sys.stderr)
        for figure in case.figures:
            ratio = f"{ours[figure] / theirs[figure]:.2f}" if theirs[figure] else "-"
            print(
                f"| {case.name} | `{figure}` | {ours[figure]} | {theirs[figure]} | {ratio} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

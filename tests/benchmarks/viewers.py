"""Measure what a thousand viewers of one dashboard cost, beside sending the same bytes.

    python -m tests.benchmarks.viewers

The server runs on core 0, the viewers on core 1. The site is measured first; then the frames that
it sent are sent again, by an application that does nothing else, on the same server to as many
sockets. Prints both as JSON, and the ratio of what the servers spent.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from collab.testing.servers import running
from tests.benchmarks import packages
from tests.benchmarks.servers import PEER_CORE, Empty, PinnedSite, pinned

_MAKE = """
from django.contrib.auth.models import User
from dashboards import actions
from dashboards.layout.model import Layout, Panel, PanelKind, Place, QuerySpec
kinds = ["timeseries"] * 10 + ["stat"] * 4 + ["gauge"] * 2 + ["bars"] * 2 + ["table", "status"]
panels = [
    Panel(f"bench{n:05}", PanelKind(kind), f"Panel {n}", Place(n % 3 * 4, n // 3, 4, 3),
          {"a": QuerySpec(f"bench_{n}", function="last")}, thresholds=((0.0, "good"), (1e9, "bad")))
    for n, kind in enumerate(kinds)
]
layout = Layout("Bench", {panel.id: panel for panel in panels})
print(actions.create_dashboard(actor=User.objects.get(username="ada"), layout=layout).pk)
"""


def measure(*arguments: str) -> dict[str, Any]:
    """Run the viewers on core 1. Returns what they print."""
    command = pinned(PEER_CORE, [*packages.script("viewers"), *arguments])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode:
        raise SystemExit("the viewers failed")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--viewers", default="1000")
    parser.add_argument("--secs", default="20")
    parser.add_argument("--profile", help="write py-spy's flame graph of the site there")
    chosen = parser.parse_args()
    packages.install()
    options = ("--viewers", chosen.viewers, "--secs", chosen.secs)
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as name:
        directory = Path(name)
        frames = directory / "frames.json"
        site = PinnedSite(directory, environment={"COLLAB_HUB_EVERY_S": "5"})
        with running(site):
            key = site.key()
            dashboard = site.run("shell", "-v", "0", "-c", _MAKE).stdout.split()[-1]
            if chosen.profile:
                spy = [Path(sys.executable).with_name("py-spy"), "record", "-p", str(site.pid),
                       "-d", "25", "-r", "200", "-f", "raw", "-o", chosen.profile]  # fmt: skip
                subprocess.Popen(["sh", "-c", "sleep 14; exec " + " ".join(map(str, spy))])
            ours = measure(
                *options,
                "--url", f"{site.ws_url}/ws/dashboards/{dashboard}/live",
                "--post", f"{site.url}/ingest/json",
                "--auth", f"Bearer {key}",
                "--pids", str(site.pid),
                "--record", str(frames),
            )  # fmt: skip
            if "Traceback" in site.output():
                sys.stderr.write(site.output()[-3000:])
        print(json.dumps({"site": ours}), flush=True)
        empty = Empty(directory, frames, site.environment)
        with running(empty):
            theirs = measure(
                *options,
                "--plain",
                "--url", f"ws://127.0.0.1:{empty.port}/",
                "--post", f"http://127.0.0.1:{empty.port}/",
                "--pids", str(empty.pid),
            )  # fmt: skip
        print(json.dumps({"empty": theirs}))
        print(json.dumps({"ratio": round(ours["cpu_s"] / theirs["cpu_s"], 2)}))


if __name__ == "__main__":
    main()

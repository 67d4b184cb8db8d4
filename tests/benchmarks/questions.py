"""Measure how long questions take: 24 hours of 20 series, on SQLite and on PostgreSQL.

    python -m tests.benchmarks.questions

Prints a Markdown table. Each database gets a sample of each series every 10 s, rolled up to a few
minutes ago as it would be. A question is asked of the store with nothing kept from the one before,
and over HTTP of a running site, by one caller who waits for each answer. On a machine that does
other things, look at the CPU time of the asking process (without PostgreSQL's own).
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from collab.testing.servers import Postgres, Site, running

SERIES = 20
EVERY_S = 10
ASKED = 100

QUESTIONS: dict[str, dict[str, Any]] = {
    "each series": {},
    "average of all": {"by": [""]},
    "rate, window 5 min": {"function": "rate", "window": "5m"},
    "1 h, each series": {"from": "now-1h"},
    "24 h in 4000 points": {"step": "20s"},
}

# Fills the database, and asks it, in one process.
_FILL = """
import json, random, time
from django.contrib.auth.models import User
from collab.models import ApiKey
from dashboards.ingest.readings import Reading
from dashboards.store import current
from dashboards.store.rolling import Roller
from dashboards.store.writing import Batch, append

store = current()
now_ms = int(time.time()) // EVERY_S * EVERY_S * 1000
value = [0.0] * SERIES
for start in range(-86_400, 0, 600):
    readings = []
    for second in range(start, start + 600, EVERY_S):
        for number in range(SERIES):
            value[number] += random.random()
            labels = (("host", f"web{number}"), ("zone", f"z{number % 4}"))
            readings.append(Reading("asked", labels, value[number], now_ms + second * 1000))
    append(store, [Batch(readings)])
assert Roller(store).run()
user = User.objects.create_user("asker")
print(json.dumps(ApiKey.issue(user, "asks")[1]))
"""
_ASK = """
import json, time
from dashboards.query_api import Asked, answer_to

asked = Asked(metric="asked", **QUESTION)
answer_to(asked)
took, busy = [], time.process_time()
for _ in range(ASKED):
    begun = time.perf_counter()
    answer = answer_to(asked)
    took.append(time.perf_counter() - begun)
cpu_s = (time.process_time() - busy) / ASKED
size = f"{len(answer.lines)} × {len(answer.at_ms)}"
print(json.dumps({"took": took, "cpu_s": cpu_s, "size": size}))
"""


def main() -> None:
    """Measure both databases, and print a row for each question."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for part in ("postgres", "SQLite", "PostgreSQL"):
            (directory / part / "data").mkdir(parents=True)
        postgres = Postgres(directory / "postgres")
        with running(postgres):
            print("| database | question | points | store p50 | p95 | its CPU | HTTP p50 | p95 |")
            print("|---|---|---|---|---|---|---|---|")
            for database, environment in (
                ("SQLite", {}), ("PostgreSQL", {"DATABASE_URL": postgres.url}),
            ):  # fmt: skip
                measure(database, Site(directory / database, environment=environment))


def measure(database: str, site: Site) -> None:
    """Print the rows of one database."""
    fill = _FILL.replace("SERIES", str(SERIES)).replace("EVERY_S", str(EVERY_S))
    site.run("migrate", "-v", "0")
    key = json.loads(run(site, fill))
    asked = {
        name: {"from": "now-24h", **question, "pixels": 800} for name, question in QUESTIONS.items()
    }
    stored = {
        name: json.loads(
            run(site, _ASK.replace("QUESTION", repr(what)).replace("ASKED", str(ASKED)))
        )
        for name, what in asked.items()
    }
    with running(site), httpx.Client(base_url=site.url, timeout=20) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        for name, what in asked.items():
            parameters = {"metric": "asked", **what}
            times = timed(lambda given=parameters: client.get("/api/query", params=given))
            of_store = stored[name]
            cpu = f"{of_store['cpu_s'] * 1000:.1f} ms"
            figures = " | ".join((*shown(of_store["took"]), cpu, *shown(times)))
            print(f"| {database} | {name} | {of_store['size']} | {figures} |", flush=True)


def timed(ask: Callable[[], httpx.Response]) -> list[float]:
    """Return how long each of many answers took."""
    ask().raise_for_status()
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        ask().raise_for_status()
        took.append(time.perf_counter() - begun)
    return took


def shown(took: list[float]) -> tuple[str, str]:
    """Write the median and the 95th percentile."""
    cuts = statistics.quantiles(took, n=20)
    return f"{cuts[9] * 1000:.1f} ms", f"{cuts[18] * 1000:.1f} ms"


def run(site: Site, script: str) -> str:
    """Run a script in a process of the site's. Returns the last line of its output."""
    return site.run("shell", "-v", "0", "-c", script).stdout.splitlines()[-1]


if __name__ == "__main__":
    main()

"""Measure how many samples a second are taken durably, and how long a day of numbers takes to read.

    python -m tests.benchmarks.ingest

Prints a Markdown table, for SQLite and PostgreSQL. A site on core 0 gets bodies of a few thousand
readings over HTTP, JSON lines and Influx's line protocol, from senders on core 1, each of which
waits for its answer; PostgreSQL commits with fsync. The recorder alone, and reading, are measured
in a process of their own on core 0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from collab.testing.servers import Site, running
from tests.benchmarks.servers import DurablePostgres, PinnedSite

READINGS = 4000
SERIES = 1000
SENDERS = 4
# Each is sent once in a measurement, so that hardly a sample is there already.
BODIES = 300
DAY_S = 86_400


def json_body(number: int, at_ms: int) -> bytes:
    """Write one reading per line, of many hosts, at times of its own for each body."""
    return b"\n".join(
        json.dumps({
            "name": "bench_json", "value": number * 0.5 + line,
            "labels": {"host": f"h{line % SERIES}", "region": "eu"},
            "time": (at_ms + line // SERIES) / 1000,
        }).encode()
        for line in range(READINGS)
    )  # fmt: skip


def influx_body(number: int, at_ms: int) -> bytes:
    """Write lines of one field each, as many as there are JSON readings."""
    return "\n".join(
        f"bench,host=h{line % SERIES},region=eu value={number * 0.5 + line}"
        f" {(at_ms + line // SERIES) * 1_000_000}"
        for line in range(READINGS)
    ).encode()


WAYS: dict[str, tuple[str, Callable[[int, int], bytes]]] = {
    "JSON": ("/ingest/json", json_body),
    "Influx": ("/ingest/influx/api/v2/write?precision=ns", influx_body),
}


def over_http(site: Site, key: str, way: str, seconds: float) -> dict[str, float]:
    """Send bodies from some senders at once. Returns samples per second and the site's core use."""
    path, make = WAYS[way]
    start_ms = int(time.time() * 1000) - 20_000
    bodies = [make(number, start_ms + number * 20) for number in range(BODIES)]
    process = psutil.Process(site.pid)
    headers = {"Authorization": f"Bearer {key}"}

    def send(number: int) -> int:
        done = 0
        with httpx.Client(base_url=site.url, headers=headers, timeout=60) as sender:
            while time.monotonic() < end:
                answer = sender.post(path, content=bodies[(number + done) % len(bodies)])
                if answer.status_code == 429:
                    time.sleep(float(answer.headers["Retry-After"]))
                    continue
                answer.raise_for_status()
                done += 1
        return done * READINGS

    end = time.monotonic() + 1
    send(0)
    used = sum(process.cpu_times()[:2])
    started = time.monotonic()
    end = started + seconds
    with ThreadPoolExecutor(SENDERS) as pool:
        taken = sum(pool.map(send, range(0, BODIES, BODIES // SENDERS)))
    lasted = time.monotonic() - started
    return {
        "samples_per_s": taken / lasted,
        "core": (sum(process.cpu_times()[:2]) - used) / lasted,
    }


_INSIDE = """
import json, sys, time
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.benchmarks.ingest import inside
print(json.dumps(inside(float(sys.argv[1]))))
"""


def inside(seconds: float) -> dict[str, float]:
    """Measure the recorder and a day's reading in a process of Django's."""
    return {"recorder": _record(seconds)} | _read()


def _record(seconds: float) -> float:
    from dashboards.ingest.readings import Reading
    from dashboards.recording import Recorder

    recorder = Recorder.current()
    labels = [(("host", f"h{number}"), ("region", "eu")) for number in range(SERIES)]
    start_ms, number, waiting = int(time.time() * 1000) - 20_000, 0, []

    def batch() -> list[Reading]:
        at_ms = start_ms + number * 4
        return [
            Reading("recorded", labels[line % SERIES], number + 0.5, at_ms + line // SERIES)
            for line in range(READINGS)
        ]

    recorder.submit(batch()).result()
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        number += 1
        waiting.append(recorder.submit(batch()))
        if len(waiting) >= SENDERS:
            waiting.pop(0).result()
    for one in waiting:
        one.result()
    return number * READINGS / (time.monotonic() - started)


def _read() -> dict[str, float]:
    """Read 24 h of 20 series among 100, which is rolled up all but the last minute."""
    from dashboards import store as stores
    from dashboards.ingest.readings import Reading
    from dashboards.store.rolling import Roller
    from dashboards.store.writing import Batch, append

    store = stores.current()
    now = store.now()
    start = now - DAY_S * 1000
    for number in range(100):
        labels = (("host", f"h{number}"),)
        readings = [
            Reading("read", labels, float(at_s % 977), start + at_s * 1000)
            for at_s in range(0, DAY_S, 15)
        ]
        append(store, [Batch(readings)])
    while not Roller(store).run():
        pass
    ids = [one.id for one in store.find("read", limit=100)][40:60]
    end = now - now % 60_000 + 60_000
    times = []
    for _ in range(100):
        began = time.perf_counter()
        found = store.buckets(ids, end - DAY_S * 1000, end, 60_000)
        times.append((time.perf_counter() - began) * 1000)
        if min(len(one.at_ms) for one in found.values()) < 1439:
            raise RuntimeError("a day is missing buckets")
    times.sort()
    return {"read_p50_ms": times[49], "read_p95_ms": times[94]}


@contextmanager
def place(name: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a data directory, and a PostgreSQL if it is to be one: (directory, environment)."""
    with tempfile.TemporaryDirectory(prefix=f"ingest-{name}-") as made:
        directory = Path(made)
        if name == "SQLite":
            yield directory, {}
            return
        (directory / "postgres").mkdir()
        server = DurablePostgres(directory / "postgres")
        with running(server):
            yield directory, {"DATABASE_URL": server.url}


def measure(name: str, seconds: float, ways: list[str]) -> dict[str, dict[str, float]]:
    """Measure one database, everything on data of its own."""
    found: dict[str, dict[str, float]] = {}
    for way in ways:
        with place(name) as (directory, environment):
            site = PinnedSite(directory, environment=environment)
            with running(site):
                key = site.key()
                found[way] = over_http(site, key, way, seconds)
    with place(name) as (directory, environment):
        site = Site(directory, environment=environment)
        (directory / "data").mkdir()
        done = subprocess.run(
            ["taskset", "-c", "0", sys.executable, "-c", _INSIDE, str(seconds)],
            env=site.environment | {"DJANGO_SETTINGS_MODULE": "collab.site.settings"},
            check=True, stdout=subprocess.PIPE, text=True, timeout=600,
        )  # fmt: skip
        found["inside"] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=8, help="of each measurement (%(default)s)"
    )
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"), help="measure one database")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), help="of %(default)s")
    options = parser.parse_args()
    os.sched_setaffinity(0, {1})
    print("| database | way | samples/s | cores of the site |\n|---|---|---|---|")
    for name in [options.only] if options.only else ["SQLite", "PostgreSQL"]:
        found = measure(name, options.seconds, options.ways)
        for way in options.ways:
            rate, core = found[way]["samples_per_s"], found[way]["core"]
            print(f"| {name} | {way} | {rate:,.0f} | {core:.2f} |")
        inner = found["inside"]
        print(f"| {name} | recorder | {inner['recorder']:,.0f} | |")
        read = f"{inner['read_p50_ms']:.1f} / {inner['read_p95_ms']:.1f} ms"
        print(f"| {name} | 24 h × 20 series | p50 / p95 {read} | |", flush=True)


if __name__ == "__main__":
    main()

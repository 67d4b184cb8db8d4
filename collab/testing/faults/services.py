"""PostgreSQL and Redis restart, are away, hang, forget, or refuse."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import psycopg

from collab.testing.faults.fault import Fault, Run
from collab.testing.scene import Scene
from collab.testing.servers import Postgres

# Comparison of heads, patience with a gap, and the time of a busy machine.
_CROSS_S = 8.0
_SEE_S = 5.0
_STOPPED_S = 8.0
_REFUSED_S = 4.0
# A commit that was under way may still be answered.
_LAST_ACKS_S = 1.0


async def _restart_redis(scene: Scene) -> None:
    scene.cluster.redis.stop()
    await asyncio.to_thread(scene.cluster.redis.start)


async def _flush_redis(scene: Scene) -> None:
    if await asyncio.to_thread(scene.cluster.redis.command, "FLUSHALL") != b"+OK":
        raise AssertionError("Redis did not forget")
    await scene.until_crossed(_CROSS_S)


def redis_gone(seconds: float) -> Run:
    """Have Redis away; meanwhile edits cross by the comparison of heads."""

    async def run(scene: Scene) -> None:
        scene.cluster.redis.stop()
        await scene.type_for(seconds)
        await scene.until_crossed(_CROSS_S)
        await asyncio.to_thread(scene.cluster.redis.start)

    return run


async def _stop_redis(scene: Scene) -> None:
    scene.cluster.redis.signal(signal.SIGSTOP)
    await scene.type_for(_STOPPED_S)
    await scene.until_crossed(_CROSS_S)
    scene.cluster.redis.signal(signal.SIGCONT)


async def _restart_postgres(scene: Scene) -> None:
    await asyncio.to_thread(scene.cluster.postgres.stop)
    await asyncio.to_thread(scene.cluster.postgres.start)


def postgres_gone(seconds: float) -> Run:
    """Have PostgreSQL away; meanwhile nothing is acknowledged, and who shares a process sees."""

    async def run(scene: Scene) -> None:
        await asyncio.to_thread(scene.cluster.postgres.stop)
        await scene.type_for(_LAST_ACKS_S)
        before = await scene.acknowledged()
        await scene.type_for(seconds - _LAST_ACKS_S)
        await scene.until_neighbours_see(_SEE_S)
        if await scene.acknowledged() != before:
            raise AssertionError("something was acknowledged without a database")
        await asyncio.to_thread(scene.cluster.postgres.start)

    return run


async def _take_all_connections(scene: Scene) -> None:
    """Take every connection that PostgreSQL has, also those that the processes had."""
    with contextlib.ExitStack() as taken:
        await asyncio.to_thread(_take, scene.cluster.postgres, taken)
        await scene.type_for(_REFUSED_S)


def _take(postgres: Postgres, taken: contextlib.ExitStack) -> None:
    first = psycopg.connect(postgres.url, autocommit=True)
    taken.callback(first.close)
    own = {first.info.backend_pid}
    while True:
        try:
            while True:
                one = psycopg.connect(postgres.url, connect_timeout=5)
                taken.callback(one.close)
                own.add(one.info.backend_pid)
        except psycopg.OperationalError:
            rows = first.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                (list(own),),
            ).fetchall()
        if not rows:
            return


FAULTS = (
    Fault("Redis restarts", "edits cross again", 20, _restart_redis),
    Fault("Redis: FLUSHALL", "edits cross within 8 s", 20, _flush_redis),
    Fault(
        "Redis is gone for 60 s",
        "meanwhile edits cross within 8 s",
        20,
        redis_gone(60),
        soak=False,
    ),
    Fault("Redis hangs (SIGSTOP) for 8 s", "meanwhile edits cross within 8 s", 20, _stop_redis),
    Fault("PostgreSQL restarts", "what was typed is saved", 20, _restart_postgres),
    Fault(
        "PostgreSQL is gone for 30 s",
        "meanwhile people of one process see each other, nothing is acknowledged",
        20,
        postgres_gone(30),
        soak=False,
    ),
    Fault(
        "PostgreSQL is out of connections for 4 s",
        "what was typed is saved",
        20,
        _take_all_connections,
    ),
)

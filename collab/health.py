"""Whether the process lives, can serve, and what it counts."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Iterable

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collab import access, conf
from collab import metrics as counted
from collab.heap import given_out
from collab.process import Process

logger = logging.getLogger(__name__)

_TIMEOUT_S = 3.0


@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the event loop turns. Asks nothing of anybody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database is migrated and the channel layer answers, else 503 with what is not."""
    process = Process.running()
    checks = {
        "database": await _problem(sync_to_async(_database_problem)()),
        "channel_layer": await _problem(_layer_problem()),
        "stopping": "yes" if process is not None and process.registry.stopping else "",
    }
    ready = not any(checks.values())
    answer = {"ready": ready, "checks": {name: text or "ok" for name, text in checks.items()}}
    return JsonResponse(answer, status=200 if ready else 503)


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """This process's metrics in Prometheus's text format."""
    if not conf.get("METRICS_PUBLIC"):
        header = request.headers.get("Authorization")
        user = (
            await request.auser()
            if header is None
            else await sync_to_async(access.user_of_key)(header)
        )
        if user is None or not getattr(user, "is_staff", False):
            return HttpResponse(
                "Metrics are for staff: log in, or send a staff member's API key.\n",
                status=401,
                content_type="text/plain",
                headers={"WWW-Authenticate": "Bearer"},
            )
    return HttpResponse(counted.render(), content_type=CONTENT_TYPE_LATEST)


async def _problem(check: Awaitable[str]) -> str:
    """Return what a check found, empty if nothing. Details go to the log: anybody may ask."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await check
    except Exception as error:
        logger.warning("Not ready: %r", error)
        return type(error).__name__


def _database_problem() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied" if missing else ""


async def _layer_problem() -> str:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send("collab.ready", {"type": "collab.ready"})
    return ""


class _Now(Collector):
    """Gauges that are read when they are asked for, so that nothing has to be kept in step."""

    def collect(self) -> Iterable[Metric]:
        processes = Process.every()
        registries = [process.registry for process in processes]
        unsaved = sum(registry.journal.unsaved_bytes for registry in registries)
        lost = sum(process.relay.lost for process in processes)
        tasks = sum(len(asyncio.all_tasks(loop)) for loop in Process.loops())
        blocks = sys.getallocatedblocks()
        for name, text, value in (
            ("collab_rooms", "Rooms open.", sum(len(each.rooms) for each in registries)),
            ("collab_peers", "Connections in rooms.", sum(each.peers for each in registries)),
            ("collab_unsaved_bytes", "Edits not committed yet.", unsaved),
            ("collab_relay_lost_events", "Events that did not reach the channel layer.", lost),
            ("collab_tasks", "Tasks of the event loop.", tasks),
            ("collab_python_blocks", "Memory blocks of Python's objects.", blocks),
            ("collab_malloc_bytes", "What the C library has given out.", given_out()),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, text, value)


counted.REGISTRY.register(_Now())

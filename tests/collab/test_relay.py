"""The relay: one battery in memory, on the in-memory channel layer and on Redis."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from collab.engine.memory import MemoryBus, MemoryRelay
from collab.engine.ports import Relay
from collab.relay import LayerRelay, group_of
from collab.site import environment
from collab.testing.servers import Redis, running

KEY, OTHER = 7, 8
HEARD_TIMEOUT_S = 15


class Heard:
    """What one process heard, in order: (process, room, event)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, dict[str, Any]]] = []
        self._news = asyncio.Event()

    def __call__(self, process: str, key: int, event: dict[str, Any]) -> None:
        self.events.append((process, key, event))
        self._news.set()

    @property
    def words(self) -> list[tuple[int, Any]]:
        return [(key, event["word"]) for _, key, event in self.events]

    async def until(self, word: object, timeout_s: float = HEARD_TIMEOUT_S) -> None:
        """Wait until an event with this word is here."""
        async with asyncio.timeout(timeout_s):
            while word not in [heard for _, heard in self.words]:
                self._news.clear()
                await self._news.wait()


StartRelay = Callable[[], tuple[Relay, Heard]]


class Layers:
    """Starts relays as processes would, each on a layer of its own."""

    def __init__(self) -> None:
        self.relays: list[LayerRelay] = []

    def start(self, layer: Any) -> tuple[LayerRelay, Heard]:
        heard = Heard()
        before = channel_layers.set("default", layer)
        try:
            relay = LayerRelay(heard)
        finally:
            channel_layers.backends.pop("default", None)
            if before is not None:
                channel_layers.backends["default"] = before
        relay.start()
        self.relays.append(relay)
        return relay, heard


@pytest.fixture
async def layers() -> AsyncIterator[Layers]:
    """Relays that are stopped at the end."""
    one = Layers()
    yield one
    for relay in one.relays:
        await relay.stop()


def redis_layer(url: str) -> RedisPubSubChannelLayer:
    """Make the layer that the site makes for REDIS_URL."""
    return RedisPubSubChannelLayer(**environment.channel_layer(url)["CONFIG"])


@pytest.fixture(
    params=["memory", "in-memory layer", pytest.param("redis", marks=pytest.mark.redis)]
)
async def start(request: pytest.FixtureRequest, layers: Layers) -> StartRelay:
    """Start another process's relay: returns it, and what it hears."""
    if request.param == "memory":
        bus = MemoryBus()

        def in_memory() -> tuple[Relay, Heard]:
            relay = MemoryRelay(bus, f"process {len(bus.relays)}")
            relay.receive = heard = Heard()
            return relay, heard

        return in_memory
    if request.param == "redis":
        url = request.getfixturevalue("redis").url
        return lambda: layers.start(redis_layer(url))
    layer = InMemoryChannelLayer()
    return lambda: layers.start(layer)


async def until_heard(speaker: Relay, key: int, heard: Heard, word: object) -> None:
    """Publish until it is heard: a channel that has just started may not listen yet."""
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        while True:
            speaker.publish(key, {"word": word})
            try:
                await heard.until(word, 0.1)
            except TimeoutError:
                continue
            return


async def test_relay_tells_other_processes_and_not_its_own(start: StartRelay) -> None:
    """Everybody who subscribed hears, in order, but for who spoke."""
    (speaker, own), (ann, anns), (bob, bobs) = start(), start(), start()
    for relay in (speaker, ann, bob):
        await relay.subscribe(KEY)
    for heard in (anns, bobs):
        await until_heard(speaker, KEY, heard, "start")
    for word in ("one", "two", "last"):
        speaker.publish(KEY, {"word": word, "bytes": b"\x00\xff"})
    for heard in (anns, bobs):
        await heard.until("last")
        assert heard.words[-3:] == [(KEY, "one"), (KEY, "two"), (KEY, "last")]
        assert heard.events[-1][2] == {"word": "last", "bytes": b"\x00\xff"}
        assert len({process for process, _, _ in heard.events}) == 1
    await until_heard(ann, KEY, own, "answer")
    assert [word for _, word in own.words if word != "answer"] == []


async def test_relay_does_not_hear_rooms_it_has_not_open(start: StartRelay) -> None:
    """An event of another room costs this process nothing."""
    (speaker, _), (listener, heard) = start(), start()
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "start")
    speaker.publish(OTHER, {"word": "other"})
    speaker.publish(KEY, {"word": "end"})
    await heard.until("end")
    assert {key for key, _ in heard.words} == {KEY}


async def test_relay_does_not_hear_a_room_it_let_go(start: StartRelay) -> None:
    """Unsubscribed is silent, and subscribed again hears again."""
    (speaker, _), (listener, heard) = start(), start()
    await listener.subscribe(KEY)
    await listener.subscribe(OTHER)
    await until_heard(speaker, KEY, heard, "start")
    await until_heard(speaker, OTHER, heard, "start other")
    await listener.unsubscribe(KEY)
    await listener.unsubscribe(KEY)
    speaker.publish(KEY, {"word": "gone"})
    speaker.publish(OTHER, {"word": "end"})
    await heard.until("end")
    assert (KEY, "gone") not in heard.words
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "again")


async def test_relay_carries_large_events(start: StartRelay) -> None:
    """A quarter of a megabyte of updates, the most that goes through the layer, arrives whole."""
    (speaker, _), (listener, heard) = start(), start()
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "start")
    updates = [bytes(range(256)) * 256] * 4
    speaker.publish(KEY, {"word": "large", "updates": updates})
    await heard.until("large")
    assert heard.events[-1][2]["updates"] == updates


class Stuck:
    """A layer in memory that takes nothing until it is let go."""

    def __init__(self) -> None:
        self.layer = InMemoryChannelLayer()
        self.layer.group_send = self._group_send  # type: ignore[method-assign]
        self.go = asyncio.Event()
        self.sent: list[object] = []

    async def join_another(self) -> None:
        await self.layer.group_add(group_of(KEY), "of.another")

    async def _group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.go.wait()
        self.sent.append(message["event"]["word"])


async def test_relay_queue_is_bounded_and_drops_the_oldest(layers: Layers) -> None:
    """A layer that does not take events makes nobody wait, and takes no memory without end."""
    stuck = Stuck()
    relay, _ = layers.start(stuck.layer)
    await stuck.join_another()
    for word in range(1500):
        relay.publish(KEY, {"word": word})
    assert relay.lost == 500
    stuck.go.set()
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        while not stuck.sent or stuck.sent[-1] != 1499:
            await asyncio.sleep(0)
    assert stuck.sent == list(range(500, 1500))


async def test_relay_tells_nobody_where_nobody_else_is(layers: Layers) -> None:
    """The only process on a layer in memory does not pay for events that it alone would get."""
    stuck = Stuck()
    relay, _ = layers.start(stuck.layer)
    await relay.subscribe(KEY)
    for word in range(1500):
        relay.publish(KEY, {"word": word})
    assert relay.lost == 0
    await stuck.join_another()
    relay.publish(KEY, {"word": "heard"})
    stuck.go.set()
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        while not stuck.sent:
            await asyncio.sleep(0)
    assert stuck.sent == ["heard"]


async def test_relay_without_a_layer_is_silent(layers: Layers) -> None:
    """A project without a channel layer works; its processes learn from the log."""
    relay, heard = layers.start(None)
    await relay.subscribe(KEY)
    relay.publish(KEY, {"word": "unheard"})
    await relay.unsubscribe(KEY)
    assert heard.events == []


class ForgetfulLayer(InMemoryChannelLayer):
    """A layer that does not take the first group it is asked for."""

    failures = 1

    async def group_add(self, group: str, channel: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away for a moment")
        await super().group_add(group, channel)


async def test_relay_joins_again_a_group_that_was_not_taken(layers: Layers) -> None:
    """A moment without the layer while a room is opened leaves the process deaf no longer."""
    layer = InMemoryChannelLayer()
    deaf = ForgetfulLayer()
    deaf.channels, deaf.groups = layer.channels, layer.groups
    (speaker, _), (listener, heard) = layers.start(layer), layers.start(deaf)
    # Until the relay has its channel it joins nothing, and no failure is met.
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        while deaf.failures:
            await listener.subscribe(KEY)
            await asyncio.sleep(0)
    listener.publish(KEY, {"word": "any"})  # It gets through: the layer is there.
    await until_heard(speaker, KEY, heard, "heard")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that the test may stop."""
    server = Redis(tmp_path)
    with running(server):
        yield server


@pytest.mark.redis
async def test_relay_lives_through_a_redis_that_goes_and_comes(
    own_redis: Redis, layers: Layers
) -> None:
    """Without Redis nothing raises or waits; with a new one everybody hears again."""
    speaker, _ = layers.start(redis_layer(own_redis.url))
    listener, heard = layers.start(redis_layer(own_redis.url))
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "before")
    own_redis.kill()
    for _ in range(100):
        speaker.publish(KEY, {"word": "lost"})
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        await listener.subscribe(OTHER)
        while not speaker.lost:
            await asyncio.sleep(0.01)
    own_redis.start()
    await until_heard(speaker, KEY, heard, "after")
    listener.publish(KEY, {"word": "back"})
    await until_heard(speaker, OTHER, heard, "opened meanwhile")


@pytest.mark.redis
async def test_relay_hears_after_flushall(own_redis: Redis, layers: Layers) -> None:
    """Whatever else is kept in that Redis may be deleted."""
    speaker, _ = layers.start(redis_layer(own_redis.url))
    listener, heard = layers.start(redis_layer(own_redis.url))
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "before")
    assert own_redis.command("FLUSHALL") == b"+OK"
    speaker.publish(KEY, {"word": "after"})
    await heard.until("after")


@pytest.mark.redis
async def test_relay_starts_while_redis_is_away(own_redis: Redis, layers: Layers) -> None:
    """A process may come up before its Redis: it hears once that is there."""
    own_redis.stop()
    speaker, _ = layers.start(redis_layer(own_redis.url))
    listener, heard = layers.start(redis_layer(own_redis.url))
    async with asyncio.timeout(HEARD_TIMEOUT_S):
        await listener.subscribe(KEY)
    own_redis.start()
    await until_heard(speaker, KEY, heard, "there")


@pytest.mark.redis
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
async def test_relay_stops_while_redis_is_away(
    own_redis: Redis, layers: Layers, how: signal.Signals
) -> None:
    """A process must end in time although its Redis is dead or does not answer."""
    speaker, _ = layers.start(redis_layer(own_redis.url))
    listener, heard = layers.start(redis_layer(own_redis.url))
    await listener.subscribe(KEY)
    await until_heard(speaker, KEY, heard, "before")
    own_redis.signal(how)
    speaker.publish(KEY, {"word": "lost"})
    async with asyncio.timeout(6):
        await asyncio.gather(speaker.stop(), listener.stop())
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("relay ")] == []

"""The wires of the cluster fail as they are told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from collab.testing.proxy import Proxy
from collab.testing.relay_noise import RelayNoise, end_of_value

# As Redis sends them: a reply, pushes of RESP 2 and 3, null, an array in an array.
REPLY = b"+OK\r\n"
PUSHES = [b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\n\r\n%d\r\n" % n for n in range(8)]
PUSHES += [b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n%d\r\n" % n for n in range(8)]
OTHERS = [REPLY, b":1\r\n", b"$-1\r\n", b"*2\r\n*1\r\n:1\r\n$0\r\n\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"]
STREAM = [*OTHERS, *PUSHES, *OTHERS]


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """Cut bytes anywhere, as a network does."""
    cuts = [0, *sorted(chance.sample(range(len(data)), 30)), len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize(("loss", "late"), [(0, 0), (1, 0), (0, 0.5), (0.3, 0.3)])
def test_noise_loses_and_reorders_pushes_and_nothing_else(loss: float, late: float) -> None:
    """Every value stays whole, however it is cut; replies come once and in order."""
    noise = RelayNoise(random.Random(7))
    noise.loss, noise.late = loss, late
    take = noise.connection()
    passed = [one for piece in pieces(b"".join(STREAM), noise.chance) for one in take(piece)]
    assert [one for one in passed if one not in PUSHES] == [*OTHERS, *OTHERS]
    heard = [one for one in passed if one in PUSHES]
    assert len(heard) == len(set(heard))
    assert (heard == PUSHES) == (loss == late == 0)
    assert (noise.lost > 0) == (loss > 0)
    assert (noise.reordered > 0) == (late > 0)
    assert end_of_value(REPLY[:-1], 0) is None


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Passes on to an echo."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.write(b"end")
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    one = Proxy(server.sockets[0].getsockname()[1])
    one.start()
    yield one
    await asyncio.to_thread(one.stop)
    server.close()


async def test_silence_delays_and_loses_nothing(proxy: Proxy) -> None:
    """Neither bytes nor a new connection get through; all come after it is healed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    proxy.silence()
    later, late_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    for one in (writer, late_writer):
        one.write(b"late")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(reader.read(1), later.read(1)), 0.1)
    proxy.heal()
    assert await later.readexactly(4) == b"late"
    writer.close()
    late_writer.close()


@pytest.mark.parametrize("end", ["near", "far"])
async def test_a_forgotten_connection_is_open_at_one_end_only(proxy: Proxy, end: str) -> None:
    """The end that is named is reset, the other is told nothing; a new connection passes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    assert await asyncio.to_thread(proxy.forget, **{end: True}) == 1
    if end == "near":
        with pytest.raises(ConnectionError):
            await reader.read(1)
    else:
        writer.write(b"into nothing")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()
    again, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"again")
    assert await again.readexactly(5) == b"again"
    assert await asyncio.to_thread(proxy.cut) >= 1
    with pytest.raises(ConnectionError):
        await again.read(1)
    writer.close()

"""Bodies are read and unpacked up to a bound, in every encoding that senders use."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ingest import bodies
from dashboards.ingest.errors import IngestError, Malformed, TooLarge, UnknownEncoding

TEXT = b"temperature 21.5\n" * 50
MIB = 2**20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACK: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip-members": ("x-gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    "deflate": ("deflate", zlib.compress),
    "deflate-raw": ("deflate", raw_deflate),
    "snappy-framed": ("snappy", lambda data: bytes(cramjam.snappy.compress(data))),
    "snappy-block": ("snappy", lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "zstd": ("zstd", lambda data: bytes(cramjam.zstd.compress(data))),
}
# In a process of its own, whose memory nothing else has raised.
UNPACKING = """
import pathlib, resource, sys
from dashboards.ingest import bodies

def kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

packed = [(path.suffix[1:], path.read_bytes()) for path in pathlib.Path(sys.argv[1]).iterdir()]
before = kib()
for encoding, bomb in packed:
    try:
        bodies.unpack(bomb, encoding, 2**20)
    except bodies.TooLarge:
        print("TooLarge")
print(kib() - before)
"""
EACH = pytest.mark.parametrize(("encoding", "pack"), PACK.values(), ids=PACK)


def test_body_is_read_to_its_bound() -> None:
    """A body that just fits is whole, one byte more is refused."""
    assert bodies.read(io.BytesIO(TEXT), len(TEXT)) == TEXT
    with pytest.raises(TooLarge, match=str(len(TEXT) - 1)):
        bodies.read(io.BytesIO(TEXT), len(TEXT) - 1)


def test_long_body_is_not_read_to_its_end() -> None:
    """What is refused is not taken into memory first."""
    stream = io.BytesIO(bytes(4 * MIB))
    with pytest.raises(TooLarge):
        bodies.read(stream, 100_000)
    assert stream.tell() <= 200_000


@EACH
def test_packed_body_is_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """Whatever its sender chose, and with the header in any case."""
    assert bodies.unpack(pack(TEXT), encoding.upper(), len(TEXT)) == TEXT


@EACH
def test_body_over_the_bound_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """The bound is what it is when unpacked."""
    with pytest.raises(TooLarge):
        bodies.unpack(pack(TEXT), encoding, len(TEXT) - 1)


def test_bombs_are_never_unpacked(tmp_path: Path) -> None:
    """Each unpacks to 64 MiB, but memory does not grow by a quarter of it."""
    for name, (encoding, pack) in PACK.items():
        (tmp_path / f"{name}.{encoding}").write_bytes(pack(bytes(64 * MIB)))
    done = subprocess.run(
        [sys.executable, "-c", UNPACKING, str(tmp_path)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["TooLarge"] * len(PACK) + [done.stdout.split()[-1]]
    assert int(done.stdout.split()[-1]) < 16 * 1024


@EACH
def test_broken_body_is_malformed(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """Cut off, and followed by something else."""
    packed = pack(TEXT)
    for broken in (packed[:-3], packed[: len(packed) // 2], b"\x01\x02\x03" + packed):
        with pytest.raises(Malformed):
            bodies.unpack(broken, encoding, MIB)


def test_encodings_are_undone_from_the_last_to_the_first() -> None:
    """As RFC 9110 has it; identity is none."""
    packed = gzip.compress(zlib.compress(TEXT))
    assert bodies.unpack(packed, "deflate, identity, gzip", MIB) == TEXT
    assert bodies.unpack(TEXT, "", len(TEXT)) == TEXT


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip,gzip,gzip", "gzip;q=1"])
def test_unknown_encoding_is_refused(encoding: str) -> None:
    """Nothing is guessed, and nothing packed over and over."""
    with pytest.raises(UnknownEncoding):
        bodies.unpack(gzip.compress(TEXT), encoding, MIB)


def test_many_tiny_members_are_refused() -> None:
    """Each would copy all that follows."""
    with pytest.raises(Malformed, match="members"):
        bodies.unpack(gzip.compress(b"") * 10_000, "gzip", MIB)


@given(st.binary(max_size=300), st.sampled_from(sorted(PACK)), st.integers(0, 400))
def test_no_bytes_raise_anything_else(data: bytes, name: str, at: int) -> None:
    """Random bytes, and good ones with random ones in them."""
    encoding, pack = PACK[name]
    packed = pack(TEXT)
    for body in (data, packed[:at] + data + packed[at + len(data) :]):
        try:
            assert len(bodies.unpack(body, encoding, 4096)) <= 4096
        except IngestError:
            pass

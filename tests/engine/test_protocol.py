"""Bytes and frames: what the grammar takes, and that it takes nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.engine import protocol
from collab.engine.errors import FrameMalformed
from collab.engine.protocol import Kind, State
from collab.engine.varint import MAX_VARUINT, decode_varuint, encode_varuint

SENT_BY_PEERS = [Kind.STEP1, Kind.STEP2, Kind.UPDATE, Kind.AWARENESS]
numbers = st.integers(0, MAX_VARUINT)
states = st.lists(
    st.builds(State, client=numbers, clock=numbers, json=st.binary(max_size=300)), max_size=20
)


@given(numbers)
def test_varuint_reads_what_it_wrote(number: int) -> None:
    """Every number that JavaScript holds survives, and its end is found among other bytes."""
    data = encode_varuint(number)
    assert decode_varuint(b"\x00" + data + b"\xff", 1) == (number, 1 + len(data))


@pytest.mark.parametrize(
    ("number", "data"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (MAX_VARUINT, b"\xff" * 7 + b"\x0f")],
)
def test_varuint_is_written_as_lib0_does(number: int, data: bytes) -> None:
    """The bytes are those of lib0's `writeVarUint`."""
    assert encode_varuint(number) == data


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\xff" * 7, b"\xff" * 7 + b"\x10", b"\x80" * 8 + b"\x01", b"\xff" * 99]
)
def test_varuint_refuses_what_is_cut_off_or_too_large(data: bytes) -> None:
    """Neither a truncated number nor one over 2^53 - 1 is read."""
    with pytest.raises(FrameMalformed):
        decode_varuint(data, 0)


@given(st.sampled_from(SENT_BY_PEERS), st.binary(max_size=400))
def test_frame_reads_what_it_wrote(kind: Kind, payload: bytes) -> None:
    """Every frame that a peer may send survives, whatever its payload."""
    assert protocol.decode(protocol.encode(kind, payload)) == (kind, payload)


@pytest.mark.parametrize(
    ("frame", "kind", "payload"),
    [
        (b"\x00\x00\x01\x00", Kind.STEP1, b"\x00"),
        (b"\x00\x01\x02\x00\x00", Kind.STEP2, b"\x00\x00"),
        (b"\x00\x02\x02\x00\x00", Kind.UPDATE, b"\x00\x00"),
        (b"\x01\x01\x00", Kind.AWARENESS, b"\x00"),
        (b"\x03", Kind.QUERY, b""),
    ],
)
def test_frame_has_the_bytes_of_y_protocols(frame: bytes, kind: Kind, payload: bytes) -> None:
    """The grammar is that of y-websocket, byte for byte."""
    assert protocol.decode(frame) == (kind, payload)


def test_frames_of_the_server_alone_have_their_bytes() -> None:
    """Acks and denials are written as the page reads them."""
    assert protocol.encode_ack(300) == b"\x08\xac\x02"
    assert protocol.encode(Kind.DENIED, "né".encode()) == b"\x02\x00\x03n\xc3\xa9"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x01",
        b"\x02",
        b"\x08",
        b"\xff",
        b"\x03\x00",
        b"\x00\x03\x00",
        b"\x00\x80\x00\x00",
        b"\x00\x02",
        b"\x00\x02\x05\x00",
        b"\x00\x02\x01\x00\x00",
        b"\x00\x02\x80",
        b"\x00\x02" + b"\xff" * 12,
        b"\x01\x80",
        b"\x02\x00\x00",
        b"\x04\x00",
        b"\x08\x01",
        b"\x80\x01\x00",
    ],
)
def test_frame_that_is_none_is_refused(frame: bytes) -> None:
    """Empty, truncated, overlong, with bytes after its end, of an unknown kind: all refused."""
    with pytest.raises(FrameMalformed):
        protocol.decode(frame)


@given(st.binary(max_size=40))
def test_frame_of_random_bytes_is_read_or_refused(frame: bytes) -> None:
    """No bytes raise anything but a refusal, and what is read is written back the same."""
    try:
        kind, payload = protocol.decode(frame)
    except FrameMalformed:
        return
    if kind is not Kind.QUERY and len(payload) < 128 and frame[2 if frame[0] == 0 else 1] < 128:
        assert protocol.encode(kind, payload) == frame


@given(states)
def test_states_read_what_they_wrote(some: list[State]) -> None:
    """Presence survives the wire, in order."""
    payload = protocol.encode_states(some)
    assert protocol.decode_states(payload, max_states=20) == some


@given(st.binary(max_size=60))
def test_states_of_random_bytes_are_read_or_refused(payload: bytes) -> None:
    """No presence bytes raise anything but a refusal."""
    try:
        some = protocol.decode_states(payload, max_states=20)
    except FrameMalformed:
        return
    assert len(some) <= 20


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01",
        b"\x01\x05",
        b"\x01\x05\x01",
        b"\x01\x05\x01\x02{",
        b"\x00\x00",
        b"\x03" + b"\x05\x01\x00" * 3,
        b"\xff\xff\xff\xff\x0f",
    ],
)
def test_states_that_are_none_are_refused(payload: bytes) -> None:
    """Truncated, trailing, or more states than may be: refused, whatever the count claims."""
    with pytest.raises(FrameMalformed):
        protocol.decode_states(payload, max_states=2)

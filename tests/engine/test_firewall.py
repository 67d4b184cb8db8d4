"""The firewall: every encoder's output passes, every known killer does not, and nothing is left."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from collab.engine.errors import UpdateRejected
from collab.engine.firewall import DEFAULT, Contents, Limits, check_state_vector, check_update
from collab.engine.varint import encode_varuint as number

# Written by Yjs 13.6: each update in V1 and V2, and what Yjs itself reads in it.
CORPUS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("firewall_corpus.json").read_text()
)


def string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return number(len(data)) + data


def update(*structs: bytes, client: int = 5, clock: int = 0, deletes: bytes = b"\x00") -> bytes:
    """An update with the structs of one client."""
    head = b"\x01" + number(len(structs)) + number(client) + number(clock)
    return head + b"".join(structs) + deletes


def item(ref: int, content: bytes, key: str | None = None) -> bytes:
    """An item in the root type `t`."""
    if key is None:
        return bytes((ref,)) + b"\x01" + string("t") + content
    return bytes((ref | 0x20,)) + b"\x01" + string("t") + string(key) + content


def text(content: str | bytes) -> bytes:
    return item(4, string(content))


def values(*encoded: bytes) -> bytes:
    return item(8, number(len(encoded)) + b"".join(encoded))


REFUSED = {
    "no bytes": (b"", "truncated"),
    "one byte": (b"\x00", "truncated"),
    "cut off in a client id": (b"\x01\x01" + b"\x85" * 5, "truncated"),
    "cut off in text": (update(text("hello"))[:-4], "truncated"),
    "cut off in a float": (b"\x01\x01\x05\x00\x08\x01\x01t\x01\x7b\x00", "truncated"),
    "cut off in other ids": (b"\x01\x01\x05\x00\xc4\x06", "truncated"),
    "cut off in JSON": (update(item(5, string('"abc"')))[:-3], "truncated"),
    "cut off in a character": (update(text("aé"))[:-2], "truncated"),
    "text past the end": (update(item(4, number(2**40))), "truncated"),
    "bytes after the end": (update(text("a")) + b"\x00", "bytes follow"),
    "an empty V2 update": (bytes.fromhex("00000000000001000000000000"), "V2"),
    "no structs of a client": (bytes.fromhex("0100050000"), "than bytes remain"),
    "no structs of a client, long": (bytes.fromhex("010005000000"), "no structs"),
    "a GC of no length": (bytes.fromhex("01010a01000000"), "no length"),
    "a Skip of no length": (update(b"\x0a\x00"), "no length"),
    "a deletion of no length": (update(item(1, b"\x00")), "no length"),
    "no text": (update(text("")), "no length"),
    "no values": (update(values()), "no length"),
    "a delete range of no length": (bytes.fromhex("000105010300"), "no length"),
    "2^28 clients in five bytes": (bytes.fromhex("8080808001"), "clients"),
    "more clients than bytes": (b"\x05" + update(text("a"))[1:], "than bytes remain"),
    "more structs than bytes": (bytes.fromhex("01640500000100"), "than bytes remain"),
    "more delete clients than bytes": (bytes.fromhex("007f050101"), "than bytes remain"),
    "more delete ranges than bytes": (bytes.fromhex("0001057f0101"), "than bytes remain"),
    "more values than bytes": (update(item(8, b"\x7f\x7e")), "than bytes remain"),
    "a longer array than bytes": (update(values(b"\x75\x7f\x7e")), "than bytes remain"),
    "a longer object than bytes": (update(values(b"\x76\x7f")), "than bytes remain"),
    "a client twice": (b"\x02" + update(text("a"))[1:-1] * 2 + b"\x00", "twice"),
    "deletes of a client twice": (bytes.fromhex("0002 050101 01 050105 01"), "twice"),
    "deletes out of order": (bytes.fromhex("00 01 05 02 0801 0301"), "not in order"),
    "deletes that overlap": (bytes.fromhex("00 01 05 02 0302 0401"), "overlap"),
    "a number of nine bytes": (b"\x80" * 8 + b"\x01", "53 bits"),
    "a number of nine empty bytes": (b"\x80" * 8 + b"\x00", "53 bits"),
    "a number of 54 bits": (b"\x01\x01" + b"\xff" * 7 + b"\x1f\x00" + text("a"), "53 bits"),
    "a number with an empty end": (b"\x01\x01\x85\x00\x00" + text("a") + b"\x00", "shortest"),
    "a last clock": (update(text("a"), clock=2**31 - 1), "clock is too large"),
    "a clock of 2^32-2": (update(text("a"), clock=2**32 - 2), "clock is too large"),
    "a clock of 2^32-1 and a GC": (update(b"\x00\x01", clock=2**32 - 1), "clock is too large"),
    "a GC up to 2^32": (update(b"\x00" + number(2**32)), "clock is too large"),
    "an origin of 2^32": (update(b"\x84\x06" + number(2**32) + string("a")), "clock is too large"),
    "a delete up to 2^31": (b"\x00\x01\x05\x01\x01" + number(2**31 - 1), "clock is too large"),
    "an origin that is itself": (update(b"\x84\x05\x00" + string("a")), "later"),
    "a right origin to come": (update(b"\x44\x05\x07" + string("a")), "later"),
    "a parent that is itself": (update(b"\x07\x00\x05\x00\x00"), "later"),
    "a parent of kind 2": (update(b"\x04\x02\x01t" + string("a")), "neither"),
    "a GC with a key": (update(b"\x20\x01"), "flags"),
    "a GC with an origin": (update(b"\x80\x06\x00\x01"), "flags"),
    "a Skip with a key": (update(b"\x2a\x01"), "flags"),
    "the fifth bit of info": (update(item(0x14, string("a"))), "unknown kind"),
    "a struct of kind 11": (update(item(11, b"\x01")), "unknown kind"),
    "a list of JSON": (update(item(2, b"\x01" + string("true"))), "JSON list"),
    "a document inside": (update(item(9, string("guid") + b"\x76\x00")), "documents inside"),
    "an XML hook": (update(item(7, b"\x05" + string("a"))), "unknown kind"),
    "a weak link": (update(item(7, b"\x07\x00\x05\x00")), "unknown kind"),
    "an undefined type": (update(item(7, b"\x0f")), "unknown kind"),
    "a type of two bytes": (update(item(7, b"\x81\x00")), "unknown kind"),
    "text that is not UTF-8": (update(text(b"a\xff")), "UTF-8"),
    "half a surrogate pair": (update(text(b"\xed\xa0\x80")), "UTF-8"),
    "a root name that is not UTF-8": (update(b"\x04\x01\x01\xff" + string("a")), "UTF-8"),
    "a key that is not UTF-8": (update(values(b"\x76\x01\x01\xff\x7e")), "UTF-8"),
    "an element's name, not UTF-8": (update(item(7, b"\x03\x01\xff")), "UTF-8"),
    "a name of 5,000 bytes": (update(b"\x04\x01" + string("t" * 5000) + string("a")), "name"),
    "text under a key": (update(item(4, string("a"), key="k")), "key"),
    "two values under a key": (update(item(8, b"\x02\x7e\x7e", key="k")), "key"),
    "a format under a key": (update(item(6, string("b") + string("1"), key="k")), "key"),
    "an embed under a key": (update(item(5, string("1"), key="k")), "key"),
    "a value of unknown kind": (update(values(b"\x73")), "unknown kind"),
    "an integer of 54 bits": (update(values(b"\x7d\xbf" + b"\xff" * 6 + b"\x7f")), "53 bits"),
    "a prototype": (update(values(b"\x76\x01" + string("__proto__") + b"\x76\x00")), "__proto__"),
    "arrays 32,000 deep": (update(values(b"\x75\x01" * 32_000 + b"\x75\x00")), "deeper"),
    "objects 65 deep": (update(values(b"\x76\x01\x01a" * 65 + b"\x7e")), "deeper"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_update_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    """What an encoder never writes is refused, and the reason names it."""
    with pytest.raises(UpdateRejected, match=reason):
        check_update(data)


# fmt: off
BAD_JSON = [
    "", "undefined", "NaN", "[Infinity]", "-Infinity", "{a:1}", "[1,]", "'a'", "01", "1e999",
    "9" * 400, "18446744073709551615", '"\\ud800"', '"\t"', "true false", "\ufefftrue",
    "[" * 65 + "]" * 65, "[" * 100_000, '{"a":' * 30_000, "[" * 2000 + "]" * 2000,
]
GOOD_JSON = [
    "null", "true", "{}", '""', "-0", "1e-9", "12345678901", '"\\ud83d\\ude00"',
    '{"href":"https://a/?b=[1,{2"}', '"' + "[" * 500 + '\\""', "[" * 64 + "]" * 64,
    '{"a":"' + "x" * 500 + '"}',
]
# fmt: on


def start(value: str) -> str:
    return value[:20]


@pytest.mark.parametrize("value", BAD_JSON, ids=start)
@pytest.mark.parametrize("ref", [5, 6])
def test_json_that_a_reader_would_refuse_is_refused(value: str, ref: int) -> None:
    """A value that JSON.parse or serde_json throws on would break every peer that gets it."""
    name = string("bold") if ref == 6 else b""
    with pytest.raises(UpdateRejected, match=r"JSON|deeper"):
        check_update(update(item(ref, name + string(value))))


@pytest.mark.parametrize("value", GOOD_JSON, ids=start)
def test_json_that_readers_take_passes(value: str) -> None:
    """Brackets inside strings do not count as depth."""
    check_update(update(item(5, string(value))))


@pytest.mark.parametrize(
    ("limits", "data"),
    [
        (Limits(update_bytes=9), update(text("aaa"))),
        (Limits(structs=1), update(text("a"), text("b"))),
        (Limits(clients=1), b"\x02" + update(text("a"))[1:-1] + update(text("a"), client=6)[1:]),
        (Limits(clients=1), update(b"\xc4\x06\x00\x07\x00" + string("a"))),
        (Limits(delete_ranges=1), bytes.fromhex("0001050201010301")),
        (Limits(delete_ranges=1), bytes.fromhex("00020501010106010101")),
        (Limits(values=2), update(values(b"\x7e", b"\x75\x02\x7e\x7e"))),
        (Limits(values=99), update(item(5, string(json.dumps([0] * 101))))),
        (Limits(depth=2), update(values(b"\x75\x01\x75\x01\x7e"))),
        (Limits(clock=4), update(text("aaaaa"))),
        (Limits(client_id=4), update(text("a"))),
        (Limits(name_bytes=1), update(item(6, string("it") + string("true")))),
    ],
    ids=[
        *(
            "bytes",
            "structs",
            "clients",
            "needs",
            "deletes",
            "deletes of two",
            "values",
            "json",
            "depth",
        ),
        *("clock", "id", "name"),
    ],
)
def test_update_beyond_a_limit_is_refused(limits: Limits, data: bytes) -> None:
    """Each bound holds, and the same bytes pass without it."""
    check_update(data)
    with pytest.raises(UpdateRejected):
        check_update(data, limits)


def test_update_at_every_limit_passes() -> None:
    """Bounds are inclusive."""
    data = update(values(b"\x75\x01\x75\x01\x7e"), item(6, string("b") + string("1")), client=9)
    limits = Limits(len(data), structs=2, clients=1, values=3, depth=3, clock=2, client_id=9)
    assert check_update(data, replace(limits, name_bytes=1, delete_ranges=0)).structs == 2


def test_refusal_tells_the_offset() -> None:
    """The offset is that of the struct or number at fault."""
    with pytest.raises(UpdateRejected) as refusal:
        check_update(update(text("ok"), b"\x00\x00"))
    assert refusal.value.offset == len(update(text("ok"))) - 1


def test_empty_update_contains_nothing() -> None:
    """`00 00` is how both encoders say that there is nothing."""
    assert check_update(b"\x00\x00") == Contents()


def test_contents_count_utf16_units() -> None:
    """Clocks advance by JavaScript's string length, two for a character beyond 16 bits."""
    assert check_update(update(text("aé😀"), clock=7)).adds == {5: (7, 11)}


def test_contents_name_what_other_clients_must_have_sent() -> None:
    """The highest id counts; ids of the same client do not, since they are earlier ones."""
    structs = [b"\x84\x06" + clock + string("a") for clock in (b"\x02", b"\x03", b"\x01")]
    parent = b"\x04\x00\x08\x02" + string("a")
    own = b"\xc4\x05\x07\x06\x01" + string("a")
    contents = check_update(update(*structs, own, parent, clock=7))
    assert contents.needs == {6: 4, 8: 3}
    assert contents.adds == {5: (7, 12)}


@pytest.mark.parametrize(
    ("structs", "adds", "holes"),
    [
        ((b"\x0a\x03", text("a")), (0, 4), {5: 3}),
        ((text("a"), b"\x0a\x03", text("a")), (0, 5), {5: 4}),
        ((text("a"), b"\x0a\x03"), (0, 1), {}),
        ((text("a"), b"\x0a\x01", text("a"), b"\x0a\x01", b"\x0a\x02"), (0, 3), {5: 2}),
    ],
)
def test_contents_know_their_gaps(
    structs: tuple[bytes, ...], adds: tuple[int, int], holes: dict[int, int]
) -> None:
    """A Skip stands for structs of other updates; one that nothing follows is no gap."""
    contents = check_update(update(*structs))
    assert (contents.adds, contents.holes) == ({5: adds}, holes)
    assert contents.gaps is bool(holes)


@pytest.mark.parametrize(
    ("clocks", "whole"),
    [({}, False), ({5: 7}, False), ({5: 7, 6: 3}, False), ({5: 7, 6: 4}, True), ({6: 4}, False)],
)
def test_contents_tell_whether_a_replica_takes_all(clocks: dict[int, int], whole: bool) -> None:
    """What comes before an update's structs and what they refer to must be known."""
    contents = check_update(update(b"\x84\x06\x03" + string("a"), clock=7))
    assert contents.integrates_onto(clocks) is whole


@pytest.mark.parametrize(("known", "whole"), [(0, False), (3, False), (4, True)])
def test_contents_with_a_gap_need_what_the_gap_stands_for(known: int, whole: bool) -> None:
    """The outer range alone would hide the hole."""
    contents = check_update(update(text("a"), b"\x0a\x03", text("a")))
    assert contents.integrates_onto({5: known}) is whole


def test_contents_with_deletes_need_what_they_delete() -> None:
    """A range beyond the known clocks would delete what is not yet typed."""
    contents = check_update(bytes.fromhex("00 01 05 01 03 02"))
    assert contents.deletes == {5: 5}
    assert not contents.integrates_onto({5: 4})
    assert contents.integrates_onto({5: 5})


@pytest.mark.parametrize("sample", CORPUS, ids=lambda sample: sample["name"])
def test_update_of_yjs_is_read_as_yjs_reads_it(sample: dict[str, Any]) -> None:
    """Ranges, deletes, gaps and the number of structs equal Yjs's own; its V2 form is refused."""
    contents = check_update(bytes.fromhex(sample["v1"]))
    assert {str(client): list(span) for client, span in contents.adds.items()} == sample["adds"]
    assert {str(client): end for client, end in contents.deletes.items()} == sample["deletes"]
    assert (contents.structs, contents.gaps) == (sample["structs"], sample["gaps"])
    with pytest.raises(UpdateRejected):
        check_update(bytes.fromhex(sample["v2"]))


@pytest.mark.parametrize("sample", CORPUS, ids=lambda sample: sample["name"])
def test_update_cut_off_anywhere_is_refused(sample: dict[str, Any]) -> None:
    """No prefix of an update is an update."""
    data = bytes.fromhex(sample["v1"])[:400]
    for end in range(min(len(data), len(sample["v1"]) // 2 - 1)):
        with pytest.raises(UpdateRejected):
            check_update(data[:end])


Edit = Callable[[random.Random, "pycrdt.Doc[Any]"], None]


def edit_text(rng: random.Random, doc: pycrdt.Doc[Any]) -> None:
    content = doc.get("text", type=pycrdt.Text)
    size = len(str(content).encode())
    match rng.randrange(4):
        case 0 if size:
            at = rng.randrange(size)
            del content[at : min(size, at + 2)]
        case 1 if size:
            content.format(0, size, {"bold": True, "link": rng.choice([None, "https://a"])})
        case 2:
            content.insert_embed(size, {"image": "a.png"}, {"width": 3})
        case _:
            content.insert(rng.randrange(size + 1), rng.choice(["a", "hello"]))


def edit_map(rng: random.Random, doc: pycrdt.Doc[Any]) -> None:
    content = doc.get("map", type=pycrdt.Map)
    key = rng.choice(["x", "y", "ä"])
    if key in content and rng.random() < 0.3:
        del content[key]
    else:
        leaf = [1, -(2**40), 1.5, None, True, "😀", b"\x00\xff", {"a": [1, {}]}]
        content[key] = rng.choice([*leaf, pycrdt.Map({"k": 1}), pycrdt.Array([1, "b"])])


def edit_body(rng: random.Random, doc: pycrdt.Doc[Any]) -> None:
    """Edit as y-prosemirror does: elements, text in them, marks as formats, attributes."""
    blocks = doc.get("body", type=pycrdt.XmlFragment).children
    if len(blocks) > 2 and rng.random() < 0.2:
        del blocks[rng.randrange(len(blocks))]
        return
    block = blocks.append(pycrdt.XmlElement(rng.choice(["paragraph", "heading"])))
    block.attributes["level"] = 2
    line = block.children.append(pycrdt.XmlText("wörld 😀"))
    line.format(0, 1, {"bold": {}, "italic": {}})
    line.insert(0, "x", {"bold": None})


def histories(seed: int) -> Iterator[tuple[list[bytes], list[pycrdt.Doc[Any]]]]:
    """Three replicas that edit and sync at random: all updates so far, and the replicas."""
    rng = random.Random(seed)
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=rng.randrange(2**53)) for _ in range(3)]
    updates: list[bytes] = []
    edits: list[Edit] = [edit_text, edit_map, edit_body]
    for _ in range(60):
        doc = rng.choice(docs)
        before = doc.get_state()
        rng.choice(edits)(rng, doc)
        updates.append(doc.get_update(before))
        if rng.random() < 0.2:
            rng.choice(docs).apply_update(doc.get_update())
        yield updates, docs


@pytest.mark.parametrize("seed", range(12))
def test_update_of_pycrdt_passes_and_adds_what_the_state_vector_says(seed: int) -> None:
    """Edits, diffs, merges in and out of order, and whole documents with collected garbage."""
    rng = random.Random(seed)
    for updates, docs in histories(seed):
        check_update(updates[-1])
        check_update(pycrdt.merge_updates(*rng.sample(updates, min(len(updates), 7))))
        check_update(docs[0].get_update(docs[1].get_state()))
    whole: pycrdt.Doc[Any] = pycrdt.Doc()
    for data in updates:
        whole.apply_update(data)
    contents = check_update(whole.get_update())
    clocks = {client: end for client, (_, end) in contents.adds.items()}
    assert clocks == check_state_vector(whole.get_state())
    assert contents.integrates_onto({})


def test_update_that_yrs_writes_of_a_passed_one_passes() -> None:
    """An item takes its origin's key: yrs then flags text as keyed, which must not lock us out."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    data = update(item(8, b"\x01\x7e", key="k"), b"\x84\x05\x00" + string("hello"))
    check_update(data)
    doc.apply_update(data)
    whole = doc.get_update()
    assert b"\xa4\x05\x00" + string("hello") in whole
    check_update(whole)


@pytest.mark.parametrize(
    ("data", "clocks"),
    [(b"\x00", {}), (b"\x02\x05\x07\x06\x00", {5: 7, 6: 0}), (b"\x01\xff\x01\x80\x01", {255: 128})],
)
def test_state_vector_is_read(data: bytes, clocks: dict[int, int]) -> None:
    """Client ids and their next clocks."""
    assert check_state_vector(data) == clocks


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b"\x01\x05", "than bytes remain"),
        (b"\x01\x85\x85", "truncated"),
        (b"\x00\x00", "bytes follow"),
        (b"\x80\x80\x80\x20", "clients"),
        (b"\x02\x05\x01\x05\x02", "twice"),
        (b"\x01\x05" + number(2**31), "clock is too large"),
        (b"\x01" + b"\xff" * 8 + b"\x01\x01", "53 bits"),
    ],
)
def test_state_vector_that_no_encoder_writes_is_refused(data: bytes, reason: str) -> None:
    """Four bytes that claim 2^26 entries would take 100 MB."""
    with pytest.raises(UpdateRejected, match=reason):
        check_state_vector(data)


# Applies what it is given and encodes it again: prints how many updates it took, or dies trying.
APPLY = """
import re, sys, pycrdt
taken = 0
for line in sys.stdin:
    doc = pycrdt.Doc()
    try:
        for data in line.split():
            doc.apply_update(bytes.fromhex(data))
    except (ValueError, RuntimeError):
        pass
    again = pycrdt.Doc()
    again.apply_update(doc.get_update())
    again.get_update()
    taken += 1
# Not getrusage: its maximum takes over what the parent held before the exec.
status = open("/proc/self/status").read()
print(taken, int(re.search("VmHWM:(.*) kB", status)[1]) // 1024)
"""


def mutations(rng: random.Random, data: bytes) -> Iterator[bytes]:
    """A byte changed, removed, doubled, and a run of bytes from elsewhere put in."""
    for _ in range(40):
        at = rng.randrange(len(data))
        yield data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
        yield data[:at] + data[at + 1 :]
        yield data[: at + 1] + data[at:]
        start = rng.randrange(len(data))
        yield data[:at] + data[start : start + 5] + data[at + 5 :]


def test_mutated_update_that_passes_does_no_harm() -> None:
    """The CRDT takes or refuses what passes; it neither panics, nor dies, nor fills the memory."""
    rng = random.Random(20)
    passed = []
    for sample in CORPUS:
        data = bytes.fromhex(sample["v1"])
        for mutant in mutations(rng, data):
            try:
                check_update(mutant)
            except UpdateRejected:
                continue
            passed.append(f"{mutant.hex()} {data.hex()}\n{data.hex()} {mutant.hex()}\n")
    assert len(passed) > 500
    result = subprocess.run(
        [sys.executable, "-c", APPLY],
        input="".join(passed),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    taken, megabytes = map(int, result.stdout.split())
    assert taken == 2 * len(passed)
    assert megabytes < 200


def test_default_limits_let_a_long_life_document_in() -> None:
    """100,000 structs of 1,000 clients are one document that many people wrote for years."""
    clients = range(1000)
    body = b"".join(update(*[text("a")] * 100, client=c)[1:-1] for c in clients)
    contents = check_update(number(len(clients)) + body + b"\x00", DEFAULT)
    assert (contents.structs, len(contents.adds)) == (100_000, 1000)

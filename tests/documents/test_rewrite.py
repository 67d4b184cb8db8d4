"""Edits of a live document from outside: nothing but what differs is touched."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.align import Effort
from collab.engine.firewall import check_update
from documents import content
from documents.content import rewrite
from documents.content.fit import fit
from tests.documents.trees import TREES, WORDS, complete

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def read(*updates: bytes, kind: str = "rich") -> Any:
    replica = content.replica_of(updates[0])
    for update in updates[1:]:
        check_update(update)
        replica.apply(update)
    return content.tree_of(replica, kind)


@few
@given(TREES, TREES)
def test_rewrite_of_any_document_gives_the_wanted_one(first: Any, wanted: Any) -> None:
    """Whatever it was; the update passes the firewall, and a second one has nothing to do."""
    # What a wanted tree says nothing about is left as it is, so it says all.
    first, wanted = complete(first), complete(wanted)
    state = rewrite.new_state(first, title="a")
    assert read(state) == first
    update = rewrite.edit(state, wanted)
    assert (update is None) == (first == wanted)
    assert read(state, *([update] if update else [])) == wanted
    after = content.replica_of(state)
    if update:
        after.apply(update)
    assert rewrite.edit(after.encode(), wanted, title="a") is None


@few
@given(TREES)
def test_fit_leaves_a_valid_document_alone(tree: Any) -> None:
    """What the schema allows stays as it is."""
    assert fit(tree) == tree


TEXTS = st.lists(st.one_of(WORDS, st.just("\n")), max_size=12).map("".join)


@few
@given(TEXTS, TEXTS)
def test_rewrite_of_any_text_gives_the_wanted_one(first: str, wanted: str) -> None:
    """In every script: places are counted in bytes, and no character is cut."""
    state = rewrite.new_state({"type": "text", "text": first}, "text", first)
    update = rewrite.edit(state, {"type": "text", "text": wanted}, "text", wanted)
    assert (update is None) == (first == wanted)
    assert read(state, *([update] if update else []), kind="text")["text"] == wanted


# What others do meanwhile


def doc(*blocks: Any) -> Any:
    return {"type": "doc", "content": list(blocks)}


def p(*pieces: Any) -> Any:
    texts = [{"type": "text", "text": t} if isinstance(t, str) else t for t in pieces]
    return {"type": "paragraph", "content": texts}


def typed(state: bytes, block: int, at: int, text: str) -> bytes:
    """Return the update of a person who types into a block's text."""
    replica = content.replica_of(state)
    before = replica.state()
    body = replica.doc.get("body", type=pycrdt.XmlFragment)
    body.children[block].children[0].insert(at, text)
    return replica.diff(before)


def merged(state: bytes, *updates: bytes | None) -> str:
    """Return the text of a document with these updates, which does not depend on their order."""
    texts = set()
    for order in (updates, updates[::-1]):
        replica = content.replica_of(state)
        for update in order:
            if update:
                check_update(update)
                replica.apply(update)
        texts.add(content.as_text(replica))
    assert len(texts) == 1
    return texts.pop()


def ids(state: bytes, *updates: bytes | None) -> list[int]:
    """Return what tells the elements of the body apart, the same as long as they live."""
    replica = content.replica_of(state)
    body = replica.doc.get("body", type=pycrdt.XmlFragment)
    kept = list(body.children)
    before = [hash(child) for child in kept]
    for update in updates:
        if update:
            replica.apply(update)
    after = [hash(child) for child in body.children]
    return [before.index(item) if item in before else -1 for item in after]


STATE = rewrite.new_state(doc(p("one two three"), p("four five six"), p("seven eight nine")))


def test_rewrite_keeps_the_elements_of_blocks_that_stay() -> None:
    """Those that change too: a block is new only where there was none like it."""
    wanted = doc(p("new"), p("one two three"), p("four 5 six"), p("seven eight nine"), p("end"))
    assert ids(STATE, rewrite.edit(STATE, wanted)) == [-1, 0, 1, 2, -1]
    assert ids(STATE, rewrite.edit(STATE, doc(p("seven eight nine")))) == [2]


def test_rewrite_of_one_block_merges_with_typing_in_another() -> None:
    """What somebody types meanwhile stays, before and behind what is taken out and put in."""
    wanted = doc(p("first"), p("one two three"), p("seven eight nine"))
    there = merged(
        STATE, rewrite.edit(STATE, wanted), typed(STATE, 0, 13, "!"), typed(STATE, 2, 0, "> ")
    )
    assert there == "first\none two three!\n> seven eight nine"


def test_rewrite_of_a_word_merges_with_typing_beside_it() -> None:
    """Of a block that changes only the word is touched, and its marks only where they differ."""
    bold = {"type": "text", "text": "three", "marks": [{"type": "bold"}]}
    wanted = doc(p("one 2 ", bold), p("four five six"), p("seven eight nine"))
    there = merged(
        STATE, rewrite.edit(STATE, wanted), typed(STATE, 0, 13, "!"), typed(STATE, 0, 0, "> ")
    )
    assert there.splitlines()[0] == "> one 2 three!"


def test_two_rewrites_at_once_both_stay() -> None:
    """Of different blocks, and of different words of one."""
    one = doc(p("ONE two three"), p("four five six"), p("seven eight nine"))
    other = doc(p("one two THREE"), p("four five six"), p("seven eight 9"))
    there = merged(STATE, rewrite.edit(STATE, one), rewrite.edit(STATE, other))
    assert there == "ONE two THREE\nfour five six\nseven eight 9"


def test_text_rewritten_merges_with_typing() -> None:
    """Also behind characters of two, three and four bytes."""
    state = rewrite.new_state({"type": "text", "text": "Zoë 😀 e\u0301\nold words\n"}, "text", "a")
    replica = content.replica_of(state)
    before = replica.state()
    replica.doc.get("body", type=pycrdt.Text).insert(0, "> ")
    update = rewrite.edit(state, {"type": "text", "text": "Zoë 😀 é\nnew words\n"}, "text", "ab")
    final = content.replica_of(state)
    final.apply(replica.diff(before))
    final.apply(update or b"")
    assert content.as_text(final, "text") == "> Zoë 😀 é\nnew words\n"
    assert content.title_of(final) == "ab"


def test_markdown_put_back_changes_nothing() -> None:
    """Attributes that Markdown has no word for stay, like a cell's width and a link's target."""
    link = {"type": "link", "attrs": {"href": "https://a.example", "target": "_self"}}
    cell = {"type": "tableHeader", "attrs": {"colwidth": [120]}, "content": [p("a")]}
    tree = doc(
        p({"type": "text", "text": "here", "marks": [link]}),
        {"type": "table", "content": [{"type": "tableRow", "content": [cell]}]},
        {"type": "image", "attrs": {"src": "files/a", "alt": "b"}},
    )
    state = rewrite.new_state(tree)
    replica = content.replica_of(state)
    parsers: list[tuple[str, Callable[[str], Any]]] = [
        (content.as_markdown(replica), content.parse_markdown),
        (content.as_html(replica), content.parse_html),
    ]
    for source, parse in parsers:
        assert rewrite.edit(state, parse(source)) is None, source
    changed = content.as_markdown(replica).replace("| a |", "| b |").replace("here", "there")
    after = read(state, rewrite.edit(state, content.parse_markdown(changed)) or b"")["content"]
    assert after[1]["content"][0]["content"][0]["attrs"]["colwidth"] == [120]
    assert after[1]["content"][0]["content"][0]["content"][0]["content"][0]["text"] == "b"
    assert after[0]["content"][-1]["text"].endswith("here")
    assert after[0]["content"][-1]["marks"][0]["attrs"]["target"] == "_self"


def test_an_edit_names_only_what_it_deletes() -> None:
    """Not the whole document's deletions: each edit is a row in the log."""
    state = STATE
    for number in range(50):
        update = rewrite.edit(state, doc(p(f"{number} {number * 7919} words"), p("x" * number)))
        replica = content.replica_of(state)
        replica.apply(update or b"")
        state = replica.encode()
    update = rewrite.edit(state, doc(p("49 388031 words"), p("x" * 49 + "y")))
    assert len(update or b"") < 40


# What it costs


def words(count: int, *marked: str) -> list[Any]:
    """Return runs of which every second one has marks."""
    bold = [{"type": name} for name in marked]
    return [
        {"type": "text", "text": f"w{n} "} | ({"marks": bold} if n % 2 and bold else {})
        for n in range(count)
    ]


RUNS = words(12_000, "bold")


@pytest.mark.parametrize(
    ("first", "wanted"),
    [([], words(24_000, "bold")), (RUNS, RUNS + words(12_000, "strike"))],
    ids=["new ones", "more of them"],
)
def test_rewrite_of_many_runs_takes_no_time_in_their_square(first: Any, wanted: Any) -> None:
    """A place is found from the start of its text, which thousands must not do."""
    state = rewrite.new_state(doc(p(*first)))
    began = time.process_time()
    update = rewrite.edit(state, doc(p(*wanted)))
    assert time.process_time() - began < 3
    assert read(state, update or b"") == doc(p(*wanted))


@few
@given(TREES, TREES)
def test_rewrite_that_costs_too_much_gives_the_wanted_one_too(first: Any, wanted: Any) -> None:
    """It replaces whole blocks and texts; with no effort to spend all of them."""
    state = rewrite.new_state(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "Effort", lambda: Effort(0))
        patch.setattr(rewrite, "_PASSED", 1)
        update = rewrite.edit(state, wanted)
    assert (update is None) == (complete(first) == complete(wanted))
    assert read(state, *([update] if update else [])) == complete(wanted)


def test_rewrite_of_a_word_in_a_long_paragraph_leaves_the_others() -> None:
    """What is too much to change bit by bit does not make a small change a large one."""
    runs = [*RUNS[:9000], RUNS[9000] | {"text": "other "}, *RUNS[9001:]]
    state = rewrite.new_state(doc(p(*RUNS)))
    update = rewrite.edit(state, doc(p(*runs))) or b""
    assert len(update) < 60
    assert read(state, update) == doc(p(*runs))

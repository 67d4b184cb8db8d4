"""What changed from one tree to another, as one that shows both."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from documents import content
from documents.content.difference import difference
from documents.content.tree import Tree
from tests.documents import trees


def shown(old: str, new: str) -> str:
    """Compare two pieces of HTML."""
    tree = difference(content.parse_html(old), content.parse_html(new)).tree
    return content.html_of_tree(tree)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("<p>a big day</p>", "<p>a small day, ok</p>",
         "<p>a <del>big</del><ins>small</ins> day<ins>, ok</ins></p>"),
        ("<p>a</p><p>gone</p><p>c</p>", "<p>a</p><p>c</p>",
         "<p>a</p><p><del>gone</del></p><p>c</p>"),
        ("<ul><li>one</li><li>two</li></ul>", "<ul><li>one</li><li>new</li><li>two</li></ul>",
         "<ul><li><p>one</p></li><li><p><ins>new</ins></p></li><li><p>two</p></li></ul>"),
        ("<p>same text</p>", "<p>same <b>text</b></p>",
         "<p>same <del>text</del><ins><strong>text</strong></ins></p>"),
        ("<h2>Head</h2>", "<p>Head</p>", "<h2><del>Head</del></h2><p><ins>Head</ins></p>"),
        ("<pre><code>a\n  b\nc</code></pre>", "<pre><code>a\n  d\nc</code></pre>",
         "<pre><code>a\n  <del>b</del><ins>d</ins>\nc</code></pre>"),
        ("<table><tr><td>x y</td></tr></table>", "<table><tr><td>x z</td></tr></table>",
         "<table><tbody><tr><td><p>x <del>y</del><ins>z</ins></p></td></tr></tbody></table>"),
        ("<hr><p>a</p>", "<p>a</p>", "<del><hr></del><p>a</p>"),
        ("<p>a 😀</p>", "<p>a 😀😀</p>", "<p>a 😀<ins>😀</ins></p>"),
        ("<p>a<script></p>", "<p>a &lt;script&gt;</p>", None),
    ],
)  # fmt: skip
def test_difference_shows_words(old: str, new: str, wanted: str | None) -> None:
    """A changed word is struck out and followed by the new one, wherever it stands."""
    html = shown(old, new)
    assert "<script" not in html
    assert wanted is None or html == wanted


def test_difference_of_a_text_keeps_its_lines() -> None:
    """Code is compared by its words, in the lines that it has."""
    was, now = ({"type": "text", "text": text} for text in ("a\n  b c\nd", "a\n  b x\nd\ne"))
    found = difference(was, now)
    html = content.html_of_tree(found.tree)
    assert html == "<pre><code>a\n  b <del>c</del><ins>x</ins>\nd<ins>\ne</ins></code></pre>"
    assert (found.inserted, found.deleted) == (2, 1)


def without(tree: Tree, mark: str) -> str:
    """Return the text of a difference without the words that have a mark."""
    kept: list[str] = []

    def go(node: Tree) -> None:
        if node["type"] == "text" and {"type": mark} not in node.get("marks", []):
            kept.append(node["text"])
        for child in node.get("content", []):
            go(child)

    go(tree)
    return "".join(kept)


def words(tree: Tree) -> str:
    return without(tree, "no mark")


@settings(max_examples=25, deadline=None)
@given(trees.TREES, trees.TREES)
def test_difference_holds_both_trees(old: Tree, new: Tree) -> None:
    """Without what was inserted it is the old text, without what was deleted the new one."""
    tree = difference(old, new).tree
    assert without(tree, "inserted") == words(old)
    assert without(tree, "deleted") == words(new)


@settings(max_examples=10, deadline=None)
@given(trees.TREES)
def test_difference_of_a_tree_from_itself_is_none(tree: Tree) -> None:
    """Nothing is marked."""
    found = difference(tree, tree)
    assert found.tree["content"] == tree["content"]
    assert (found.inserted, found.deleted) == (0, 0)


@pytest.mark.alone
def test_difference_of_large_documents_takes_seconds_at_most() -> None:
    """A megabyte that has nothing in common with another is not compared word by word."""

    def book(word: str) -> Tree:
        line = [{"type": "text", "text": " ".join(f"{word}{n}" for n in range(20))}]
        return {"type": "doc", "content": [{"type": "paragraph", "content": line}] * 10_000}

    old, new = book("was"), book("now")
    new["content"][::2] = old["content"][::2]
    began = time.perf_counter()
    difference(old, new)
    assert time.perf_counter() - began < 5


def test_difference_of_a_long_text_joins_its_words_once() -> None:
    """One changed word in two million characters; to add word by word copied what was before."""
    # With a character of four bytes every copy has four a character.
    text = "𠀀 " + f"{'x' * 99} " * 20_000
    was, now = ({"type": "text", "text": words} for words in (text, text + "end"))
    began = time.process_time()
    found = difference(was, now)
    assert time.process_time() - began < 2.5
    assert (found.inserted, found.deleted) == (1, 0)

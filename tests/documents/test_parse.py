"""HTML and Markdown from anywhere become documents that the editor can hold."""

from __future__ import annotations

import time
from typing import Any

import pytest

from documents import content
from documents.content.attributes import filled
from documents.content.fit import fit
from documents.content.tree import walk


def html_of(source: str) -> str:
    return content.html_of_tree(content.parse_html(source))


def markdown_of(source: str) -> str:
    return content.html_of_tree(content.parse_markdown(source))


REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("loose <b>words</b>", "<p>loose <strong>words</strong></p>"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<div>a<div>b</div>c</div>", "<p>a</p><p>b</p><p>c</p>"),
        ("<p> a \n <i>b</i>\t c </p>", "<p>a <em>b</em> c</p>"),
        ("<h5>a</h5>", "<h3>a</h3>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>",
         "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li></ul>"),
        ("<ul><li><h2>a</h2></li></ul>", "<ul><li><p>a</p></li></ul>"),
        ("<ul><li><pre>a</pre></li></ul>", "<ul><li><p></p><pre><code>a</code></pre></li></ul>"),
        ("<li>a</li>", "<ul><li><p>a</p></li></ul>"),
        ('<ul><li><input type="checkbox" checked> a</li><li>b</li></ul>',
         ('<ul data-type="taskList"><li data-checked="true">'
          '<input type="checkbox" aria-label="Done" disabled="" checked=""><p>a</p></li></ul>'
          "<ul><li><p>b</p></li></ul>")),
        ("<table><caption>c</caption><tr><td>a<td>b<tr><td>d</table>",
         ("<p>c</p><table><tbody><tr><td><p>a</p></td><td><p>b</p></td></tr>"
          "<tr><td><p>d</p></td><td><p></p></td></tr></tbody></table>")),
        ("<pre><b>a</b>\n b<br>c\n</pre>", "<pre><code>a\n b\nc</code></pre>"),
        ("<code><b>a</b></code>", "<p><code>a</code></p>"),
        ("<dl><dt>a<dd>b</dl>", "<p>a</p><p>b</p>"),
        ('<p>a <img src="files/x_1" alt="t"> b</p>',
         '<p>a</p><img src="files/x_1" alt="t"><p>b</p>'),
        ('<img src="https://a.example/x.png">', "<p></p>"),
        ('<img src="data:image/png;base64,aa"><img src="files/../x">', "<p></p>"),
        ('<a href="javascript:alert(1)">a</a><a href="/x">b</a>', "<p>ab</p>"),
        ('<a href=" https://a.example ">a</a>', f'<p><a href="https://a.example" {REL}>a</a></p>'),
        ("<script>a</script><style>b</style><title>c</title><p onclick=x style=y>d</p>",
         "<p>d</p>"),
        ("<svg><p>a</p></svg><iframe>b</iframe><textarea>c</textarea>d", "<p>d</p>"),
        ("<u>a</u> &amp; &lt;b&gt; Zoë 😀", "<p><u>a</u> &amp; &lt;b&gt; Zoë 😀</p>"),
    ],
)  # fmt: skip
def test_html_becomes_what_the_editor_holds(source: str, wanted: str) -> None:
    """As a paste does: structure and emphasis, no styles, no scripts, no foreign images."""
    assert html_of(source) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("# a\n\nb\nc", "<h1>a</h1><p>b c</p>"),
        ("a  \nb\\\nc", "<p>a<br>b<br>c</p>"),
        ("~~a~~ **b** _c_ `d`", "<p><s>a</s> <strong>b</strong> <em>c</em> <code>d</code></p>"),
        ("```py\na\n\nb\n```", '<pre><code class="language-py">a\n\nb</code></pre>'),
        ("3. a\n4. b", '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'),
        ("| a |\n| :-: |\n| b\\|c |",
         ('<table><tbody><tr><th align="center"><p>a</p></th></tr>'
          '<tr><td align="center"><p>b|c</p></td></tr></tbody></table>')),
        ("<script>alert(1)</script>\n\n<u>a</u>", "<p><u>a</u></p>"),
        ("[a](javascript:x) ![b](https://a.example/b.png)", "<p>a</p>"),
    ],
)  # fmt: skip
def test_markdown_becomes_what_the_editor_holds(source: str, wanted: str) -> None:
    """CommonMark with GFM's tables, strikethrough and tasks."""
    assert markdown_of(source) == wanted


def test_files_addresses_are_of_the_document() -> None:
    """Behind its own address they are its files, behind another's nothing."""
    source = '<img src="/documents/1/files/a" alt="x"><img src="/documents/2/files/a">'
    tree = content.parse_html(source, "/documents/1/")
    assert [node["attrs"]["src"] for node in tree["content"]] == ["files/a"]
    assert 'src="/documents/1/files/a"' in content.html_of_tree(tree, "/documents/1/")


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul><li", "table><tr><td"])
def test_deep_html_is_refused_at_once(tag: str) -> None:
    """Half a megabyte of opened tags costs next to nothing."""
    started = time.process_time()
    with pytest.raises(content.ContentRejected):
        content.parse_html(f"<{tag}>" * (500_000 // (len(tag) + 2)))
    assert time.process_time() - started < 2


def test_depth_of_what_is_read_is_bounded() -> None:
    """Deeper than the editor can be expected to go, the words stay."""
    depth = 200
    tree = content.parse_html("<blockquote>" * depth + "deep" + "</blockquote>" * depth)
    assert content.text_of_tree(tree) == "deep"
    level = deepest = 0
    for event, _ in walk(tree):
        level += {"open": 1, "close": -1}.get(event, 0)
        deepest = max(deepest, level)
    assert 20 < deepest <= content.MAX_DEPTH


@pytest.mark.parametrize("sign", ["[", "![", "*a_", "`", "> ", "- ", "|a\n|-\n", "<", "\\", "**a "])
def test_markdown_of_signs_is_read_in_bounded_time(sign: str) -> None:
    """Nothing in it takes time in the square of the length."""
    started = time.process_time()
    content.parse_markdown(sign * (20_000 // len(sign)))
    assert time.process_time() - started < 5


def test_fit_joins_many_texts_at_once() -> None:
    """Two megabytes in pieces of the same marks are one text; each was added by a copy of all."""
    piece = {"type": "text", "text": "some words to say"}
    started = time.process_time()
    made = fit({"type": "doc", "content": [piece] * 120_000})
    assert time.process_time() - started < 2
    whole = {"type": "text", "text": "some words to say" * 120_000}
    assert made["content"] == [{"type": "paragraph", "content": [whole]}]


def test_fit_makes_any_tree_valid() -> None:
    """Blocks in text, text in rows, unknown nodes and marks, halves of characters."""
    wild: Any = {
        "type": "doc",
        "content": [
            {"type": "text", "text": "a\ud83d", "marks": [{"type": "blink"}]},
            {"type": "heading", "attrs": {"level": 9, "onclick": "x"}, "content": [
                {"type": "text", "text": "b"}, {"type": "image", "attrs": {"src": "files/k"}}]},
            {"type": "tableRow", "content": [{"type": "text", "text": "c"}]},
            {"type": "table", "content": []},
            {"type": "marquee", "content": [{"type": "hardBreak"}]},
        ],
    }  # fmt: skip
    tree = fit(wild)
    assert fit(tree) == tree
    assert content.html_of_tree(tree) == (
        '<p>a\ufffd</p><h3>b</h3><img src="files/k" alt="">'
        "<table><tbody><tr><td><p>c</p></td></tr></tbody></table><p><br></p>"
    )
    assert tree["content"][1]["attrs"] == filled("heading", {"level": 3})

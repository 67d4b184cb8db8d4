"""A document's content as HTML and text: all of the editor's schema, and nothing that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pycrdt
import pytest

from collab.site.demo import welcome
from documents import content
from documents.content import rewrite
from tests.support import needs

# (tag, attributes, children) is an element; (text, marks) pieces of text; str is plain text.
Tree = Any


def state_of(*trees: Tree) -> bytes:
    """Make a document as the editor stores it."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.XmlFragment)
    with doc.transaction():
        for tree in trees:
            grow(body, tree)
    return doc.get_update()


def grow(parent: Any, tree: Tree) -> None:
    if isinstance(tree, str):
        tree = [(tree, {})]
    if isinstance(tree, list):
        text = pycrdt.XmlText("")
        parent.children.append(text)
        for piece, marks in tree:
            text.insert(len(text), piece, marks)
        return
    tag, attributes, children = tree
    element = pycrdt.XmlElement(tag)
    parent.children.append(element)
    for key, value in attributes.items():
        element.attributes[key] = value
    for child in children:
        grow(element, child)


def html(*trees: Tree) -> str:
    return content.as_html(content.replica_of(state_of(*trees)))


def text(*trees: Tree) -> str:
    return content.as_text(content.replica_of(state_of(*trees)))


def p(*children: Tree) -> Tree:
    return ("paragraph", {}, children)


def item(kind: str, *children: Tree, **attributes: Any) -> Tree:
    return (kind, attributes, children)


def cell(*children: Tree, kind: str = "tableCell", **attributes: Any) -> Tree:
    return (kind, attributes, [p(child) for child in children])


def row(*cells: Tree) -> Tree:
    return ("tableRow", {}, cells)


@pytest.mark.parametrize(
    ("tree", "as_html", "as_text"),
    [
        (p("a"), "<p>a</p>", "a"),
        (p(), "<p></p>", ""),
        (("heading", {"level": 1}, ["a"]), "<h1>a</h1>", "a"),
        (("heading", {"level": 2}, ["a"]), "<h2>a</h2>", "a"),
        (("heading", {"level": 3.0}, ["a"]), "<h3>a</h3>", "a"),
        (("heading", {}, ["a"]), "<h1>a</h1>", "a"),
        (("blockquote", {}, [p("a")]), "<blockquote><p>a</p></blockquote>", "a"),
        (("codeBlock", {}, ["if a:\n    b"]), "<pre><code>if a:\n    b</code></pre>",
         "if a:\n    b"),
        (("codeBlock", {"language": "python"}, ["a"]),
         '<pre><code class="language-python">a</code></pre>', "a"),
        (("horizontalRule", {}, []), "<hr>", ""),
        (("image", {"src": "files/a_1", "alt": '"b"', "title": "c"}, []),
         '<img src="files/a_1" alt="&quot;b&quot;" title="c">', ""),
        (("image", {"src": "files/a_1"}, []), '<img src="files/a_1" alt="">', ""),
        (("image", {"src": "https://a.example/x.png"}, []), "", ""),
        (p("a", ("hardBreak", {}, []), "b"), "<p>a<br>b</p>", "a\nb"),
        (("bulletList", {}, [item("listItem", p("a")), item("listItem", p("b"))]),
         "<ul><li><p>a</p></li><li><p>b</p></li></ul>", "a\nb"),
        (("orderedList", {"start": 3}, [item("listItem", p("a"))]),
         '<ol start="3"><li><p>a</p></li></ol>', "a"),
        (("orderedList", {"start": 1.0}, [item("listItem", p("a"))]),
         "<ol><li><p>a</p></li></ol>", "a"),
        (("taskList", {}, [item("taskItem", p("a"), checked=True),
                           item("taskItem", p("b"), checked=False)]),
         ('<ul data-type="taskList">'
         '<li data-checked="true">'
         '<input type="checkbox" aria-label="Done" disabled="" checked=""><p>a</p></li>'
         '<li data-checked="false">'
         '<input type="checkbox" aria-label="Not done" disabled=""><p>b</p></li></ul>'),
         "a\nb"),
        (("table", {}, [row(cell("a", kind="tableHeader"), cell("b", kind="tableHeader")),
                        row(cell("c"), cell("d"))]),
         ("<table><tbody><tr><th><p>a</p></th><th><p>b</p></th></tr>"
          "<tr><td><p>c</p></td><td><p>d</p></td></tr></tbody></table>"), "a\tb\nc\td"),
        (("table", {}, [row(cell("a", colspan=2.0, rowspan=3.0))]),
         '<table><tbody><tr><td colspan="2" rowspan="3"><p>a</p></td></tr></tbody></table>', "a"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_node_reads_as_itself(tree: Tree, as_html: str, as_text: str) -> None:
    """Every node of the editor's schema."""
    assert html(tree) == as_html
    assert text(tree) == as_text


REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("marks", "as_html"),
    [
        ({"bold": {}}, "<strong>a</strong>"),
        ({"italic": {}}, "<em>a</em>"),
        ({"strike": {}}, "<s>a</s>"),
        ({"underline": {}}, "<u>a</u>"),
        ({"code": {}}, "<code>a</code>"),
        ({"link": {"href": "https://a.example/?b=1&c"}},
         f'<a href="https://a.example/?b=1&amp;c" {REL}>a</a>'),
        ({"link": {"href": "mailto:a@b.example", "target": "_blank"}},
         f'<a href="mailto:a@b.example" {REL}>a</a>'),
        ({"bold": {}, "italic": {}}, "<strong><em>a</em></strong>"),
        ({"bold--a1B2c3D4": {}}, "<strong>a</strong>"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_mark_reads_as_itself(marks: dict[str, Any], as_html: str) -> None:
    """Every mark of the editor's schema, and how y-prosemirror names overlapping ones."""
    assert html(p([("a", marks)])) == f"<p>{as_html}</p>"
    assert text(p([("a", marks)])) == "a"


def test_text_between_marks_keeps_its_order() -> None:
    """Pieces follow each other without anything between them."""
    assert html(p([("a ", {}), ("b", {"bold": {}}), (" c", {})])) == "<p>a <strong>b</strong> c</p>"


def table(*rows: Sequence[Any]) -> Tree:
    return ("table", {}, [row(*cells) for cells in rows])


def test_table_text_is_a_line_per_row_and_a_tab_per_cell() -> None:
    """It pastes into a spreadsheet: empty cells keep their place, blocks in one do not break it."""
    assert (
        text(
            p("before"),
            table(
                (cell("a"), cell(), cell("c")),
                (cell(), cell("two", "blocks"), cell("f")),
                (cell(("hardBreak", {}, [])), cell("h"), cell("i")),
            ),
            p("after"),
        )
        == "before\na\t\tc\n\ttwo blocks\tf\n\th\ti\nafter"
    )


def test_table_text_of_lists_in_cells_stays_in_its_row() -> None:
    """A list in a cell is that cell's text."""
    two = ("bulletList", {}, [item("listItem", p("x")), item("listItem", p("y"))])
    assert text(table((("tableCell", {}, [two]), cell("b")))) == "x y\tb"


def test_table_text_of_a_table_in_a_cell_stays_in_its_row() -> None:
    """The inner table's cells are words of the outer one's."""
    inner = table((cell("x"), cell("y")), (cell("z"),))
    assert text(table((("tableCell", {}, [inner]), cell("b")))) == "x y z\tb"


def test_table_text_keeps_empty_cells_at_the_end() -> None:
    """Every row has as many tabs."""
    assert text(table((cell("a"), cell(), cell()), (cell("b"), cell(), cell()))) == "a\t\t\nb\t\t"


def test_text_keeps_empty_lines_between_blocks() -> None:
    """As the page shows them; only those at the ends go."""
    assert text(p(), p("a"), p(), p("b"), p()) == "a\n\nb"


def test_welcome_document_reads_well() -> None:
    """The demo shows as what it is."""
    replica = content.replica_of(welcome())
    assert content.as_text(replica).splitlines()[0] == "Write together"
    assert content.as_html(replica).startswith("<h1>Write together</h1><p>Open this page")
    assert 'checked=""' in content.as_html(replica)


# Hostile documents


@pytest.mark.parametrize(
    "tree",
    [
        p("<script>alert(1)</script>"),
        p("</p><img src=x onerror=alert(1)>"),
        ("script", {}, ["alert(1)"]),
        ("style", {}, ["*{}"]),
        ("img", {"src": "x", "onerror": "alert(1)"}, []),
        ("iframe", {"srcdoc": "<script>"}, []),
        ("p onclick=alert(1)", {}, ["a"]),
        ("paragraph", {"onclick": "alert(1)", "style": "x:y"}, ["a"]),
        ("heading", {"level": '1 onclick="alert(1)"'}, ["a"]),
        ("heading", {"level": "2><script>alert(1)</script>"}, ["a"]),
        ("codeBlock", {"language": '"><script>alert(1)</script>'}, ["a"]),
        ("codeBlock", {"language": 'x" onclick="alert(1)'}, ["a"]),
        ("orderedList", {"start": '1" onclick="alert(1)'}, [item("listItem", p("a"))]),
        ("tableCell", {"colspan": '2" onclick="alert(1)'}, [p("a")]),
        ("taskItem", {"checked": '"><script>'}, [p("a")]),
        p([("a", {"link": {"href": "javascript:alert(1)"}})]),
        p([("a", {"link": {"href": " java\nscript:alert(1)"}})]),
        p([("a", {"link": {"href": "data:text/html,<script>alert(1)</script>"}})]),
        p([("a", {"link": {"href": 'https://a" onclick="alert(1)'}})]),
        p([("a", {"link": {"href": "//x", "onclick": "alert(1)", "target": "_top"}})]),
        p([("a", {"link": "javascript:alert(1)"})]),
        p([("a", {"script": {}, "onclick": "alert(1)"})]),
        p([("a", {"code><script>alert(1)</script>": {}})]),
        ("image", {"src": 'files/x" onerror="alert(1)'}, []),
        ("image", {"src": "files/x", "alt": '"><script>', "onerror": "alert(1)"}, []),
        ("image", {"src": "javascript:alert(1)"}, []),
        ("image", {"src": "//a.example/files/x"}, []),
    ],
    ids=str,
)
def test_hostile_document_is_harmless(tree: Tree) -> None:
    """No script, no handler, no address that runs code: parsed, not searched for."""
    for tag, attributes in parsed(html(tree)):
        assert tag in ALLOWED
        assert attributes.keys() <= ALLOWED[tag], (tag, attributes)
        href = attributes.get("href") or "https:"
        assert href.startswith(("https:", "http:", "mailto:", "//")), href
        assert attributes.get("src", "files/x") == "files/x"


PLAIN = (
    "p", "blockquote", "tr", "strong", "em", "s", "h1", "h2", "h3", "hr", "br", "pre", "table",
    "tbody",
)  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    **{tag: set() for tag in PLAIN},
    "a": {"href", "rel"},
    "code": {"class"},
    "img": {"src", "alt", "title", "width", "height"},
    "input": {"type", "aria-label", "checked", "disabled"},
    "li": {"data-checked"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ul": {"data-type"},
}


def parsed(source: str) -> list[tuple[str, dict[str, str | None]]]:
    """Read HTML as a browser does: every start tag with its attributes."""
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(source)
    return found


@pytest.mark.parametrize(
    "attributes",
    [{"level": 1e308}, {"level": float("inf")}, {"level": float("nan")}, {"level": [1]},
     {"level": {"a": 1}}, {"level": None}, {"level": True}, {"level": "9" * 5000}, {"level": -7}],
    ids=str,
)  # fmt: skip
def test_heading_of_any_level_is_one_of_three(attributes: dict[str, Any]) -> None:
    """An attribute may hold any value at all."""
    assert html(("heading", attributes, ["a"])) in ("<h1>a</h1>", "<h2>a</h2>", "<h3>a</h3>")


def test_span_of_a_cell_is_bounded() -> None:
    """A browser makes room for as many columns as it is told."""
    shown = html(table((cell("a", colspan=1e9, rowspan=10**15),)))
    assert '<td colspan="1000" rowspan="1000">' in shown


_READ = """
import sys
from documents import content
replica = content.replica_of(sys.stdin.buffer.read())
for read in (content.as_text, content.as_html, content.title_of):
    print(len(read(replica)))
"""


def lengths(state: bytes) -> list[int]:
    """Read a document in a process of its own, which may hang or die of it."""
    done = subprocess.run(
        [sys.executable, "-c", _READ], input=state, capture_output=True, timeout=20,
        cwd=needs.REPOSITORY, env={"DJANGO_SETTINGS_MODULE": "tests.settings"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-500:]
    return [int(line) for line in done.stdout.split()]


def test_deep_document_is_read_in_bounded_depth() -> None:
    """5,000 quotes in each other: the text is there, the HTML nests no deeper than is sane."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    parent: Any = doc.get("body", type=pycrdt.XmlFragment)
    with doc.transaction():
        for _ in range(5000):
            quote = pycrdt.XmlElement("blockquote")
            parent.children.append(quote)
            parent = quote
        parent.children.append(pycrdt.XmlText("deep down"))
    state = doc.get_update()
    as_text, as_html, _ = lengths(state)
    assert as_text == len("deep down")
    assert as_html == len("deep down") + content.MAX_DEPTH * len("<blockquote></blockquote>")


@pytest.mark.parametrize("kind", ["text", "map", "array", "map in body", "embeds", "nested types"])
def test_body_of_another_kind_is_read_without_harm(kind: str) -> None:
    """Nothing forces a program to put into `body` what the editor does; reading must end."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    if kind == "text":
        doc["body"] = pycrdt.Text("plain text")
    elif kind == "map":
        doc["body"] = pycrdt.Map({"a": 1, "b": pycrdt.Map({"c": 2})})
    elif kind == "array":
        doc["body"] = pycrdt.Array([1, "two", pycrdt.Text("three"), [4]])
    else:
        body = doc.get("body", type=pycrdt.XmlFragment)
        if kind == "embeds":
            text = pycrdt.XmlText("a")
            body.children.append(text)
            text.insert_embed(1, {"image": "a.png"}, {"width": 3})
            text.insert(2, "b")
        else:
            element = pycrdt.XmlElement("paragraph")
            body.children.append(element)
            element.attributes["level"] = pycrdt.Map({"x": 1}) if "map" in kind else [1, {"a": []}]
            element.children.append(pycrdt.XmlText("a"))
    assert len(lengths(doc.get_update())) == 3


@pytest.mark.parametrize("kind", ["array", "embeds", "map"])
def test_title_of_another_kind_is_read_without_harm(kind: str) -> None:
    """The room reads it after every edit."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    if kind == "array":
        doc["title"] = pycrdt.Array([1, "two", pycrdt.Map({"x": 1})])
    elif kind == "map":
        doc["title"] = pycrdt.Map({"not": "a title", "x": pycrdt.Map({})})
    else:
        doc["title"] = title = pycrdt.Text("a")
        title.insert_embed(1, {"image": "a.png"}, {"width": 3})
        title.insert(len(title), "b")
    assert len(lengths(doc.get_update())) == 3


def test_text_document_is_read_as_typed() -> None:
    """In every form; as HTML it is escaped."""
    source = "# <b>\n\n* a"
    replica = content.replica_of(rewrite.new_state({"type": "text", "text": source}, "text", "T"))
    assert content.as_text(replica, "text") == content.as_markdown(replica, "text") == source
    assert content.as_html(replica, "text") == "<pre><code># &lt;b&gt;\n\n* a</code></pre>"
    assert json.loads(content.as_json(replica, "text")) == {"type": "text", "text": source}
    assert content.title_of(replica) == "T"

"""Random documents that the editor's schema allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from documents.content.attributes import filled
from documents.content.fit import fit
from documents.content.tree import Tree, add_runs, run

# Signs of Markdown and HTML, words in several planes and scripts, a combining accent.
WORDS = st.lists(
    st.sampled_from(
        ["a", "word", "Zoë", "e\u0301", "😀", "𝒳y", "*", "**", "_", "snake_case", "`", "``", "~~",
         "#", "1.", "-", "+", ">", "|", "[x]", "](", "<b>", "&amp;", "\\", "!", "---", "===", ":",
         "https://a.example", "(", "\xa0", "."]
    ),
    min_size=1, max_size=4,
).map(" ".join)  # fmt: skip

_FLAGS = ["bold", "italic", "strike", "underline"]


@st.composite
def texts(draw: st.DrawFn) -> Tree:
    node: Tree = {"type": "text", "text": draw(st.sampled_from(["", " "])) + draw(WORDS)}
    marks: list[Any] = [
        {"type": name} for name in draw(st.sets(st.sampled_from(_FLAGS), max_size=2))
    ]
    if draw(st.integers(0, 5)) == 0:
        marks = [{"type": "code"}]
    if draw(st.integers(0, 5)) == 0:
        href = draw(
            st.sampled_from(["https://a.example/?b=1&c", "mailto:a@b.example", "http://x/(y)*"])
        )
        title = draw(st.sampled_from([None, 'a "title"']))
        marks.append({"type": "link", "attrs": {"href": href, "title": title}})
    return node | {"marks": marks}


INLINE = st.lists(st.one_of(texts(), texts(), texts(), st.just({"type": "hardBreak"})), max_size=5)


def node(name: str, content: Any = None, **attrs: Any) -> Any:
    made: dict[str, Any] = {"type": st.just(name)}
    if content is not None:
        made["content"] = content
    if attrs:
        made["attrs"] = st.fixed_dictionaries(attrs)
    return st.fixed_dictionaries(made)


def _containers(blocks: Any) -> Any:
    some = st.lists(blocks, min_size=1, max_size=3)
    items = st.lists(node("listItem", some), min_size=1, max_size=3)
    cell_attrs = {
        "colspan": st.sampled_from([1, 1, 2]),
        "rowspan": st.sampled_from([1, 1, 2]),
        "align": st.sampled_from([None, None, "right"]),
    }
    cells = st.one_of(
        node("tableCell", some, **cell_attrs), node("tableHeader", some, **cell_attrs)
    )
    head = st.lists(
        node("tableHeader", st.tuples(node("paragraph", INLINE)).map(list)), min_size=2, max_size=2
    )
    row = st.lists(
        node("tableCell", st.tuples(node("paragraph", INLINE)).map(list)), min_size=2, max_size=2
    )
    return st.one_of(
        node("blockquote", some),
        node("bulletList", items),
        node(
            "orderedList",
            items,
            start=st.sampled_from([1, 1, 3]),
            type=st.sampled_from([None, "a"]),
        ),
        node(
            "taskList",
            st.lists(node("taskItem", some, checked=st.booleans()), min_size=1, max_size=3),
        ),
        node(
            "table",
            st.lists(
                node("tableRow", st.lists(cells, min_size=1, max_size=3)), min_size=1, max_size=3
            ),
        ),
        node("table", st.tuples(node("tableRow", head), node("tableRow", row)).map(list)),
    )


_KEYS = st.sampled_from(["files/abc", "files/A_b-9"])
BLOCKS = st.recursive(
    st.one_of(
        node("paragraph", INLINE),
        node("paragraph", INLINE),
        node("heading", INLINE, level=st.integers(1, 3)),
        node(
            "codeBlock",
            st.lists(st.sampled_from(["a\n", "\n", "  b", "```", "<b>", "😀"]), max_size=4).map(
                lambda lines: [{"type": "text", "text": "".join(lines)}]
            ),
            language=st.sampled_from([None, "python", "c++"]),
        ),
        node("horizontalRule"),
        node(
            "image",
            src=_KEYS,
            alt=st.sampled_from([None, "a ] b"]),
            title=st.sampled_from([None, 'a "b"']),
        ),
    ),
    _containers,
    max_leaves=8,
)
TREES = st.lists(BLOCKS, max_size=5).map(lambda blocks: fit({"type": "doc", "content": blocks}))


def complete(tree: Tree) -> Tree:
    """Return a tree with all attributes, as a replica gives it."""
    made = dict(tree)
    if tree["type"] not in ("doc", "text"):
        attrs = filled(tree["type"], tree.get("attrs") or {})
        if attrs:
            made["attrs"] = attrs
    for key in ("content", "marks"):
        if tree.get(key):
            made[key] = [complete(child) for child in tree[key]]
    return made


def folded(tree: Tree) -> Tree:
    """Return a tree without the space at a line's start, which HTML does not show."""
    made = dict(tree)
    at_start = True
    content = []
    for child in tree.get("content", ()):
        if child["type"] == "text" and at_start and tree["type"] != "codeBlock":
            child = child | {"text": child["text"].removeprefix(" ")}
        at_start = child["type"] == "hardBreak"
        content.append(folded(child))
    return made | {"content": content} if content else made


def spoken(tree: Tree) -> Tree:
    """Return a tree as Markdown says it.

    Without empty paragraphs and kinds of numbers, and spaces before a word are not emphasised.
    """
    made = dict(tree)
    if tree["type"] == "orderedList":
        made["attrs"] = {"start": tree["attrs"]["start"]}
    blocks: list[Tree] = []
    for child in tree.get("content", ()):
        if child["type"] != "text":
            blocks.append(spoken(child))
            continue
        marks = child.get("marks", [])
        names = {mark["type"] for mark in marks}
        if child["text"].startswith(" ") and "code" not in names:
            kept = [mark for mark in marks if mark["type"] in ("link", "underline")]
            add_runs(blocks, [run(" ", kept), run(child["text"][1:], marks)])
        else:
            add_runs(blocks, [child])
    if tree["type"] != "tableCell" and tree["type"] != "tableHeader":
        blocks = [block for block in blocks if block["type"] != "paragraph" or block.get("content")]
    if blocks:
        return made | {"content": blocks}
    made.pop("content", None)
    return made

"""What the server knows of documents is what the editor's build says it can hold."""

from __future__ import annotations

from documents.content import attributes, fit, html, markdown, parse, schema
from tests.documents.trees import complete


def test_every_node_and_mark_is_written_and_read() -> None:
    """In HTML both ways, and in Markdown; and nothing that the editor does not have."""
    assert html.NODE_TAGS.keys() == schema.ELEMENTS
    assert html.MARK_TAGS.keys() == schema.MARKS.keys()
    assert set(parse.NODES.values()) | {"taskList", "taskItem"} == schema.ELEMENTS
    assert set(parse.MARKS.values()) == schema.MARKS.keys()
    assert markdown.NODES == schema.ELEMENTS
    assert set(markdown.MARKS) == schema.MARKS.keys()


def test_every_attribute_is_known() -> None:
    """A value of each is normalised by a rule of its own; the defaults pass their rules."""
    exported = {name: set(node.attrs) for name, node in schema.NODES.items() if node.attrs}
    exported |= {name: set(attrs) for name, attrs in schema.MARKS.items() if attrs}
    exported["image"] |= {
        "width",
        "height",
    }  # Of the editor's image extension; read if they are there.
    assert {name: set(known) for name, known in attributes.KNOWN.items()} == exported
    for name in schema.ELEMENTS:
        defaults = schema.NODES[name].attrs
        assert attributes.given(name, defaults) == dict(defaults)


def test_every_content_rule_is_met() -> None:
    """`fit` makes valid what these rules describe; another rule needs another branch there."""
    assert {node.content for node in schema.NODES.values()} == fit.CONTENT
    assert {name for name, node in schema.NODES.items() if node.inline} == {"text", "hardBreak"}


def test_empty_document_is_one_paragraph() -> None:
    """The editor shows no document without a block."""
    for source in ("", " \n", "<!-- x -->", "<p></p>"):
        tree = parse.parse_html(source)
        assert complete(tree) == {"type": "doc", "content": [{"type": "paragraph"}]}

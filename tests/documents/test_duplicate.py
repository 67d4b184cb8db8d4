"""What a copy holds, and what it costs to make one."""

from __future__ import annotations

import time
from typing import Any

import pycrdt

from documents import content
from documents.duplicate import copy_of


def test_copy_has_the_order_of_everything() -> None:
    """Blocks, and in a text words, marks and what is embedded between them."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.XmlFragment)
    for level in ("1", "2"):
        heading = body.children.append(pycrdt.XmlElement("heading", {"level": level}))
        text = heading.children.append(pycrdt.XmlText())
        text.insert(0, "é plain")
        text.insert_embed(2, {"at": level})
        text.insert(3, "bold", {"bold": {}})
    copy = content.replica_of(copy_of(doc.get_update(), "rich", "Copy").state)
    copied = copy.doc.get("body", type=pycrdt.XmlFragment)
    assert str(copied) == str(body)
    texts = [[next(iter(h.children)).diff() for h in b.children] for b in (body, copied)]
    assert texts[0] == texts[1]
    assert content.title_of(copy) == "Copy"


def test_copy_of_a_long_paragraph_takes_no_time_in_its_square() -> None:
    """Each run was put at the end, where the CRDT walks to from the start."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.XmlFragment)
    text = body.children.append(pycrdt.XmlElement("paragraph")).children.append(pycrdt.XmlText())
    with doc.transaction():
        for number in range(16_000):
            text.insert(0, f"w{number} ", {"bold": {}} if number % 2 else {})
    state = doc.get_update()
    began = time.process_time()
    copied = copy_of(state, "rich", "Copy").state
    assert time.process_time() - began < 1.5
    assert content.as_html(content.replica_of(copied)) == content.as_html(content.replica_of(state))

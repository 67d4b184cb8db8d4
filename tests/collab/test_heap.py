"""What is in use of the C library's heap."""

from __future__ import annotations

import pycrdt

from collab.heap import give_memory_back, given_out

MIB = 2**20


def test_a_document_is_in_use_until_it_is_left() -> None:
    """Ten MB in pycrdt count while they are held, and not once they are given back."""
    before = in_use()
    doc = pycrdt.Doc()
    doc["text"] = pycrdt.Text("x" * 10 * MIB)
    assert in_use() - before > 9 * MIB
    del doc
    give_memory_back()
    assert in_use() - before < MIB


def in_use() -> int:
    found = given_out()
    assert found is not None
    return found

"""Edits of a live document from outside: nothing but what differs is touched."""

from __future__ import annotations

import time
from typing import Any

import pycrdt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.engine.firewall import check_update
from documents import content, rewrite
from documents.fit import fit
from tests.documents.trees import TREES, WORDS, complete

few = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def read(*updates: bytes, kind: str = "rich") -> Any:
    replica = content.replica_of(updates[0])
    for update in updates[1:]:
        check_update(update)
        replica.apply(update)
    return content.tree_of(replica, kind)


@few
@given(TREES, TREES)
def test_rewrite_of_any_document_gives_the_wanted_one(first: Any, wanted: Any) -> None:
    """Whatever it was before; the update passes the firewall, and a second one has nothing to do."""
    state = rewrite.new_state(first, title="a")
    assert read(state) == complete(first)
    update = rewrite.edit(state, wanted)
    assert (update is None) == (complete(first) == complete(wanted))
    assert read(state, *([update] if update else [])) == complete(wanted)
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

"""What is written outside the editor is what the editor reads."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from documents.content import rewrite
from tests.documents.trees import TREES, complete
from tests.support import needs

PROGRAM = Path(__file__).with_name("read_by_editor.mjs")


@pytest.mark.node
def test_editor_reads_what_is_written_and_rewritten() -> None:
    """ProseMirror finds every document valid, and y-prosemirror reads the wanted tree."""
    wanted: list[Any] = []
    updates: list[list[str]] = []

    @settings(
        max_examples=60,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(TREES, TREES)
    def collect(first: Any, second: Any) -> None:
        state = rewrite.new_state(first)
        update = rewrite.edit(state, second)
        updates.append([b64encode(part).decode() for part in (state, update) if part])
        wanted.append(complete(second))

    collect()
    done = subprocess.run(
        [needs.node(), str(PROGRAM)], input=json.dumps(updates), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
    assert len(wanted) >= 60
    for seen, tree in zip(json.loads(done.stdout), wanted, strict=True):
        assert ordered(seen) == ordered(tree)


def ordered(tree: Any) -> Any:
    """Return a tree with its marks in one order: ProseMirror's own depends on the schema's."""
    made = {key: value for key, value in tree.items() if key not in ("content", "marks")}
    if "marks" in tree:
        made["marks"] = sorted(tree["marks"], key=lambda mark: str(mark["type"]))
    return made | {"content": [ordered(child) for child in tree.get("content", [])]}

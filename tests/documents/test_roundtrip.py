"""What is written as HTML or Markdown reads back as the same document."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from documents import content
from documents.content import markdown
from documents.content.fit import fit
from tests.documents.trees import TREES, complete, folded, spoken

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(TREES)
def test_html_reads_back_as_it_was(tree: Any) -> None:
    """All of the schema, but for white space that HTML folds."""
    source = content.html_of_tree(tree, "/documents/1/")
    assert complete(content.parse_html(source, "/documents/1/")) == complete(folded(tree))


@few
@given(TREES)
def test_markdown_reads_back_as_it_was(tree: Any) -> None:
    """All of the schema, but for folded white space and empty paragraphs."""
    said = fit(spoken(fit(spoken(folded(tree)))))
    assert complete(content.parse_markdown(markdown.render(said))) == complete(said)

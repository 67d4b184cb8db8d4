"""The README's table of faults."""

from __future__ import annotations

from dataclasses import replace

from collab.testing.faults import ALL, Fault, Measured
from tests.faults import table

MEASURED = Measured(tags=9, acknowledged=9, lost=0, twice=0, equal_s=1.25, unsaved_s=0.5)
ONE, TWO = (Fault(name, "it heals", 20) for name in ("one", "two"))
TEXT = f"before\n{table.BEGIN}\n{table.END}\nafter\n"


def test_every_fault_has_a_row_in_the_readme() -> None:
    """Each that is survived by a test was measured once, and asked what it asks now."""
    rows = table.rows(table.README.read_text())
    assert list(rows) == [fault.name for fault in ALL]
    for fault in ALL:
        assert rows[fault.name].startswith(table.asked(fault)), "run pytest with --faults-table"


def test_a_run_replaces_its_rows_and_keeps_others() -> None:
    """A run of one fault leaves the rows of others, in the order of the list."""
    both = {fault.name: table.line(fault, MEASURED) for fault in (TWO, ONE)}
    text = table.rewrite(TEXT, both, (ONE, TWO))
    assert list(table.rows(text)) == [ONE.name, TWO.name]
    slower = table.line(TWO, replace(MEASURED, equal_s=7.04))
    text = table.rewrite(text, {TWO.name: slower}, (ONE, TWO))
    assert table.rows(text) == {ONE.name: both[ONE.name], TWO.name: slower}
    assert "| 7.0 |" in slower
    assert table.rewrite(text, {}, ()) == table.rewrite(TEXT, {}, ())


def test_what_is_not_as_asked_is_a_problem() -> None:
    """Lost, doubled, unsaved and late are each told."""
    worse = Measured(tags=9, acknowledged=8, lost=2, twice=3, equal_s=20.5, unsaved_s=0.5)
    assert MEASURED.problems(ONE) == []
    assert len(worse.problems(ONE)) == 4

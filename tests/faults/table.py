"""The README's table of faults, written by the run of tests that did them.

`pytest tests/faults --faults-table` writes a row for each fault that was survived; rows of faults
that were not done stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from collab.testing.faults import ALL, Fault, Measured

README = Path(__file__).resolve().parents[2] / "README.md"
PROPERTY = "fault"
BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEAD = (
    "| fault | asked | acknowledged, lost | s to equal | longest s to Saved |\n"
    "|---|---|---|---|---|\n"
)

AddRow = Callable[[Fault, Measured], None]
"""Note what was measured of a fault that was survived, for the table."""


def asked(fault: Fault) -> str:
    """Return the part of a fault's row that is no measurement."""
    return f"| {fault.name} | {fault.asked}; equal within {fault.within_s:g} s |"


def line(fault: Fault, measured: Measured) -> str:
    """Return the row of a fault."""
    counts = f"{measured.acknowledged}, {measured.lost}"
    times = f"{measured.equal_s:.1f} | {measured.unsaved_s:.1f}"
    return f"{asked(fault)} {counts} | {times} |"


def rows(text: str) -> dict[str, str]:
    """Return the rows that the README has, by the fault's name."""
    _, _, after = text.partition(BEGIN)
    table = after.partition(END)[0].strip().splitlines()[2:]
    return {row.split(" | ")[0].removeprefix("| "): row for row in table}


def rewrite(text: str, new: Mapping[str, str], order: Iterable[Fault] = ALL) -> str:
    """Put new rows in the place of old ones; a fault that is no more loses its row.

    Raises:
        ValueError: the text has no place for them.
    """
    before, found, after = text.partition(BEGIN)
    _, found_end, after = after.partition(END)
    if not found or not found_end:
        raise ValueError(f"{README.name} has no {BEGIN} … {END}")
    known = rows(text) | new
    lines = [known[fault.name] for fault in order if fault.name in known]
    table = HEAD + "".join(f"{one}\n" for one in lines)
    return f"{before}{BEGIN}\n{table}{END}{after}"

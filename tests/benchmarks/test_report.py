"""Tables and plots of stored figures, and the command; nothing here measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import cases, packages, report

HERE = Path(__file__).parent


def stored() -> dict[str, Any]:
    """Return figures of a short run, made once: one case failed in it."""
    return dict(json.loads((HERE / "stored.json").read_text()))


def test_tables_show_every_server_and_say_what_failed() -> None:
    """A row has a cell for each server; a case without figures has a dash, and its reason below."""
    results = report.Results(stored())
    lines = report.fanout(results).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert all(subject in lines[0] for subject in cases.SUBJECTS)
    failed = next(entry for entry in stored()["cases"] if "error" in entry)
    assert any("–" in line for line in report.TABLES[failed["part"]](results).splitlines())
    assert any(failed["error"] in trouble for trouble in results.troubles(failed["part"]))


def test_every_part_has_a_table() -> None:
    """What can be measured can be read, on the page too."""
    results, page = report.Results(stored()), (packages.ROOT / "docs/benchmarks.md").read_text()
    assert set(report.TABLES) == set(cases.PARTS) == {entry["part"] for entry in stored()["cases"]}
    for part, make in report.TABLES.items():
        assert make(results).startswith("| ")
        assert f"<!-- {part} -->\n" in page
        assert f"<!-- /{part} -->\n" in page


def test_filling_leaves_the_rest_of_a_page_alone(tmp_path: Path) -> None:
    """Only what is between the marks is replaced, and doing it again changes nothing."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
    for _ in range(2):
        report.fill(page, {"bench": r"new \1", "none": "?"})
        text = page.read_text()
        assert text == "before\n<!-- bench -->\nnew \\1\n<!-- /bench -->\nafter\n"


def test_readme_has_a_place_for_the_summary() -> None:
    """What README shows of a run is made, not written."""
    assert "<!-- bench -->\n" in (packages.ROOT / "README.md").read_text()
    assert report.summary(report.Results(stored())).startswith("| ")


def test_the_same_figures_make_the_same_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SVG holds no date and no random name, so that a plot changes with its figures only."""
    from tests.benchmarks import plots

    results = report.Results(stored())
    assert all(collect(results) for *_, collect, _ in plots.PLOTS)
    monkeypatch.setattr(plots, "PLOTS", plots.PLOTS[:1])
    first, second = (plots.draw(results, tmp_path / name) for name in ("first", "second"))
    assert [one.suffix for one in first] == [".svg", ".png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.parametrize("extent", [cases.QUICK, cases.DEFAULT, cases.FULL])
def test_every_case_has_a_script_and_a_name_of_its_own(extent: cases.Extent) -> None:
    """Results are found again by part, subject and options."""
    plan = cases.cases(extent)
    assert len({case.name for case in plan}) == len(plan)
    assert all((HERE / f"{case.script}.mjs").exists() for case in plan)


def test_the_command_makes_tables_of_stored_figures(tmp_path: Path) -> None:
    """`collab bench --report` measures nothing, and needs nothing but Python."""
    command = [sys.executable, "-m", "collab", "--data", str(tmp_path / "data"), "bench"]
    arguments = ["--report", str(HERE / "stored.json"), "--output", str(tmp_path / "out")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert "## fanout" in (tmp_path / "out" / "tables.md").read_text(), done.stderr
    assert (tmp_path / "out" / "cost.svg").exists()
    # A case of the run had failed, which the status says again.
    assert done.returncode == 2


def test_the_command_says_that_a_wheel_has_no_benchmarks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Installed from a wheel, it ends with one clear line."""
    from django.core.management import CommandError, call_command

    from collab.management.commands import bench

    monkeypatch.setattr(bench, "_ROOT", tmp_path)
    with pytest.raises(CommandError, match="in a checkout"):
        call_command("bench")

"""A dashboard in the browser: numbers come by themselves, and stay in step with their charts."""

from __future__ import annotations

import asyncio
import itertools
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.board import Boards
from tests.e2e.conftest import OpenBoard

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

STAT, CHART, OTHER = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
_DRAWN_ANEW = """(panel) => {
  const chart = document.querySelector(`#panel-${panel} collab-chart`);
  chart.clear();
  chart.draw();
  return chart.plot.height === chart.querySelector('.chart__plot').clientHeight;
}"""
_names = (f"metric_{n}" for n in itertools.count())


@pytest.fixture
def metric() -> str:
    """Name a metric that no other test sends."""
    return next(_names)


def numbers(metric: str, function: str = "last") -> dict[str, dict[str, object]]:
    """Make a dashboard of one metric: its last value, and two charts of it."""
    queries = {"a": {"metric": metric, "function": function, "legend": "line"}}
    chart = {"kind": "timeseries", "y": 1, "w": 6, "h": 4, "queries": queries}
    return {
        STAT: {"kind": "stat", "title": "Now", "x": 0, "y": 0, "w": 3, "h": 2, "queries": queries},
        CHART: {**chart, "title": "Over time", "x": 0},
        OTHER: {**chart, "title": "The same", "x": 6},
    }


async def test_numbers_change_by_themselves(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """Who only reads sees what is recorded, in words and in the chart, without loading anew.

    Numbers that stay away are called stale until they come again.
    """
    boards.record(metric, *((ago, 40.0) for ago in range(400, 200, -10)), (200, 41.0))
    board = await open_board("Carla", boards.new(numbers(metric)))
    await expect(board.values(STAT)).to_contain_text("41")
    stale = board.panel(STAT).get_by_text("Stale")
    await expect(stale).to_be_visible()
    await board.page.evaluate("window.stayed = true")
    boards.record(metric, (0, 42.0))
    await expect(board.values(STAT)).to_contain_text("42")
    await board.until_value(CHART, 42.0)
    await expect(stale).to_be_hidden()
    assert await board.page.evaluate("window.stayed")
    assert await board.page.get_by_role("switch", name="Edit").count() == 0


async def test_a_chart_keeps_its_zoom_while_numbers_come(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """Dragging over a chart zooms all charts, in the address too; a double click goes back."""
    boards.record(metric, *((60 * n, 10.0 + n) for n in range(1, 50)))
    board = await open_board("Ada", boards.new(numbers(metric, "max")))
    await board.until_drawn(CHART)
    before = await board.scale(CHART)
    box = await board.plot(CHART).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await board.page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    await board.page.mouse.down()
    await board.page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
    await board.page.mouse.up()
    await board.page.wait_for_url(re.compile(r"from=\d+"))
    await board.until_feed("fixed")
    zoomed = await board.scale(CHART)
    assert before[0] < zoomed[0] < zoomed[1] < before[1]
    assert await board.scale(OTHER) == zoomed
    # Late numbers of that time, and new ones.
    boards.record(metric, (1800, 1234.0), (0, 55.0))
    await board.until_value(CHART, 1234.0)
    assert await board.scale(CHART) == zoomed
    await board.plot(CHART).dblclick()
    await board.until_feed("live")
    await board.until_value(CHART, 55.0)
    assert "from=" not in board.page.url


async def test_cursors_of_all_charts_go_together(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """Pointing at a time in one chart shows every legend's value then; keys read values, too."""
    boards.record(metric, (1800, 7.0), (900, 8.0), (10, 9.0))
    board = await open_board("Ada", boards.new(numbers(metric)))
    await board.until_drawn(CHART)
    await board.until_drawn(OTHER)
    # The first drawing leaves room for the legend: a larger one has its axis out of sight.
    assert await board.page.evaluate(_DRAWN_ANEW, CHART)
    legends = [board.panel(key).locator(".legend__value").first for key in (CHART, OTHER)]
    for legend in legends:
        await expect(legend).to_have_text("9")
    box = await board.plot(CHART).bounding_box()
    assert box is not None
    await board.page.mouse.move(box["x"] + box["width"] * 0.51, box["y"] + 20)
    for legend in legends:
        await expect(legend).to_have_text("7")
    slider = board.panel(OTHER).get_by_role("slider")
    await slider.press("End")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile(r": line 9$"))


async def test_a_hidden_tab_resumes_without_a_gap(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """What came while nobody looked, or while there was no network, is there when they return."""
    boards.record(metric, (20, 1.0))
    board = await open_board("Ada", boards.new(numbers(metric)), "?from=now-5m")
    await board.until_value(CHART, 1.0)
    await board.hide(True)
    boards.record(metric, (0, 2.0))
    seen = await open_board("Bob", board.url.split("/")[-2], "?from=now-5m")
    await seen.until_value(CHART, 2.0)
    assert 2.0 not in (await board.held(CHART))["values"]
    await board.hide(False)
    await board.until_value(CHART, 2.0)
    await board.context.set_offline(True)
    await board.until_feed("offline")
    boards.record(metric, (0, 3.0))
    await seen.until_value(CHART, 3.0)
    await board.context.set_offline(False)
    await board.until_value(CHART, 3.0)
    await board.until_feed("live")
    at = (await board.held(CHART))["at"]
    assert {after - before for before, after in itertools.pairwise(at)} == {at[1] - at[0]}


async def test_a_pause_holds_until_it_is_over(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """A person's pause shows nothing new; going on shows what came meanwhile."""
    boards.record(metric, (20, 1.0))
    board = await open_board("Ada", boards.new(numbers(metric)))
    await expect(board.values(STAT)).to_contain_text("1")
    await board.page.keyboard.press("p")
    await board.until_feed("paused")
    boards.record(metric, (0, 2.0))
    seen = await open_board("Bob", board.url.split("/")[-2])
    await expect(seen.values(STAT)).to_contain_text("2")
    await expect(board.values(STAT)).not_to_contain_text("2")
    await board.page.get_by_role("button", name="Pause").click()
    await expect(board.values(STAT)).to_contain_text("2")


async def test_a_kiosk_shows_numbers_alone_and_never_pauses(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """Full screen has no controls, goes on where nobody seems to look, and Escape leaves it."""
    boards.record(metric, (20, 1.0))
    board = await open_board("Carla", boards.new(numbers(metric)), "?kiosk=1")
    await expect(board.page.get_by_role("banner")).to_be_hidden()
    await board.hide(True)
    boards.record(metric, (0, 2.0))
    await expect(board.values(STAT)).to_contain_text("2")
    await board.hide(False)
    await board.press("Escape")
    await expect(board.page.get_by_role("banner")).to_be_visible()
    assert "kiosk" not in board.page.url


async def test_variables_and_times_are_in_the_address(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """A choice changes what is shown and the address; going back in the browser undoes it."""
    boards.record(metric, (20, 1.0), host="a")
    boards.record(metric, (20, 2.0), host="b")
    queries = {"a": {"metric": metric, "matchers": [["host", "=", "$host"]], "function": "last"}}
    panel = {"kind": "stat", "title": "On $host", "x": 0, "y": 0, "w": 3, "h": 2}
    panels = {STAT: {**panel, "queries": queries}}
    variable = {"name": "host", "kind": "label", "label": "host", "metric": metric}
    board = await open_board("Carla", boards.new(panels, variables=[variable]))
    await expect(board.values(STAT)).to_contain_text("1")
    await expect(board.panel(STAT).get_by_role("heading")).to_have_text("On a")
    await board.page.get_by_label("host").select_option("b")
    await expect(board.values(STAT)).to_contain_text("2")
    await expect(board.panel(STAT).get_by_role("heading")).to_have_text("On b")
    assert "var-host=b" in board.page.url
    await board.page.evaluate("document.querySelector('collab-dashboard').isTheSame = true")
    await board.page.get_by_text("Last hour").first.click()
    await board.page.get_by_role("button", name="Last 6 hours").click()
    await board.page.wait_for_url(re.compile("from=now-6h"))
    await board.page.go_back()
    await board.page.go_back()
    await expect(board.values(STAT)).to_contain_text("1")
    assert board.page.url == board.url
    await board.page.get_by_text("Last hour").first.click()
    await board.page.get_by_label("Time zone").select_option("Europe/Berlin")
    for field, hour in (("From", 10), ("To", 12)):
        label = board.page.get_by_label(field, exact=True)
        await label.fill(f"2024-05-01T{hour}:00:00")
    await board.page.get_by_role("button", name="Show these times").click()
    await board.page.wait_for_url(re.compile("from=1714550400000&to=1714557600000&tz=Europe"))
    await expect(board.values(STAT)).to_contain_text("No numbers in this time")
    assert await board.page.evaluate("document.querySelector('collab-dashboard').isTheSame")


async def test_a_panel_alone_fills_the_page(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """A panel can be looked at alone, saved as a picture and as numbers; Escape goes back."""
    boards.record(metric, (20, 1.0))
    board = await open_board("Carla", boards.new(numbers(metric)))
    await board.until_drawn(CHART)
    await board.act(CHART, "View alone")
    await expect(board.panel(STAT)).to_be_hidden()
    assert f"panel={CHART}" in board.page.url
    async with board.page.expect_download() as saved:
        await board.act(CHART, "Download PNG")
    picture = await (await saved.value).path()
    assert Path(picture).read_bytes()[:4] == b"\x89PNG"
    async with board.page.expect_download() as saved:
        await board.panel(CHART).locator("summary").click()
        await board.panel(CHART).get_by_role("link", name="Download CSV").click()
    numbers_file = await (await saved.value).path()
    assert Path(numbers_file).read_text().splitlines()[0] == "time,line"
    await board.press("Escape")
    await expect(board.panel(STAT)).to_be_visible()


async def test_a_layout_is_saved_as_a_file_and_brought_in(
    boards: Boards, open_board: OpenBoard, metric: str, tmp_path: Path
) -> None:
    """A reader exports a dashboard and makes one of the file; a bad file is told what it lacks."""
    board = await open_board("Carla", boards.new(numbers(metric)))
    page, layout, bad = board.page, tmp_path / "layout.json", tmp_path / "bad.json"
    await page.get_by_label("More", exact=True).click()
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="Export as JSON").click()
    assert (await saved.value).suggested_filename == "Board.json"
    await (await saved.value).save_as(layout)
    bad.write_text(layout.read_text().replace('"timeseries"', '"pie"'))
    await page.goto(f"{boards.demo.site.url}/dashboards/")
    await page.get_by_role("link", name="Import").click()
    await page.get_by_label("File").set_input_files(bad)
    await page.get_by_role("button", name="Import").click()
    problem = page.get_by_role("alert")
    await expect(problem).to_contain_text("Nothing was made of “bad.json”:")
    await expect(problem.locator("code").first).to_have_text("panels[1].kind")
    await page.get_by_label("File").set_input_files(layout)
    await page.get_by_role("button", name="Import").click()
    await page.wait_for_url(re.compile(r"/dashboards/[0-9a-f-]{36}/"))
    assert await board.titles() == {STAT: "Now", CHART: "Over time", OTHER: "The same"}
    assert await page.get_by_role("switch", name="Edit").count() == 1


async def test_a_revoked_reader_sees_no_more(
    boards: Boards, open_board: OpenBoard, metric: str
) -> None:
    """Taking a role away closes the page at once, and takes the numbers off the screen."""
    boards.record(metric, (20, 77.0))
    dashboard = boards.new(numbers(metric))
    board = await open_board("Carla", dashboard)
    await expect(board.values(STAT)).to_contain_text("77")
    await asyncio.to_thread(boards.revoke, dashboard, "carla")
    await expect(board.page.get_by_role("alert")).to_contain_text("no longer shared with you")
    await expect(board.page.get_by_text("77")).to_have_count(0)


async def test_a_page_without_scripts_can_be_read(boards: Boards, metric: str) -> None:
    """The server's page has the values; times are chosen by forms."""
    boards.record(metric, (20, 5.0))
    dashboard = boards.new(numbers(metric))
    context = await boards.demo.context("Carla", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{boards.demo.site.url}/dashboards/{dashboard}/")
    await expect(page.locator(f"#values-{STAT}")).to_contain_text("5")
    await expect(page.locator(f"#values-{CHART}").get_by_role("table")).to_contain_text("line")
    await page.get_by_text("now-1h").click()
    await page.get_by_role("button", name="Last 6 hours").click()
    await page.wait_for_url(re.compile("from=now-6h"))
    await context.close()

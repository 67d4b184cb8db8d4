"""Two people in two browsers change one dashboard at once."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.board import Board, Boards, until_alike
from tests.e2e.conftest import OpenBoard

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LEFT, RIGHT, WIDE, NOTE = "llllllllll", "rrrrrrrrrr", "wwwwwwwwww", "nnnnnnnnnn"
PANELS = {
    LEFT: {"kind": "stat", "title": "Left", "x": 0, "y": 0, "w": 4, "h": 2},
    RIGHT: {"kind": "stat", "title": "Right", "x": 4, "y": 0, "w": 4, "h": 2},
    WIDE: {"kind": "stat", "title": "Wide", "x": 0, "y": 1, "w": 8, "h": 2},
    NOTE: {"kind": "text", "title": "Note", "x": 8, "y": 0, "w": 4, "h": 3, "text": "middle"},
}


async def pair(boards: Boards, open_board: OpenBoard) -> tuple[str, Board, Board]:
    """Open a new dashboard as Ada and as Bob, who both edit it."""
    dashboard = boards.new(PANELS)
    ada, bob = await asyncio.gather(open_board("Ada", dashboard), open_board("Bob", dashboard))
    await asyncio.gather(ada.edit(), bob.edit())
    return dashboard, ada, bob


async def test_two_who_rearrange_at_once_end_equal(boards: Boards, open_board: OpenBoard) -> None:
    """Dragging, resizing, renaming, adding and removing at once leaves both with the same."""
    dashboard, ada, bob = await pair(boards, open_board)
    await ada.drag(LEFT, 0, 3)
    await expect(ada.page.locator(".drop")).to_be_visible()
    await expect(bob.ghosts).to_contain_text("Ada")
    await bob.act(LEFT, "Rename")
    await bob.page.get_by_label("Title of the panel").fill("Renamed while dragged")
    await bob.press("Enter")
    await bob.key_on(RIGHT, "Shift+ArrowRight", "ArrowLeft")
    await bob.act(NOTE, "Remove")
    await ada.drop()
    await expect(bob.ghosts).to_have_count(0)
    await expect(bob.page.locator(".pointer")).to_contain_text("Ada")
    await ada.page.get_by_text("Add panel").click()
    await ada.page.get_by_role("button", name="Gauge").click()
    cells = await until_alike(ada, bob)
    (added,) = cells.keys() - PANELS.keys()
    assert cells == {
        RIGHT: [3, 0, 5, 2], WIDE: [0, 2, 8, 2], LEFT: [0, 4, 4, 2], added: cells[added],
    }  # fmt: skip
    assert (await ada.titles())[LEFT] == "Renamed while dragged"
    stored = await asyncio.to_thread(boards.layout, dashboard)
    assert stored.keys() == cells.keys()
    assert stored[LEFT]["title"] == "Renamed while dragged"


async def test_who_only_looks_sees_the_layout_change(boards: Boards, open_board: OpenBoard) -> None:
    """A reader's grid, and the title, follow what editors do; all see who else is here."""
    dashboard = boards.new(PANELS)
    ada, carla = await asyncio.gather(open_board("Ada", dashboard), open_board("Carla", dashboard))
    for board in (ada, carla):
        await expect(board.people).to_have_count(2)
    await ada.edit()
    await ada.title.fill("A better name")
    await ada.key_on(LEFT, "ArrowDown")
    await ada.until_state("saved")
    await carla.until_cells(**await ada.cells())
    await expect(carla.title).to_have_value("A better name")


async def test_keys_move_and_resize_and_say_so(boards: Boards, open_board: OpenBoard) -> None:
    """Arrow keys on a panel's handle move it, with Shift they resize it, and it is announced."""
    ada = await open_board("Ada", boards.new(PANELS))
    await ada.edit()
    status = ada.page.locator("#announce")
    await ada.key_on(LEFT, "ArrowDown")
    await expect(status).to_have_text("Left: column 1, row 5")
    await ada.until_cells(**{LEFT: [0, 4, 4, 2], WIDE: [0, 2, 8, 2]})
    await expect(ada.grip(LEFT)).to_be_focused()
    await ada.key_on(LEFT, "Shift+ArrowRight", "Shift+ArrowDown")
    await expect(status).to_have_text("Left: 5 columns wide, 3 rows high")
    await ada.until_cells(**{LEFT: [0, 4, 5, 3]})
    await ada.key_on(LEFT, "ArrowLeft")
    await expect(status).to_have_text("It cannot go further there.")


async def test_a_corner_resizes_and_escape_lets_be(boards: Boards, open_board: OpenBoard) -> None:
    """A panel's corner is dragged to its size; Escape leaves it as it was."""
    dashboard, ada, bob = await pair(boards, open_board)
    await ada.drag(RIGHT, 1, 1, ".panel__corner")
    await ada.press("Escape")
    await ada.drop()
    await ada.until_cells(**{RIGHT: [4, 0, 4, 2]})
    await ada.drag(RIGHT, -1, 1, ".panel__corner")
    await ada.drop()
    await bob.until_cells(**{RIGHT: [4, 0, 3, 3]})
    await ada.until_state("saved")
    stored = await asyncio.to_thread(boards.layout, dashboard)
    assert (stored[RIGHT]["w"], stored[RIGHT]["h"]) == (3, 3)
    assert stored[WIDE]["y"] == PANELS[WIDE]["y"]


async def test_undo_takes_back_only_what_is_ones_own(boards: Boards, open_board: OpenBoard) -> None:
    """Ada's undo brings back what she removed, and leaves what Bob did meanwhile."""
    _, ada, bob = await pair(boards, open_board)
    await ada.act(WIDE, "Remove")
    await expect(bob.panel(WIDE)).to_have_count(0)
    await bob.key_on(LEFT, "Shift+ArrowDown")
    await ada.until_cells(**{LEFT: [0, 0, 4, 3]})
    await ada.press("Control+z")
    await expect(bob.panel(WIDE)).to_be_visible()
    cells = await until_alike(ada, bob)
    assert cells[LEFT] == [0, 0, 4, 3]
    await ada.press("Control+Shift+z")
    await expect(bob.panel(WIDE)).to_have_count(0)


async def test_different_fields_of_one_panel_both_survive(
    boards: Boards, open_board: OpenBoard
) -> None:
    """Two in one panel's editor see each other's changes in place, and nothing is overwritten."""
    dashboard, ada, bob = await pair(boards, open_board)
    for board in (ada, bob):
        await board.act(LEFT, "Edit")
    await expect(ada.panel(LEFT)).to_contain_text(re.compile("Bob.* is editing this panel"))
    await ada.page.get_by_label("Unit").fill("ms")
    await bob.page.get_by_label("Title", exact=True).nth(1).fill("Answer time")
    await ada.press("Tab")
    await expect(bob.page.get_by_label("Unit")).to_have_value("ms")
    await expect(bob.page.get_by_label("Title", exact=True).nth(1)).to_be_focused()
    await expect(ada.page.get_by_label("Title", exact=True).nth(1)).to_have_value("Answer time")
    await until_alike(ada, bob)
    stored = await asyncio.to_thread(boards.layout, dashboard)
    assert (stored[LEFT]["unit"], stored[LEFT]["title"]) == ("ms", "Answer time")


async def test_two_type_in_one_text_panel(boards: Boards, open_board: OpenBoard) -> None:
    """Letters that two type into one note at once all arrive; the note is shown as Markdown."""
    _, ada, bob = await pair(boards, open_board)
    for board in (ada, bob):
        await board.act(NOTE, "Edit")
    fields = [board.page.get_by_label("Text, as Markdown") for board in (ada, bob)]
    await fields[0].press("Control+Home")
    await fields[1].press("Control+End")
    await asyncio.gather(ada.type("# Begin\n\n"), bob.type("\n\n*the end*"))
    wanted = "# Begin\n\nmiddle\n\n*the end*"
    for field in fields:
        await expect(field).to_have_value(wanted)
    for board in (ada, bob):
        await expect(board.values(NOTE).locator("h1")).to_have_text("Begin")
        await expect(board.values(NOTE).locator("em")).to_have_text("the end")


async def test_offline_edits_merge(boards: Boards, open_board: OpenBoard) -> None:
    """What Bob does without a network is kept, and merges with what Ada did meanwhile."""
    _, ada, bob = await pair(boards, open_board)
    await bob.context.set_offline(True)
    await bob.until_feed("offline")
    await bob.key_on(RIGHT, "Shift+ArrowRight")
    await bob.page.get_by_text("Add panel").click()
    await bob.page.get_by_role("button", name="Text Notes").click()
    await bob.press("Escape")
    await bob.until_state("offline")
    await ada.key_on(RIGHT, "Shift+ArrowDown")
    await ada.key_on(LEFT, "Shift+ArrowLeft")
    await ada.until_state("saved")
    await bob.context.set_offline(False)
    cells = await until_alike(ada, bob)
    assert (cells[RIGHT][2:], cells[LEFT][2:]) == ([5, 3], [3, 2])
    assert len(cells) == len(PANELS) + 1


async def test_a_query_is_made_of_what_there_is(boards: Boards, open_board: OpenBoard) -> None:
    """Metrics, labels and values are offered while one types, and the panel shows the numbers."""
    boards.record("garage_doors", (20, 3.0), side="north")
    boards.record("garage_doors", (20, 4.0), side="south")
    ada = await open_board("Ada", boards.new({}))
    await ada.edit()
    await ada.page.get_by_text("Add panel").click()
    await ada.page.get_by_role("button", name="Stat One").click()
    await ada.page.get_by_role("combobox", name="Metric", exact=True).press_sequentially("garage")
    await ada.page.get_by_role("option", name="garage_doors").click()
    await ada.page.get_by_role("button", name="Filter by a label").click()
    await ada.page.get_by_role("combobox", name="Label", exact=True).press("ArrowDown")
    await ada.page.get_by_role("option", name="side").click()
    await ada.page.get_by_role("combobox", name="Value", exact=True).click()
    await ada.page.get_by_role("option", name="south").click()
    await expect(ada.page.locator("#grid .values")).to_contain_text("4")
    await ada.page.get_by_role("button", name="Variables and range").click()
    await ada.page.get_by_label("New variable").fill("side")
    await ada.press("Enter")
    name = ada.page.get_by_label("Name", exact=True)
    await name.fill("2 sides")
    await ada.press("Tab")
    await expect(ada.page.get_by_text("A name has letters")).to_be_visible()
    await name.fill("$door_side")
    await ada.press("Tab")
    await expect(ada.page.locator("#variables").get_by_label("door_side")).to_have_value("north")
    await expect(name).to_have_value("door_side")


async def test_who_may_no_longer_write_stops_editing(boards: Boards, open_board: OpenBoard) -> None:
    """Taking the right to write away ends editing at once, and leaves the numbers."""
    dashboard, _ada, bob = await pair(boards, open_board)
    await asyncio.to_thread(boards.demote, dashboard, "bob")
    await bob.until_state("readonly")
    await expect(bob.page.locator("collab-dashboard[data-editing]")).to_have_count(0)
    await expect(bob.page.get_by_role("switch", name="Edit")).to_be_hidden()
    await bob.until_feed("live")


async def test_a_phone_shows_one_column(boards: Boards, open_board: OpenBoard) -> None:
    """On a phone panels stand below each other as they are read, and menus change their order."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    ada = await open_board("Ada", boards.new(PANELS), **phone)
    tops = [await ada.panel(panel).bounding_box() for panel in (LEFT, RIGHT, NOTE, WIDE)]
    assert sorted(tops, key=lambda box: box["y"]) == tops  # type: ignore[index]
    assert {box["width"] for box in tops} == {tops[0]["width"]}  # type: ignore[index]
    wide = await ada.page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390
    await ada.edit()
    await ada.panel(WIDE).locator("summary").tap()
    await ada.panel(WIDE).get_by_role("button", name="Move up").tap()
    await ada.until_cells(**{WIDE: [0, 0, 8, 2]})
    await ada.panel(WIDE).locator("summary").tap()
    await ada.panel(WIDE).get_by_role("button", name="Edit").tap()
    sheet = ada.page.get_by_role("complementary", name="Edit panel")
    await expect(sheet).to_have_css("width", "390px")

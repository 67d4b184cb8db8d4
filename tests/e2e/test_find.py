"""Find and replace, the count of words, and the way to others' cursors, with two people at once."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_LINES = ["Чотири п'ять 你好世界", "The cat sat", "on the mat", "with $1 other cats"]


class Panel:
    """The panel of a paper, by what a screen reader calls its parts."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        page = paper.page
        self.field = page.get_by_role("textbox", name="Find", exact=True)
        self.replacement = page.get_by_role("textbox", name="Replace with")
        self.count = page.get_by_role("search").get_by_role("status")

    async def press(self, name: str) -> None:
        await self.paper.page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("kind", ["rich", "text"])
async def test_one_finds_and_replaces_while_another_writes(
    demo: Demo, open_paper: Open, kind: str
) -> None:
    """The count follows others, walking goes round, and replacing all is one step of undo."""
    document = demo.new_document() if kind == "rich" else demo.new_text()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    for line in _LINES:
        await ada.type(line)
        await ada.press("Enter")
    await expect(ada.page.locator("collab-words")).to_have_text("14 words · 56 characters")
    await bob.until_text("cats")
    await ada.press("Control+Home", "Control+f")
    panel = Panel(ada)
    await expect(panel.field).to_be_focused()
    await ada.type("the")
    await expect(panel.count).to_have_text("1 of 3")
    await bob.to_end()
    await bob.type("the end")
    await expect(panel.count).to_have_text("1 of 4")
    await ada.press("Shift+Enter")
    await expect(panel.count).to_have_text("4 of 4")
    await ada.press("Enter", "Enter")
    await expect(panel.count).to_have_text("2 of 4")
    await panel.press("Match case")
    await expect(panel.count).to_have_text("1 of 3")
    await panel.press("Whole words")
    await expect(panel.count).to_have_text("1 of 2")
    await expect(ada.page.locator("collab-words")).to_contain_text("1 of 16 words")

    await panel.replacement.fill("$1 [THE]")
    await panel.press("Replace all")
    for paper in (ada, bob):
        await expect(paper.editor).to_contain_text(re.compile(r"on \$1 \[THE\].* mat"))
        await expect(paper.editor).to_contain_text(re.compile(r"\$1 \[THE\].* end"))
        await paper.until_text("The cat sat")
    await expect(panel.count).to_have_text("No matches")
    await panel.field.focus()
    await ada.press("Escape")
    await expect(panel.field).to_be_hidden()
    await expect(ada.editor).to_be_focused()
    await ada.press("Control+z")
    for paper in (ada, bob):
        await expect(paper.editor).not_to_contain_text("[THE]")
        # A caret's name may stand anywhere.
        await expect(paper.editor).to_contain_text(re.compile("on the.* mat"))
        await expect(paper.editor).to_contain_text(re.compile("the.* end"))


async def _leads_there(paper: Paper, avatar: Locator) -> bool:
    await avatar.click()
    try:
        await expect(paper.carets).to_be_in_viewport(timeout=2000)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("kind", ["rich", "text"])
async def test_an_avatar_leads_to_a_cursor(demo: Demo, open_paper: Open, kind: str) -> None:
    """Ada's page scrolls to Bob's caret far below, and says so when he has none."""
    document = demo.new_document() if kind == "rich" else demo.new_text()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    to_bob = ada.page.get_by_role("button", name="Go to the cursor of Bob Kahn")
    await to_bob.click()
    note = ada.page.get_by_text("Bob Kahn has no cursor in the text now.")
    await expect(note).to_be_visible()
    await bob.to_end()
    await bob.replace_selection("first\n" + "line\n" * 120 + "last")
    await ada.until_text("first")
    await bob.press("Control+End")
    await ada.page.evaluate("scrollTo(0, 0)")
    await expect(ada.carets).not_to_be_in_viewport()
    # A click before his last move has come leads to where he was.
    async with asyncio.timeout(20):
        while not await _leads_there(ada, to_bob):
            pass
    await expect(ada.page.get_by_role("button", name="Ada Lovelace (you)")).to_be_disabled()


async def test_a_reader_finds_far_below_and_replaces_nothing(demo: Demo, open_paper: Open) -> None:
    """Carla has the field without a second one, and the match is scrolled to, clear of the bar."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    await ada.to_end()
    await ada.replace_selection("line\n" * 120 + "needle")
    await ada.until_state("saved")
    carla = await open_paper("Carla", document)
    await carla.press("Control+f")
    await carla.type("needle")
    panel = Panel(carla)
    await expect(panel.count).to_have_text("1 of 1")
    await expect(panel.replacement).to_be_hidden()
    match = carla.page.locator(".match--active")
    await expect(match).to_be_in_viewport()
    bar, box = await carla.page.locator(".top").bounding_box(), await match.bounding_box()
    assert bar is not None
    assert box is not None
    assert box["y"] > bar["y"] + bar["height"]

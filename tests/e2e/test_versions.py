"""The history of a document in the browser, while others write in it."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper, until_equal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


_TYPED = " of Bob, who types on and on and on"


def paragraphs(document: str) -> list[str]:
    """Return the text of each block of a document of paragraphs only."""
    blocks = json.loads(document)["content"]
    return ["".join(run["text"] for run in block.get("content", [])) for block in blocks]


async def open_history(paper: Paper) -> Page:
    """Follow the editor's link to the versions, in a tab beside it; complaints are the paper's."""
    page = await paper.context.new_page()
    page.on("console", paper._on_console)
    page.on("pageerror", lambda error: paper.problems.append(f"{error}"))
    link = paper.page.get_by_role("link", name="Versions")
    await page.goto(f"{paper.url}{'versions/' if await link.count() else ''}")
    await expect(page.locator("[data-version]")).to_be_attached()
    return page


async def test_version_is_restored_while_somebody_types(demo: Demo, open_paper: Open) -> None:
    """Ada compares and restores while Bob types: her version is back, his words are there."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    await ada.type("We meet on Monday.")
    await ada.press("Enter")
    await ada.type("Notes")
    await bob.until_text("Notes")
    await ada.until_state("saved")
    history = await open_history(ada)
    await history.get_by_label("Name the document as it is now").fill("As agreed")
    await history.get_by_role("button", name="Name", exact=True).click()
    named = history.get_by_role("heading", name="As agreed")
    await expect(named).to_be_visible()

    await bob.to_end_of("We meet on Monday.")
    for _ in "Monday.":
        await bob.press("Backspace")
    await bob.type("Friday!")
    await ada.until_text("We meet on Friday!")
    await bob.until_state("saved")
    await history.get_by_role("link", name="What changed since").click()
    await expect(history.locator(".version__text del")).to_have_text("Monday.")
    await expect(history.locator(".version__text ins")).to_have_text("Friday!")
    await expect(history.get_by_role("status").last).to_contain_text("1 word added")

    await bob.to_end()
    typing = asyncio.create_task(bob.type(_TYPED))
    await history.get_by_role("button", name="Restore this version").click()
    await expect(history.get_by_text("The version was restored.")).to_be_visible()
    await typing
    await bob.type(" at last")
    await bob.until_text("We meet on Monday.")
    # What was stored before she restored is gone with the version it belongs to, the rest stays.
    (first, second) = paragraphs(await until_equal(ada, bob))
    assert first == "We meet on Monday."
    assert second.startswith("Notes")
    assert f"{_TYPED} at last".endswith(second.removeprefix("Notes"))
    assert second.endswith(" at last")

    await history.get_by_role("button", name="Undo").click()
    await bob.until_text("We meet on Friday!")
    (first, second) = paragraphs(await until_equal(ada, bob))
    assert first == "We meet on Friday!"
    assert sorted(second) == sorted(f"Notes{_TYPED} at last")


async def test_any_two_versions_are_compared_by_keyboard(demo: Demo, open_paper: Open) -> None:
    """From the timeline alone; it says who wrote, and marks what is shown."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    await ada.type("Ada wrote this.")
    await bob.until_text("Ada wrote this.")
    await ada.until_state("saved")
    await bob.to_end()
    await bob.type(" Bob, too.")
    await bob.until_state("saved")
    history = await open_history(bob)
    items = history.locator(".history__item")
    await expect(items).to_have_count(2)
    await expect(items.first).to_contain_text("Bob")
    await expect(items.last).to_contain_text("Ada")
    await expect(items.first.get_by_role("link")).to_have_attribute("aria-current", "true")
    await items.last.get_by_role("link").focus()
    await history.keyboard.press("Tab")
    await expect(items.last.get_by_role("button", name="Compare")).to_be_focused()
    await history.keyboard.press("Enter")
    await expect(history.locator(".version__text ins")).to_have_text(" Bob, too.")
    await expect(history.locator(".version__text")).to_have_text("Ada wrote this. Bob, too.")
    await items.last.get_by_role("link").focus()
    await history.keyboard.press("Enter")
    await expect(items.last.get_by_role("link")).to_have_attribute("aria-current", "true")
    await expect(items.last.get_by_role("link")).to_be_focused()
    await expect(history.locator(".version__text")).to_have_text("Ada wrote this.")


@pytest.mark.parametrize("width", [390, 1280])
async def test_history_fits_the_screen(demo: Demo, open_paper: Open, width: int) -> None:
    """Also where a name, a word and a line of code are long."""
    document = demo.new_document()
    ada = await open_paper("Ada", document, viewport={"width": width, "height": 800})
    await ada.to_end()
    await ada.type("W" * 200)
    await ada.until_state("saved")
    history = await open_history(ada)
    await history.get_by_label("Name the document as it is now").fill("N" * 200)
    await history.get_by_role("button", name="Name", exact=True).click()
    await expect(history.get_by_role("heading", name="N" * 200)).to_be_visible()
    assert await history.evaluate(_OVERFLOW) <= 0
    await history.locator("summary", has_text="Rename").click()
    await expect(history.get_by_role("button", name="Remove the name")).to_be_visible()
    assert await history.evaluate(_OVERFLOW) <= 0

"""Plain text in the browser: two people write Markdown and code in one document at once."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_TEXT = "document.querySelector('collab-editor').view.state.doc.toString()"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The lowest contrast (WCAG 2.2) of the letters on the page's ground.
_CONTRAST = """() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = (colour) => {
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const letters = [...document.querySelectorAll('.cm-line, .cm-line span, .cm-gutterElement')]
    .filter((each) => !each.closest('.collaboration-carets__caret'));
  return Math.min(...letters.map((each) => {
    const [dark, light] = [ground, luminance(getComputedStyle(each).color)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }));
}"""
_CODE = """# A comment
import os

def double(name: str, most: int = 42) -> str:
    return "twice " + name * 2
"""


async def until_whole(paper: Paper, text: str) -> None:
    """Wait until the editor holds exactly this text."""
    await paper.page.wait_for_function(f"(text) => {_TEXT} === text", arg=text)


async def test_two_people_write_one_text(demo: Demo, open_paper: Open) -> None:
    """Both see both, carets and selections too, and undo takes back one's own only."""
    document = demo.new_text()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.editor.click()
    await ada.type("# Plan")
    await ada.press("Enter")
    await until_whole(bob, "# Plan\n")
    await expect(bob.editor.locator(".tok-heading").last).to_contain_text("Plan")
    await bob.to_end()
    await bob.type("by Bob")
    await until_whole(ada, "# Plan\nby Bob")
    await expect(ada.carets).to_have_text("Bob Kahn")
    await ada.press("Control+Home")
    await ada.type("Ada: ")
    await until_whole(bob, "Ada: # Plan\nby Bob")
    await ada.press("Shift+Home")
    await bob.until_selected_by("Ada Lovelace", "Ada:")
    await bob.press("Control+z")
    await until_whole(ada, "Ada: # Plan\n")
    await bob.press("Control+y")
    await until_whole(ada, "Ada: # Plan\nby Bob")
    for paper in (ada, bob):
        await paper.until_state("saved")

    await ada.title.fill("plan.py")
    await ada.press("Enter")
    await ada.press("Control+a")
    await ada.replace_selection(_CODE)
    await until_whole(bob, _CODE)
    await expect(bob.editor.locator(".tok-keyword").first).to_have_text("import")
    await expect(bob.page.locator(".cm-lineNumbers")).to_be_visible()
    await expect(bob.page.locator("collab-words")).to_have_text("15 words · 95 characters")

    await bob.until_state("saved")
    # The same local copy as a rich document's, which is tested offline.
    assert await bob.copies(document)


async def test_tab_indents_and_escape_lets_go(demo: Demo, open_paper: Open) -> None:
    """Tab stays in the text until Escape was pressed, and the text says so to who listens."""
    ada = await open_paper("Ada", demo.new_text())
    await ada.editor.focus()
    await ada.type("line")
    await ada.press("Tab")
    await until_whole(ada, "  line")
    await expect(ada.editor).to_have_accessible_description(
        "Tab indents. To leave the text, press Escape and then Tab."
    )
    await ada.press("Escape", "Tab")
    await expect(ada.page.get_by_role("button", name="Find", exact=True)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_reader_reads_code_on_a_phone(demo: Demo, open_paper: Open, scheme: str) -> None:
    """Carla follows and cannot type; nothing stands out to the side; all letters have contrast."""
    document = demo.new_text()
    phone = {"viewport": {"width": 390, "height": 800}, "color_scheme": scheme}
    ada, carla = await open_paper("Ada", document), await open_paper("Carla", document, **phone)
    await ada.title.fill("code.py")
    await ada.press("Enter")
    await ada.replace_selection(_CODE + "# " + "word " * 30 + "x" * 90)
    await carla.until_text("word word")
    await carla.until_state("readonly")
    await expect(carla.editor).to_have_attribute("contenteditable", "false")
    await expect(carla.editor.locator(".tok-keyword").first).to_be_visible()
    assert await carla.page.evaluate(_OVERFLOW) == 0
    assert await carla.page.evaluate(_CONTRAST) >= 4.5
    await carla.page.get_by_role("button", name="Find", exact=True).click()
    await carla.type("word")
    await expect(carla.page.locator("#find-count")).to_have_text("1 of 30")
    await expect(carla.page.get_by_role("button", name="Replace all")).to_be_hidden()
    assert await carla.page.evaluate(_OVERFLOW) == 0

"""No page has a fault that axe-core calls serious, in light and in dark, wide and on a phone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.demo import Demo
from tests.support import needs

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help,
    nodes: nodes.map((node) => `${node.target}: ${node.failureSummary}`),
  }));
}"""


async def faults(page: Page) -> list[Any]:
    """Return what axe-core calls serious or critical on a page as it stands."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(needs.axe())
    found = await page.evaluate(_RUN)
    return [each for each in found if each["impact"] in ("serious", "critical")]


async def check(page: Page, what: str) -> None:
    found = await faults(page)
    assert not found, f"{what}: {json.dumps(found, indent=1)}"


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
async def test_no_page_has_a_serious_fault(demo: Demo, scheme: str, size: dict[str, int]) -> None:
    """Each page is checked as it is loaded, and with what opens on it open."""
    context = await demo.context("Ada", color_scheme=scheme, viewport=size)
    page = await context.new_page()
    document = demo.url(demo.welcome)
    for path in ("/", "/?view=owned", "/?view=shared", "/?view=trash", "/api/docs", "/nowhere"):
        await page.goto(demo.site.url + path)
        await check(page, path)
    await page.goto(demo.site.url)
    await page.locator(".documents__menu summary").first.click()
    await check(page, "a row's menu")
    await page.get_by_role("link", name="Rename…").first.click()
    await page.locator("#rename-title").wait_for()
    await check(page, "the question for a title")
    for path in ("read/", "share/", "versions/"):
        await page.goto(document + path)
        await check(page, path)
    await page.goto(document)
    await page.locator("collab-editor[data-ready]").wait_for()
    await check(page, "the editor")
    await page.get_by_role("link", name="Share").click()
    await page.get_by_role("combobox").first.wait_for()
    await check(page, "the share dialog")
    await page.keyboard.press("Escape")
    await page.get_by_role("textbox", name="Document").click()
    await page.keyboard.press("Control+f")
    await page.get_by_role("textbox", name="Find", exact=True).wait_for()
    await check(page, "find and replace")
    await page.keyboard.press("Escape")
    await page.get_by_role("textbox", name="Document").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await page.keyboard.type("/")
    await page.get_by_role("listbox").wait_for()
    await check(page, "the slash menu")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+/")
    await page.get_by_role("menu", name="Block").wait_for()
    await check(page, "a block's menu")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+Shift+Home")
    await page.get_by_role("toolbar", name="Selection").wait_for()
    await check(page, "the tools of a selection")
    await context.close()
    guest = await demo.browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page = await guest.new_page()
    for path in ("/login/", "/enter/MQ/nothing/", "/s/nothing"):
        await page.goto(demo.site.url + path)
        await check(page, path)
    await guest.close()

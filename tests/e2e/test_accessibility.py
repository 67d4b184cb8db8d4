"""No page has a fault that axe-core calls serious, in light and in dark, wide and on a phone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.e2e.board import Boards
from tests.e2e.demo import Demo
from tests.e2e.test_images import png
from tests.support import needs

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LOOKS = pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
# What a menu asks in a dialog is a page for who runs no script.
_QUESTIONS = ("rename/", "delete/", "leave/")
_TOO_MANY_FIELDS = f"/?{'a&' * 1001}"
_POST_WITHOUT_TOKEN = """() => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/documents/';
  document.body.append(form);
  form.submit();
}"""
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help,
    nodes: nodes.map((node) => `${node.target}: ${node.failureSummary}`),
  }));
}"""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _leaving_no_page_open(demo: Demo) -> AsyncIterator[None]:
    """Close what a failing test leaves: other tests look at who is where."""
    before = list(demo.browser.contexts)
    yield
    for context in demo.browser.contexts:
        if context not in before:
            await context.close()


async def faults(page: Page) -> list[Any]:
    """Return what axe-core calls serious or critical on a page as it stands."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(needs.axe())
    found = await page.evaluate(_RUN)
    return [each for each in found if each["impact"] in ("serious", "critical")]


async def check(page: Page, what: str) -> None:
    found = await faults(page)
    assert not found, f"{what}: {json.dumps(found, indent=1)}"


@LOOKS
async def test_no_page_has_a_serious_fault(demo: Demo, scheme: str, size: dict[str, int]) -> None:
    """Each page is checked as it is loaded, and with what opens on it open."""
    context = await demo.context("Ada", color_scheme=scheme, viewport=size)
    page = await context.new_page()
    document = demo.url(demo.welcome)
    for path in ("/", "/?view=owned", "/?view=shared", "/?view=trash", "/api/docs", "/nowhere"):
        await page.goto(demo.site.url + path)
        await check(page, path)
    await page.goto(demo.site.url)
    await page.locator(".shelf__menu summary").first.click()
    await check(page, "a row's menu")
    await page.get_by_role("link", name="Rename…").first.click()
    await page.locator("#rename-title").wait_for()
    await check(page, "the question for a title")
    for path in ("read/", "share/", "versions/", *_QUESTIONS):
        await page.goto(document + path)
        await check(page, path)
    await _check_dashboards(demo, page)
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
    await page.goto(document)
    await page.locator("collab-editor[data-ready]").wait_for()
    # On its first word: the line is wider than its words.
    heading = page.locator(".ProseMirror").get_by_text("Write together")
    await heading.dblclick(position={"x": 12, "y": 12})
    await page.get_by_role("toolbar", name="Selection").wait_for()
    await check(page, "the tools of a selection")
    await context.close()
    guest = await demo.browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page = await guest.new_page()
    for path in ("/login/", "/enter/MQ/nothing/", "/s/nothing"):
        await page.goto(demo.site.url + path)
        await check(page, path)
    await guest.close()


async def _check_dashboards(demo: Demo, page: Page) -> None:
    """Check the lists of dashboards, and what is under the address of the demo's."""
    for path in ("/dashboards/?view=owned", "/dashboards/?view=shared"):
        await page.goto(demo.site.url + path)
        await check(page, path)
    # Nothing is there: what to do first is shown.
    await page.goto(f"{demo.site.url}/dashboards/?view=trash")
    await check(page, "an empty list of dashboards")
    await page.goto(f"{demo.site.url}/dashboards/?view=owned")
    dashboard = await page.locator(".shelf__link").first.get_attribute("href")
    for path in ("share/", "versions/?seq=1", "versions/?seq=1&against=0", *_QUESTIONS):
        await page.goto(f"{demo.site.url}{dashboard}{path}")
        await check(page, f"a dashboard's {path}")


@LOOKS
async def test_no_panel_of_an_editor_has_a_serious_fault(
    demo: Demo, scheme: str, size: dict[str, int]
) -> None:
    """The dialog for a link, what stands beside an image, a comparison of versions, plain text."""
    context = await demo.context("Ada", color_scheme=scheme, viewport=size)
    page = await context.new_page()
    document = demo.url(demo.new_document())
    await page.goto(document)
    await page.get_by_role("textbox", name="Document").click()
    await page.keyboard.type("words")
    await page.keyboard.press("Control+k")
    await page.get_by_label("Address").fill("javascript:alert(1)")
    await page.keyboard.press("Enter")
    await page.get_by_text("Enter a web address").wait_for()
    await check(page, "the dialog for a link")
    await page.keyboard.press("Escape")
    picture = {"name": "box.png", "mimeType": "image/png", "buffer": png(30)}
    await page.locator("collab-images input").set_input_files([picture])  # type: ignore[list-item]
    await page.locator(".ProseMirror img[src]").click()
    await page.get_by_role("textbox", name="Description").wait_for()
    await check(page, "beside an image")
    await page.locator("[data-state=saved]").wait_for()
    await page.goto(document + "versions/")
    await page.get_by_role("link", name="What changed in that time").click()
    await page.locator("#version ins").first.wait_for()
    await check(page, "a comparison of versions")
    await page.goto(demo.url(demo.new_text()))
    await page.get_by_role("textbox", name="Document").click()
    await page.keyboard.type("# Plan **now**")
    await page.locator(".tok-heading").first.wait_for()
    await check(page, "a plain text")
    await context.close()


@LOOKS
async def test_no_refusal_has_a_serious_fault(
    demo: Demo, scheme: str, size: dict[str, int]
) -> None:
    """An editor that was shut, a page for others, a form of nowhere, a request that is none."""
    context = await demo.browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    grants = f"{demo.site.url}/api/documents/{demo.new_document()}/grants"
    key = {"Authorization": f"Bearer {demo.key}"}
    made = await context.request.post(grants, headers=key, data={"role": "editor", "link": True})
    link = await made.json()
    page = await context.new_page()
    await page.goto(link["url"])
    await page.locator("[data-state=saved]").wait_for()
    await context.request.delete(f"{grants}/{link['id']}", headers=key)
    await page.locator("[data-state=failed]").wait_for()
    await page.get_by_role("button", name="All documents").wait_for()
    await check(page, "an editor that was shut")
    await context.close()
    context = await demo.context("Carla", color_scheme=scheme, viewport=size)
    page = await context.new_page()
    for path, status in ((f"/documents/{demo.documents[0]}/share/", 403), (_TOO_MANY_FIELDS, 400)):
        answer = await page.goto(demo.site.url + path)
        assert answer is not None
        assert answer.status == status
        await check(page, f"the page of a {status}")
    await page.evaluate(_POST_WITHOUT_TOKEN)
    await page.get_by_role("heading", name="Please try again").wait_for()
    await check(page, "the answer to a form of nowhere")
    await context.close()


@LOOKS
async def test_no_dashboard_has_a_serious_fault(
    boards: Boards, scheme: str, size: dict[str, int]
) -> None:
    """Panels of every kind, what opens above them, editing, and the sheets at the side."""
    for n, host in enumerate(("web1", "web2", "db1")):
        numbers = ((60 * m, 20.0 + 30 * n) for m in range(40))
        boards.record("axe_load", *numbers, host=host)
    query = {"metric": "axe_load", "legend": "{{host}}", "function": "last"}
    thresholds = [[0, "good"], [40, "warn"], [70, "bad"]]
    kinds = ("timeseries", "stat", "gauge", "bars", "table", "status", "text")
    panels = {
        f"axe{n:07}": {
            "kind": kind, "title": f"A {kind}", "x": n % 3 * 4, "y": n // 3, "w": 4, "h": 4,
            "text": "# Notes\n\n[a link](https://example.org) and `code`",
            "thresholds": thresholds, "queries": {} if kind == "text" else {"a": query},
        }
        for n, kind in enumerate(kinds)
    }  # fmt: skip
    variable = {
        "name": "host", "kind": "label", "label": "host", "metric": "axe_load", "multi": True,
    }  # fmt: skip
    board = await boards.open(
        "Ada", boards.new(panels, variables=[variable]), color_scheme=scheme, viewport=size
    )
    page = board.page
    await board.until_drawn("axe0000000")
    await check(page, "a dashboard")
    await page.locator(".range summary").click()
    await check(page, "its times")
    await page.keyboard.press("Escape")
    await page.locator(".variables summary").click()
    await check(page, "its variables")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await check(page, "its shortcuts")
    await page.keyboard.press("Escape")
    await board.edit()
    await page.get_by_text("Add panel").click()
    await check(page, "a dashboard that is edited")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Variables and range").click()
    await check(page, "variables that are edited")
    await page.keyboard.press("Escape")
    await board.act("axe0000000", "Edit")
    await page.get_by_role("button", name="Add threshold").click()
    await page.get_by_role("combobox", name="Metric", exact=True).click()
    await check(page, "a panel that is edited")
    await board.context.close()

"""The page itself: who may do what, what stays in the browser, small screens, dark, keyboard."""

from __future__ import annotations

import uuid

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_COPIES = "async () => (await indexedDB.databases()).map(({ name }) => name)"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Relative luminance (WCAG 2.2) of the page's ground; the canvas knows every colour space.
_LUMINANCE = """() => {
  const paint = document.createElement('canvas').getContext('2d');
  for (const element of [document.documentElement, document.body]) {
    paint.fillStyle = getComputedStyle(element).backgroundColor;
    paint.fillRect(0, 0, 1, 1);
  }
  const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


async def test_a_reader_sees_edits_and_cannot_type(demo: Demo, open_paper: Open) -> None:
    """Carla's page says Read only, follows Ada's typing, and takes none of her own."""
    document = demo.new_document()
    ada, carla = await open_paper("Ada", document), await open_paper("Carla", document)
    await ada.to_end()
    await ada.type("for all to read")
    await carla.until_text("for all to read")
    await carla.until_state("readonly")
    assert await carla.state() == "Read only"
    await expect(carla.editor).to_have_attribute("contenteditable", "false")
    await expect(carla.title).not_to_be_editable()
    await expect(carla.page.get_by_role("toolbar")).to_be_hidden()
    await carla.editor.click()
    await carla.type("Carla was here")
    await ada.until_state("saved")
    assert "Carla was here" not in await carla.editor.inner_text()
    assert "Carla was here" not in await ada.editor.inner_text()
    assert not [name for name in await carla.page.evaluate(_COPIES) if document in name]


async def test_logging_out_leaves_nothing_in_the_browser(demo: Demo, open_paper: Open) -> None:
    """The local copy is there while Emil writes, and gone once she has logged out."""
    document = demo.new_document()
    emil = await open_paper("Emil", document)
    await emil.to_end()
    await emil.type("on a borrowed computer")
    await emil.until_state("saved")
    assert [name for name in await emil.page.evaluate(_COPIES) if document in name]
    await emil.page.get_by_label("Account: Emil").click()
    await emil.page.get_by_role("button", name="Log out").click()
    await expect(emil.page).to_have_url(f"{demo.site.url}/login/")
    assert await emil.page.evaluate(_COPIES) == []
    answer = await emil.page.goto(emil.url)
    assert answer is not None
    assert answer.url == f"{demo.site.url}/login/?next=/documents/{document}/"


async def test_sockets_open_however_late_their_script_comes(demo: Demo) -> None:
    """Who is here is live also where htmx had looked at the page before its extension came."""
    context = await demo.context("Ada")
    page = await context.new_page()

    async def late(route: Route) -> None:
        await page.wait_for_function("() => 'htmx' in window")
        await page.evaluate("new Promise((done) => setTimeout(done))")
        await route.continue_()

    await page.route("**/hx-ws-4*", late)
    async with page.expect_websocket(lambda socket: socket.url.endswith("/people")):
        await page.goto(demo.url(demo.welcome))
    await context.close()


@pytest.mark.parametrize("name", ["Ada", "Carla"])
async def test_an_unknown_document_is_a_page_that_says_so(demo: Demo, name: str) -> None:
    """A document that is not there, or not shared, answers 404 with a way back."""
    context = await demo.context(name)
    page = await context.new_page()
    answer = await page.goto(demo.url(str(uuid.uuid4())))
    assert answer is not None
    assert answer.status == 404
    await page.get_by_role("heading", name="Page not found").wait_for()
    await page.get_by_role("link", name="All documents").click()
    await page.get_by_role("heading", name="Documents").wait_for()
    await context.close()


async def test_a_link_works_once_and_then_says_so(demo: Demo, chromium: Browser) -> None:
    """The link that `collab up` printed is spent by the first login."""
    await demo.login("Ada")
    context = await chromium.new_context()
    page = await context.new_page()
    answer = await page.goto(demo.site.login_links()["Ada"])
    assert answer is not None
    assert answer.status == 403
    await page.get_by_role("heading", name="This link has expired").wait_for()
    await context.close()


async def test_a_document_is_made_from_the_list(demo: Demo) -> None:
    """A title and a press of the button lead to the new document's editor, saved."""
    context = await demo.context("Ada")
    page = await context.new_page()
    await page.goto(demo.site.url)
    await page.get_by_role("textbox", name="Title").fill("Made in the browser")
    await page.get_by_role("button", name="New document").click()
    await expect(page.get_by_role("textbox", name="Title")).to_have_value("Made in the browser")
    await expect(page.locator("#state")).to_have_text("Saved")
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_small_screen_shows_everything(demo: Demo, open_paper: Open, scheme: str) -> None:
    """At 390 px nothing stands out to the side, in the list and in a document with a table."""
    document = demo.new_document()
    ada = await open_paper(
        "Ada", document, viewport={"width": 390, "height": 800}, color_scheme=scheme
    )
    await ada.to_end()
    await ada.command("Insert table")
    await ada.type("a cell")
    await ada.until_state("saved")
    assert await ada.page.evaluate(_OVERFLOW) == 0
    await expect(ada.page.locator("#state")).to_be_visible()
    await check_scheme(ada.page, scheme)
    await ada.page.goto(demo.site.url)
    assert await ada.page.evaluate(_OVERFLOW) == 0
    await check_scheme(ada.page, scheme)


async def check_scheme(page: Page, scheme: str) -> None:
    """The page's ground is dark where a dark one is asked for."""
    luminance = await page.evaluate(_LUMINANCE)
    assert (luminance < 0.1) if scheme == "dark" else (luminance > 0.7)


async def test_the_keyboard_alone_reaches_title_tools_and_text(
    demo: Demo, open_paper: Open
) -> None:
    """Tab goes through bar, tools, title and text in the order they are seen."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    seen = []
    for _ in range(12):
        await ada.press("Tab")
        seen.append(await ada.page.evaluate(
            "() => { const at = document.activeElement;"
            " return at.getAttribute('aria-label') || at.textContent.trim(); }"
        ))  # fmt: skip
        if seen[-1] == "Document":
            break
    assert seen[0] == "Skip to content"
    wanted = ["Undo", "Title", "Document"]
    assert [name for name in seen if name in wanted] == wanted
    await ada.type("by keyboard")
    await ada.until_text("by keyboard")
    await ada.press("Control+a")
    await ada.press("Control+b")
    await ada.until_state("saved")
    await expect(ada.editor.locator("strong")).to_have_text("by keyboard")


async def test_the_tools_are_one_stop_with_arrows_inside(demo: Demo, open_paper: Open) -> None:
    """The toolbar takes one press of Tab; arrow keys move in it, Enter presses a button."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    await ada.to_end()
    await ada.page.get_by_role("button", name="Undo", exact=True).focus()
    focused = ada.page.locator("button:focus")
    for name in ("Redo", "Text", "Heading 1"):
        await ada.press("ArrowRight")
        await expect(focused).to_have_attribute("aria-label", name)
    await ada.press("Enter")
    await ada.to_end()
    await ada.type("A heading")
    await expect(ada.editor.locator("h1")).to_have_text("A heading")

"""A person's open document in a real browser, and everything it complained of."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

# What a browser writes on its console when a server is away: true, and no fault of the page.
_AWAY = re.compile(r"net::ERR_|WebSocket is closed|WebSocket handshake|htmx:ws:error")
_REPORT_CSP = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
_IN_BLOCK = """(text) => document.querySelector('collab-editor').editor
  .state.selection.$head.parent.textContent === text"""
_AT_END = """(text) => {
  const { $head } = document.querySelector('collab-editor').editor.state.selection;
  return $head.parent.textContent === text && $head.parentOffset === text.length; }"""
_HOLD = """() => {
  const { ws } = document.querySelector('collab-editor').provider;
  const take = ws.onmessage;
  const held = [];
  const isUpdate = ({ data }) => new Uint8Array(data).subarray(0, 2).join() === '0,2';
  ws.onmessage = (event) => isUpdate(event) ? held.push(event) : take(event);
  window.held = { ws, take, held };
}"""
_TAKE_AT = """(cell) => {
  document.querySelector('.ProseMirror').focus();
  getSelection().setPosition(cell.firstElementChild, 0);
  const { ws, take, held } = window.held;
  ws.onmessage = take;
  held.forEach(take);
}"""
_COLOUR = "(element) => getComputedStyle(element).getPropertyValue('--person')"
_CLEAR = "rgba(0, 0, 0, 0)"
_COPIES = "async () => (await indexedDB.databases()).map(({ name }) => name)"
_JSON = "JSON.stringify(document.querySelector('collab-editor').editor.getJSON())"


class Paper:
    """One document in one tab.

    Args:
        context: The person's browser context.
        url: The document's page.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.problems: list[str] = []
        self.page: Page

    async def open(self) -> None:
        """Open the page in a tab of its own, and wait until it can be read."""
        self.page = await self.context.new_page()
        await self.page.add_init_script(_REPORT_CSP)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}"))
        await self.page.goto(self.url)
        await self.until_ready()

    async def until_ready(self) -> None:
        await expect(self.page.locator("collab-editor[data-ready]")).to_be_attached()

    def _on_console(self, line: Any) -> None:
        if line.type in ("error", "warning") and not _AWAY.search(line.text):
            self.problems.append(f"{line.type}: {line.text} ({line.location.get('url')})")

    @property
    def editor(self) -> Locator:
        return self.page.get_by_role("textbox", name="Document")

    @property
    def title(self) -> Locator:
        return self.page.get_by_role("textbox", name="Title")

    @property
    def carets(self) -> Locator:
        """Names at other people's cursors."""
        return self.page.locator(".collaboration-carets__label")

    @property
    def selections(self) -> Locator:
        """What other people have selected."""
        return self.page.locator(".collaboration-carets__selection")

    async def hold_updates(self) -> None:
        """Let what others write wait in the page."""
        await self.page.evaluate(_HOLD)

    async def take_updates_at(self, selector: str) -> None:
        """Put the caret into a block's paragraph, and in the same task take what waits."""
        await self.page.wait_for_function("() => window.held.held.length > 0")
        await self.page.locator(selector).evaluate(_TAKE_AT)

    async def until_selected_by(self, name: str, text: str) -> None:
        """Wait until just this text is marked, in the colour of this person's avatar and caret."""
        await expect(self.selections).to_have_text(text)
        await expect(self.selections).not_to_have_css("background-color", _CLEAR)
        avatar = self.page.get_by_title(f"cursor of {name}")
        for shown in (self.selections, self.carets.filter(has_text=name)):
            assert await shown.evaluate(_COLOUR) == await avatar.evaluate(_COLOUR) != ""

    @property
    def people(self) -> Locator:
        """Who is here, one item each."""
        return self.page.locator("#people > li")

    async def type(self, text: str) -> None:
        """Type where the caret is, key by key."""
        await self.page.keyboard.type(text)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def write_item(self, text: str) -> None:
        """Begin another item of the list, and write it."""
        await self.press("Enter")
        await self.type(text)

    async def command(self, name: str) -> None:
        """Press a button of the toolbar, by what a screen reader calls it."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def open_share(self) -> None:
        """Open the share dialog, and wait until HTMX has done with what it loaded."""
        await self.page.get_by_role("link", name="Share", exact=True).click()
        await self.page.get_by_role("heading", name="People").wait_for()
        await expect(self.page.locator("#share")).not_to_contain_class("htmx-added")

    async def to_end(self) -> None:
        """Put the caret behind the last letter of the document."""
        await self.editor.focus()
        await self.press("Control+End")

    async def to_end_of(self, text: str) -> None:
        """Put the caret behind a block's text, and wait until the editor knows.

        ProseMirror sets its own selection again a moment after it got the focus, which a robot's
        click and keys can overtake: the focus comes first, and alone.
        """
        await self.to_end()
        await self.editor.get_by_text(text, exact=True).click()
        await self.page.wait_for_function(_IN_BLOCK, arg=text)
        await self.press("End")
        await self.page.wait_for_function(_AT_END, arg=text)

    async def to_end_past_carets(self, text: str) -> None:
        """Put the caret behind the only block's text, beside which others' carets may be shown."""
        await self.editor.focus()
        await self.press("Control+Home")
        for _ in text:
            await self.press("ArrowRight")
        await self.page.wait_for_function(_AT_END, arg=text)

    async def until_state(self, name: str, timeout_s: float = 15) -> None:
        """Wait for what the state line says: saved, saving, offline, readonly, failed."""
        line = self.page.locator("#state")
        await expect(line).to_have_attribute("data-state", name, timeout=1000 * timeout_s)

    async def state(self) -> str:
        return await self.page.locator("#state").inner_text()

    async def copies(self, document: str) -> list[str]:
        """Return the names of the document's copies in this browser."""
        return [name for name in await self.page.evaluate(_COPIES) if document in name]

    async def json(self) -> str:
        """Return the editor's document as ProseMirror has it."""
        return str(await self.page.evaluate(_JSON))

    async def until_changed(self, from_json: str) -> None:
        """Wait until the editor's document is another."""
        await self.page.wait_for_function(f"(seen) => {_JSON} !== seen", arg=from_json)

    async def until_text(self, text: str) -> None:
        await expect(self.editor).to_contain_text(text)

    async def replace_selection(self, text: str) -> None:
        """Insert a text at once, as an input method or a paste does."""
        await self.page.keyboard.insert_text(text)


async def until_equal(first: Paper, second: Paper, timeout_s: float = 15) -> str:
    """Wait until both are saved and have the same document. Returns it as JSON."""
    for paper in (first, second):
        await paper.until_state("saved")
    async with asyncio.timeout(timeout_s):
        while (one := await first.json()) != (two := await second.json()):
            changes = [
                asyncio.ensure_future(paper.until_changed(seen))
                for paper, seen in ((first, one), (second, two))
            ]
            await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
            for change in changes:
                change.cancel()
            await asyncio.gather(*changes, return_exceptions=True)
    return one

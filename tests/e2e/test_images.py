"""Images come into a document by chooser, paste and drop, and the other person sees them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re

import pytest
from PIL import Image
from playwright.async_api import Locator, Route, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper, until_equal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# A real DataTransfer, handed over by an event as the browser makes it.
_GIVE = """([kind, data, name, html]) => {
  const transfer = new DataTransfer();
  if (html) transfer.setData('text/html', html);
  if (data) {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: 'image/png' }));
  }
  const text = document.querySelector('.ProseMirror');
  const last = text.lastElementChild.getBoundingClientRect();
  const at = { clientX: last.left + 20, clientY: last.bottom - 5 };
  const options = { bubbles: true, cancelable: true };
  text.dispatchEvent(kind === 'paste'
    ? new ClipboardEvent('paste', { ...options, clipboardData: transfer })
    : new DragEvent('drop', { ...options, ...at, dataTransfer: transfer }));
}"""
_SIZES = """() => [...document.querySelectorAll('.ProseMirror img[src]')]
  .map((image) => image.complete && image.naturalWidth)"""


def png(width: int) -> bytes:
    """Make a picture that is known again by its width."""
    made = io.BytesIO()
    Image.new("RGB", (width, 40), (90, 140, 200)).save(made, "PNG")
    return made.getvalue()


async def give(paper: Paper, kind: str, data: bytes = b"", name: str = "", html: str = "") -> None:
    """Paste, or drop onto the last block."""
    await paper.page.evaluate(_GIVE, [kind, base64.b64encode(data).decode(), name, html])


async def choose(paper: Paper, name: str, data: bytes) -> None:
    """Press the image button and choose a file."""
    async with paper.page.expect_file_chooser() as chosen:
        await paper.command("Insert image")
    await (await chosen.value).set_files([{"name": name, "mimeType": "image/png", "buffer": data}])


async def until_widths(paper: Paper, *widths: int) -> None:
    """Wait until just these pictures are loaded, in this order."""
    await paper.page.wait_for_function(
        f"(wanted) => JSON.stringify(({_SIZES})()) === wanted",
        arg=json.dumps(widths, separators=(",", ":")),
    )


async def statuses_of(image: str, demo: Demo) -> dict[str, int]:
    """Ask for a picture as some people and as nobody. Returns who got which status."""
    contexts = {name: await demo.context(name) for name in ("Ada", "Bob")}
    contexts["nobody"] = await demo.browser.new_context()
    found = {}
    for name, context in contexts.items():
        found[name] = (await context.request.get(image, max_redirects=0)).status
        await context.close()
    return found


def waiting(paper: Paper) -> Locator:
    return paper.page.locator(".waiting")


async def test_images_of_one_are_seen_by_the_other(demo: Demo, open_paper: Open) -> None:
    """Chosen, pasted and dropped; described, deleted by key and brought back by undo."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    await ada.type("words")
    await choose(ada, "chosen.png", png(31))
    await until_widths(bob, 31)
    await ada.to_end()
    await give(ada, "paste", png(32), "pasted.png")
    await until_widths(bob, 31, 32)
    await ada.to_end()
    await ada.type("end")
    await give(ada, "drop", png(33), "dropped.png")
    for paper in (ada, bob):
        await until_widths(paper, 31, 32, 33)
    await ada.editor.locator("img[src]").nth(1).click()
    field = ada.page.get_by_role("textbox", name="Description")
    await expect(field).to_be_visible()
    await ada.press("Alt+F10")
    await expect(field).to_be_focused()
    await ada.type("A blue box")
    await ada.press("Enter")
    await expect(bob.page.get_by_role("img", name="A blue box")).to_be_visible()
    await expect(ada.editor).to_be_focused()
    await ada.press("Delete")
    await until_widths(bob, 31, 33)
    await expect(field).to_be_hidden()
    await ada.press("Control+z")
    await until_widths(bob, 31, 32, 33)
    body = json.loads(await until_equal(ada, bob))
    found = [node["attrs"] for node in body["content"] if node["type"] == "image"]
    assert all(re.fullmatch(r"files/[\w-]{1,64}", attrs["src"]) for attrs in found)
    assert [(attrs["width"], attrs["height"]) for attrs in found] == [(31, 40), (32, 40), (33, 40)]


async def test_an_upload_waits_fails_and_is_cancelled_on_its_own_page(
    demo: Demo, open_paper: Open
) -> None:
    """Only its author sees it wait; it says why it failed, and ends up where it was put."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    go_on = asyncio.Event()
    statuses = [503, 0]

    async def meddle(route: Route) -> None:
        await go_on.wait()
        if status := statuses.pop(0):
            await route.fulfill(status=status)
        else:
            await route.continue_()

    await ada.page.route("**/files", meddle)
    await ada.to_end()
    await ada.type("first")
    await ada.press("Enter")
    await ada.type("last")
    await bob.until_text("last")
    await ada.press("ArrowUp", "End")
    await choose(ada, "box.png", png(34))
    await expect(waiting(ada)).to_contain_text("Uploading box.png")
    await bob.to_end()
    await bob.press("Control+Home")
    await bob.type("above")
    await bob.press("Enter")
    await ada.until_text("above")
    go_on.set()
    again = waiting(ada).get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    await expect(waiting(ada)).to_contain_text("The server could not take the image.")
    assert await waiting(bob).count() == 0
    await again.click()
    await until_widths(bob, 34)
    await expect(waiting(ada)).to_have_count(0)
    body = json.loads(await until_equal(ada, bob))
    assert [node["type"] for node in body["content"]] == [
        "paragraph", "paragraph", "image", "paragraph",
    ]  # fmt: skip

    go_on.clear()
    statuses.append(503)
    await choose(ada, "other.png", png(35))
    await waiting(ada).get_by_role("button", name="Cancel").click()
    await expect(waiting(ada)).to_have_count(0)
    await ada.page.unroute("**/files")
    go_on.set()
    await choose(ada, "false.png", b"no picture at all")
    await expect(again).to_be_visible()
    await waiting(ada).get_by_role("button", name="Remove").click()
    await until_widths(ada, 34)
    assert json.loads(await until_equal(ada, bob)) == body
    said = ["status of 503", "status of 415"]
    ada.problems[:] = [line for line in ada.problems if not any(one in line for one in said)]


async def test_images_are_copied_between_documents_and_taken_from_nowhere_else(
    demo: Demo, open_paper: Open
) -> None:
    """What is copied leads to its file; another document keeps a copy of its own.

    The pictures are for those who may read the document, and for nobody else.
    """
    document, other = demo.only_of_ada("With a picture"), demo.new_document()
    ada, there = await open_paper("Ada", document), await open_paper("Ada", other)
    await ada.to_end()
    await choose(ada, "box.png", png(36))
    await until_widths(ada, 36)
    await ada.editor.locator("img[src]").click()
    html = await ada.page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          const text = document.querySelector('.ProseMirror');
          text.dispatchEvent(new ClipboardEvent('copy', {
            bubbles: true, cancelable: true, clipboardData: transfer }));
          return transfer.getData('text/html');
        }"""
    )
    assert f"{demo.url(document)}files/" in html
    await there.to_end()
    await give(there, "paste", html=f'<p>with</p><img src="https://example.com/x.png">{html}')
    await until_widths(there, 36)
    await there.until_text("with")
    await there.until_state("saved")
    own = json.loads(await ada.json())["content"][0]["attrs"]["src"]
    nodes = json.loads(await there.json())["content"]
    sources = [node["attrs"]["src"] for node in nodes if node["type"] == "image"]
    assert len(sources) == 1
    assert sources[0] != own
    await ada.to_end()
    await give(ada, "paste", html=html)
    await until_widths(ada, 36, 36)
    image = f"{demo.url(document)}{own}"
    assert await statuses_of(image, demo) == {"Ada": 200, "Bob": 404, "nobody": 302}

"""Without a network, without a server, and with one that cannot save: what the page then says."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from collab.testing.proxy import Proxy
from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper, until_equal
from tests.support.locks import another_writer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The line that never may be there while the server is away.
_WATCH = """
window.said = [];
new MutationObserver(() => window.said.push(document.querySelector('#state').dataset.state))
  .observe(document.querySelector('#state'), { attributes: true, attributeFilter: ['data-state'] });
"""


async def server_text(demo: Demo, document: str) -> str:
    answer = await asyncio.to_thread(demo.site.content, demo.key, document, "text")
    return answer.text


async def test_edits_made_offline_merge_with_those_of_others(demo: Demo, open_paper: Open) -> None:
    """Ada writes without a network, Bob goes on; back on line both have everything.

    Her browser knows, so the page says it before it could have found out.
    """
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    await ada.type("Together. ")
    await bob.until_text("Together.")
    await ada.until_state("saved")
    await ada.context.set_offline(True)
    await ada.type("A")
    await ada.until_state("offline", timeout_s=5)
    await ada.type("da off line. ")
    await expect(ada.page.locator("#state")).to_have_text("Offline - kept in this browser")
    await bob.to_end()
    await bob.press("Enter")
    await bob.type("Bob on line.")
    await bob.until_state("saved")
    await ada.context.set_offline(False)
    await until_equal(ada, bob)
    for words in ("Together. Ada off line.", "Bob on line."):
        await ada.until_text(words)
        assert words in await server_text(demo, document)


async def test_a_network_that_goes_away_without_a_word_is_found(
    demo: Demo, opened: list[Paper]
) -> None:
    """The browser takes it for open; what is written meanwhile is kept, and saved afterwards."""
    document = demo.new_document()
    wire = Proxy(demo.site.port)
    wire.start()
    url = demo.url(document).replace(demo.site.url, f"http://127.0.0.1:{wire.port}")
    ada = Paper(await demo.context("Ada"), url)
    opened.append(ada)
    try:
        await ada.open()
        await ada.to_end()
        await ada.type("before, ")
        await ada.until_state("saved")
        wire.silence()
        await ada.type("in silence")
        await ada.until_state("saving")
        await ada.until_state("offline", timeout_s=30)
        wire.heal()
        await ada.until_state("saved", timeout_s=30)
        assert "before, in silence" in await server_text(demo, document)
        await ada.page.close()
    finally:
        wire.stop()


async def test_saved_is_said_only_after_the_commit(demo: Demo, open_paper: Open) -> None:
    """While the database is locked the line says Saving, though the other sees the edit."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.to_end()
    await ada.until_state("saved")
    with another_writer(demo.site):
        await ada.type("seen, not saved")
        await bob.until_text("seen, not saved")
        await ada.until_state("saving")
        await ada.page.evaluate(_WATCH)
        await bob.to_end()
        await bob.type(" yet")
        await ada.until_text("seen, not saved yet")
        with pytest.raises(AssertionError):
            await ada.until_state("saved", timeout_s=3)
        assert "saved" not in await ada.page.evaluate("window.said")
    await ada.until_state("saved")


async def test_the_line_tells_the_truth_about_a_killed_server(
    own_demo: Demo, opened: list[Paper]
) -> None:
    """Killed with -9 it says Offline and never Saved; restarted, Saved, and all is there."""
    document = own_demo.new_document()
    ada, bob = await own_demo.open("Ada", document), await own_demo.open("Bob", document)
    opened += [ada, bob]
    await ada.to_end()
    await ada.type("before ")
    await until_equal(ada, bob)
    own_demo.site.kill()
    await ada.until_state("offline")
    await ada.page.evaluate(_WATCH)
    await ada.type("Ada without a server ")
    assert "Offline" in await ada.state(), "whoever types without a pause sees the outage too"
    await bob.to_end()
    await bob.press("Enter")
    await bob.type("Bob without a server")
    await bob.until_state("offline")
    await ada.until_state("offline")
    assert "saved" not in await ada.page.evaluate("window.said")
    await asyncio.to_thread(own_demo.site.start)
    await until_equal(ada, bob)
    for words in ("before Ada without a server", "Bob without a server"):
        await ada.until_text(words)
        assert words in await server_text(own_demo, document)
    assert await ada.state() == "Saved"


async def test_what_was_written_without_a_server_survives_a_closed_tab(
    own_demo: Demo, opened: list[Paper]
) -> None:
    """The browser keeps it; the next visit brings it to the server."""
    document = own_demo.new_document()
    ada = await own_demo.open("Ada", document)
    opened.append(ada)
    await ada.to_end()
    await ada.type("before ")
    await ada.until_state("saved")
    own_demo.site.kill()
    await ada.type("only in this browser")
    await ada.until_state("offline")
    await ada.page.close()
    await asyncio.to_thread(own_demo.site.start)
    assert "only in this browser" not in await server_text(own_demo, document)
    await ada.open()
    await ada.until_text("before only in this browser")
    await ada.until_state("saved")
    assert "before only in this browser" in await server_text(own_demo, document)


async def test_a_reload_keeps_what_was_saved(demo: Demo, open_paper: Open) -> None:
    """After Saved a reload, and a browser that was never here, show the same."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    await ada.to_end()
    await ada.type("kept")
    await ada.until_state("saved")
    before = await ada.json()
    await ada.page.reload()
    await ada.until_ready()
    bob = await open_paper("Bob", document)
    assert await until_equal(ada, bob) == before


async def test_leaving_with_unsaved_edits_warns(demo: Demo, open_paper: Open) -> None:
    """The browser asks before a tab with unsaved edits closes, and does not ask otherwise."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    asked: list[str] = []

    async def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        await dialog.dismiss()  # type: ignore[attr-defined]

    ada.page.on("dialog", stay)
    await ada.to_end()
    with another_writer(demo.site):
        await ada.type("unsaved")
        await ada.until_state("saving")
        async with ada.page.expect_event("dialog"):
            await ada.page.close(run_before_unload=True)
    await ada.until_state("saved")
    async with ada.page.expect_event("close"):
        await ada.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


async def test_three_megabytes_written_off_line_are_uploaded(demo: Demo, open_paper: Open) -> None:
    """An edit larger than a frame goes up by POST, and only then the line says Saved."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    await ada.to_end()
    await ada.type("small. ")
    await ada.until_state("saved")
    await ada.context.set_offline(True)
    await ada.page.evaluate(
        "document.querySelector('collab-editor').editor.commands.insertContent("
        "Array.from({ length: 30 }, (_, n) => ({ type: 'paragraph', content: "
        "[{ type: 'text', text: `${n} `.padEnd(100_000, 'large ') }] })))"
    )
    await ada.until_state("offline", timeout_s=30)
    async with ada.page.expect_response(lambda answer: answer.url.endswith("/updates")) as posted:
        await ada.context.set_offline(False)
    assert (await posted.value).ok
    await ada.until_state("saved", timeout_s=30)
    assert len(await server_text(demo, document)) > 3_000_000
    bob = await open_paper("Bob", document)
    await expect(bob.editor.locator("p", has_text="29 large")).to_have_count(1)
    assert await until_equal(ada, bob) == await ada.json()

"""Two people in two browsers write one document at once."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper, until_equal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def pair(demo: Demo, open_paper: Open) -> tuple[str, Paper, Paper]:
    """Open a new document as Ada and as Bob."""
    document = demo.new_document()
    return document, await open_paper("Ada", document), await open_paper("Bob", document)


async def on_server(demo: Demo, document: str, format: str = "html") -> str:
    answer = await asyncio.to_thread(demo.site.content, demo.key, document, format)
    return answer.text


def texts(node: object) -> list[str]:
    """List the texts of a ProseMirror document in order."""
    if isinstance(node, dict):
        own = [node["text"]] if "text" in node else []
        return own + [text for child in node.get("content", []) for text in texts(child)]
    return []


async def test_two_who_type_in_one_paragraph_end_equal(demo: Demo, open_paper: Open) -> None:
    """Letters typed at once into one paragraph all arrive, in one order for both and the server."""
    document, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.type("middle")
    await bob.until_text("middle")
    await ada.press("Home")
    await bob.to_end()
    await asyncio.gather(ada.type("the beginning is Ada's "), bob.type(" and the end is Bob's"))
    body = await until_equal(ada, bob)
    assert texts(json.loads(body)) == ["the beginning is Ada's middle and the end is Bob's"]
    text = await on_server(demo, document, "text")
    assert "the beginning is Ada's middle and the end is Bob's" in text


async def test_two_who_type_at_one_spot_lose_no_letter(demo: Demo, open_paper: Open) -> None:
    """Typing at the very same place interleaves nothing away."""
    _, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await bob.to_end()
    await asyncio.gather(ada.type("a" * 30), bob.type("b" * 30))
    text = "".join(texts(json.loads(await until_equal(ada, bob))))
    assert (text.count("a"), text.count("b"), len(text)) == (30, 30, 60)


async def test_two_who_write_lists_end_equal(demo: Demo, open_paper: Open) -> None:
    """Items that both add to one list at once are all in it."""
    document, ada, bob = await pair(demo, open_paper)
    await two_items(ada, bob)
    for number in range(3):
        await asyncio.gather(
            ada.write_item(f"from Ada {number}"), bob.write_item(f"from Bob {number}")
        )
    body = json.loads(await until_equal(ada, bob))
    expected = ["first", *(f"from Ada {n}" for n in range(3)), "last"]
    assert texts(body) == [*expected, *(f"from Bob {n}" for n in range(3))]
    assert body["content"][0]["type"] == "bulletList"
    assert (await on_server(demo, document)).count("<li>") == 8


async def two_items(ada: Paper, bob: Paper) -> None:
    """Make a list of two items; Ada's caret is at the end of the first, Bob's of the last."""
    await ada.to_end()
    await ada.command("Bulleted list")
    await ada.type("first")
    await ada.write_item("last")
    await bob.until_text("last")
    await ada.to_end_of("first")
    await bob.to_end_of("last")


async def test_a_caret_in_an_empty_item_stays_while_another_writes(
    demo: Demo, open_paper: Open
) -> None:
    """Bob has begun an item; what Ada adds above does not move his caret out of it."""
    _, ada, bob = await pair(demo, open_paper)
    await two_items(ada, bob)
    await bob.press("Enter")
    await expect(ada.editor.get_by_role("listitem")).to_have_count(3)
    await ada.write_item("from Ada")
    await bob.until_text("from Ada")
    await bob.type("from Bob")
    body = json.loads(await until_equal(ada, bob))
    assert texts(body) == ["first", "from Ada", "last", "from Bob"]


async def test_two_who_begin_one_empty_paragraph_lose_no_letter(
    demo: Demo, open_paper: Open
) -> None:
    """Both type into an empty paragraph before either has seen the other's first letter."""
    _, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.type("above")
    await ada.press("Enter")
    await expect(bob.editor.locator("p")).to_have_count(2)
    await bob.to_end()
    for paper in (ada, bob):
        await paper.context.set_offline(True)
    for paper, word in ((ada, "first "), (bob, "second ")):
        await paper.type(word)
        await paper.until_state("offline", timeout_s=30)
    for paper in (ada, bob):
        await paper.context.set_offline(False)
    await asyncio.gather(ada.type("x" * 40), bob.type("y" * 40))
    body = json.loads(await until_equal(ada, bob))
    assert sorted("".join(texts(body)[1:])) == sorted("first second " + "x" * 40 + "y" * 40)


async def test_two_who_fill_a_table_end_equal(demo: Demo, open_paper: Open) -> None:
    """Cells filled at once, and a row added meanwhile, are the same table for both."""
    document, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.command("Insert table")
    await bob.page.locator("td").first.wait_for()
    await ada.page.locator("td").nth(0).click()
    await bob.hold_updates()
    await ada.type("Ada's")
    # What Ada wrote comes before the browser has told the editor where Bob clicked.
    await bob.take_updates_at("td >> nth=4")
    await asyncio.gather(ada.type(" cell"), bob.type("Bob's cell"))
    await asyncio.gather(ada.command("Insert row above"), bob.type(" goes on"))
    body = json.loads(await until_equal(ada, bob))
    table = body["content"][0]
    assert (table["type"], len(table["content"])) == ("table", 4)
    assert texts(table) == ["Ada's cell", "Bob's cell goes on"]
    assert (await on_server(demo, document)).count("<tr>") == 4


async def test_two_who_write_in_one_cell_end_equal(demo: Demo, open_paper: Open) -> None:
    """One cell of a table takes the letters of both."""
    _, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.command("Insert table")
    await bob.page.locator("td").first.wait_for()
    await ada.page.locator("td").nth(1).click()
    await ada.type(".")
    await bob.page.locator("td").nth(1).get_by_text(".").click()
    await asyncio.gather(ada.type("xxxxxxxxxxxx"), bob.type("yyyyyyyyyyyy"))
    text = "".join(texts(json.loads(await until_equal(ada, bob)))).replace(".", "")
    assert sorted(text) == ["x"] * 12 + ["y"] * 12


async def test_headings_marks_tasks_and_links_reach_the_other(demo: Demo, open_paper: Open) -> None:
    """What the toolbar makes is the same for the other, and as HTML on the server."""
    document, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.command("Heading 1")
    await ada.type("Heading")
    await ada.press("Enter")
    await ada.command("Bold")
    await ada.type("bold")
    await ada.command("Bold")
    await ada.type(" plain ")
    await ada.command("Link")
    await ada.page.get_by_label("Address").fill("example.com")
    await ada.page.get_by_role("button", name="Apply").click()
    await ada.press("Enter")
    await ada.command("Task list")
    await ada.type("a task")
    await bob.until_text("a task")
    await bob.page.get_by_role("checkbox").check()
    await until_equal(ada, bob)
    html = await on_server(demo, document)
    for part in (
        "<h1>Heading</h1>",
        "<strong>bold</strong>",
        'href="https://example.com',
        "a task",
    ):
        assert part in html
    assert 'data-checked="true"' in html


async def test_undo_takes_back_ones_own_edits_only(demo: Demo, open_paper: Open) -> None:
    """Ada's undo leaves Bob's words, and her redo brings hers back."""
    _, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.type("Ada wrote this.")
    await bob.until_text("Ada wrote this.")
    await bob.to_end_past_carets("Ada wrote this.")
    await bob.press("Enter")
    await bob.type("Bob wrote that.")
    await ada.until_text("Bob wrote that.")
    await ada.press("Control+z")
    await expect(ada.editor).not_to_contain_text("Ada wrote this.")
    await until_equal(ada, bob)
    await ada.until_text("Bob wrote that.")
    await ada.press("Control+Shift+z")
    body = json.loads(await until_equal(ada, bob))
    assert texts(body) == ["Ada wrote this.", "Bob wrote that."]


async def test_a_title_is_typed_by_both_and_named_in_the_list(demo: Demo, open_paper: Open) -> None:
    """Both edit the title at once; the tab and the list of documents show it."""
    document, ada, bob = await pair(demo, open_paper)
    await ada.title.fill("Plan")
    await expect(bob.title).to_have_value("Plan")
    await ada.title.focus()
    await ada.press("Home")
    await bob.title.focus()
    await bob.press("End")
    await asyncio.gather(ada.type("Our "), bob.type(" for May"))
    for paper in (ada, bob):
        await expect(paper.title).to_have_value("Our Plan for May")
        await expect(paper.page).to_have_title("Our Plan for May · Collab")
        await paper.until_state("saved")
    link = ada.page.get_by_role("link", name="Our Plan for May")
    await ada.page.goto(demo.site.url)
    # The list follows a title within a second or so.
    while not await link.count():
        await ada.page.reload()
    assert await link.get_attribute("href") == f"/documents/{document}/"


async def test_a_cursor_shows_its_owners_name_and_goes_with_them(
    demo: Demo, open_paper: Open
) -> None:
    """Each sees the other's cursor by name and what they select; when Bob leaves, his is gone."""
    _, ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.type("here ")
    await bob.until_text("here")
    await bob.to_end()
    await bob.type("there")
    await expect(ada.carets).to_have_text(["Bob Kahn"])
    await expect(bob.carets).to_have_text(["Ada Lovelace"])
    await ada.press("Shift+Home")
    await bob.until_selected_by("Ada Lovelace", "here")
    await ada.press("Home")
    await expect(bob.selections).to_have_count(0)
    await bob.page.close()
    await expect(ada.carets).to_have_count(0)


async def test_avatars_come_and_go(demo: Demo, open_paper: Open) -> None:
    """The bar shows who is here, each person once however many tabs they have."""
    document, ada, bob = await pair(demo, open_paper)
    for paper in (ada, bob):
        await expect(paper.people).to_have_count(2)
    again = await open_paper("Bob", document)
    await expect(again.people).to_have_count(2)
    await expect(ada.people).to_have_count(2)
    await expect(ada.page.get_by_title("Bob Kahn")).to_be_visible()
    await again.page.close()
    await bob.page.close()
    await expect(ada.people).to_have_count(1)

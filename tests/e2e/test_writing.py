"""What helps to write: shortcuts, slash menu, bubble, block handle and code, with two at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper, until_equal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_SELECT = """([text, from, to]) => {
  const { editor } = document.querySelector('collab-editor');
  editor.state.doc.descendants((node, pos) => {
    if (node.isText && node.text.includes(text)) {
      const at = pos + node.text.indexOf(text);
      editor.commands.setTextSelection({ from: at + from, to: at + to });
    }
  });
}"""


async def pair(demo: Demo, open_paper: Open) -> tuple[Paper, Paper]:
    document = demo.new_document()
    return await open_paper("Ada", document), await open_paper("Bob", document)


async def select(paper: Paper, text: str) -> None:
    """Select a text that stands in one run of the document."""
    await paper.editor.focus()
    await paper.page.evaluate(_SELECT, [text, 0, len(text)])


async def caret_in(paper: Paper, text: str) -> None:
    """Put the caret behind a text."""
    await paper.editor.focus()
    await paper.page.evaluate(_SELECT, [text, len(text), len(text)])


def outline(body: str) -> list[str]:
    """List the document's blocks: `name: text`, items as blocks of their own."""

    def text_of(node: dict[str, Any]) -> str:
        return str(node.get("text", "")) + "".join(map(text_of, node.get("content", [])))

    def walk(nodes: list[dict[str, Any]]) -> list[str]:
        found = []
        for node in nodes:
            if node["type"] in {"bulletList", "orderedList", "taskList"}:
                found += walk(node["content"])
            else:
                level = node.get("attrs", {}).get("level", "")
                found.append(f"{node['type']}{level}: {text_of(node)}".strip())
        return found

    return walk(json.loads(body)["content"])


async def lines(paper: Paper, *texts: str) -> None:
    await paper.to_end()
    for number, text in enumerate(texts):
        if number:
            await paper.press("Enter")
        await paper.type(text)


def options(paper: Paper) -> Locator:
    return paper.page.get_by_role("listbox", name="Blocks").get_by_role("option")


async def test_markdown_as_typed_becomes_blocks_and_marks(demo: Demo, open_paper: Open) -> None:
    """Each shortcut makes what it means, and the other sees the same."""
    ada, bob = await pair(demo, open_paper)
    await ada.to_end()
    await ada.type("# one\n## two\n### three\n- point\n\n1. first\n\n[ ] task\n\n> said\n\n")
    await ada.type("---")
    await ada.type("**bold** *italic* ~~struck~~ `code` ")
    await ada.press("Control+u")
    await ada.type("under")
    await ada.press("Control+u", "Enter")
    await ada.type("```sql ")
    await ada.type("SELECT 1")
    body = await until_equal(ada, bob)
    assert outline(body) == [
        "heading1: one", "heading2: two", "heading3: three", "listItem: point", "listItem: first",
        "taskItem: task", "blockquote: said", "horizontalRule:",
        "paragraph: bold italic struck code under", "codeBlock: SELECT 1",
    ]  # fmt: skip
    runs = json.loads(body)["content"][-2]["content"]
    marks = [(run["text"], run["marks"][0]["type"]) for run in runs if "marks" in run]
    assert marks == [
        ("bold", "bold"), ("italic", "italic"), ("struck", "strike"), ("code", "code"),
        ("under", "underline"),
    ]  # fmt: skip
    await expect(bob.editor.locator("u")).to_have_text("under")


async def test_slash_menu_is_worked_by_keys_while_another_types(
    demo: Demo, open_paper: Open
) -> None:
    """Typing filters, arrows choose, Enter and Tab take, Escape leaves; in code there is none."""
    ada, bob = await pair(demo, open_paper)
    await lines(bob, "Bob's", "")
    await expect(ada.editor.locator("p")).to_have_count(2)
    await ada.until_text("Bob's")
    await ada.to_end()
    await ada.type("and/or")
    await expect(options(ada).first).to_be_hidden()
    await ada.press("Enter")
    await ada.type("/")
    await expect(options(ada)).to_have_count(12)
    await caret_in(bob, "Bob's")
    await bob.type(" line, typed meanwhile")
    await ada.until_text("typed meanwhile")
    await expect(options(ada)).to_have_count(12)
    await ada.type("head")
    await expect(options(ada)).to_have_text(["Heading 1", "Heading 2", "Heading 3"])
    await ada.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
    chosen = ada.page.get_by_role("option", selected=True)
    await expect(chosen).to_have_text("Heading 3")
    named = await ada.editor.get_attribute("aria-activedescendant")
    assert named == await chosen.get_attribute("id")
    await ada.press("Enter")
    await expect(options(ada).first).to_be_hidden()
    assert await ada.editor.get_attribute("aria-activedescendant") is None
    await ada.type("Title")
    await ada.press("Enter")
    await ada.type("/tab")
    await ada.press("Tab")
    await ada.type("cell")
    await ada.press("Control+End", "ArrowDown", "Enter")
    await ada.type("kept /quo")
    await ada.press("Escape")
    await expect(options(ada).first).to_be_hidden()
    await ada.type("te")
    await expect(options(ada).first).to_be_hidden()
    await ada.press("Enter")
    await ada.type("/code")
    await options(ada).filter(has_text="Code block").click()
    await ada.type("a / b /")
    await expect(options(ada).first).to_be_hidden()
    assert outline(await until_equal(ada, bob)) == [
        "paragraph: Bob's line, typed meanwhile", "paragraph: and/or", "heading3: Title",
        "table: cell", "paragraph: kept /quote", "codeBlock: a / b /",
    ]  # fmt: skip


async def test_a_selection_has_its_tools_beside_it(demo: Demo, open_paper: Open) -> None:
    """The bubble formats what is selected, by pointer and keys; a reader has none."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    carla = await open_paper("Carla", document)
    await lines(ada, "first words", "second words")
    bubble = ada.page.get_by_role("toolbar", name="Selection")
    await expect(bubble).to_be_hidden()
    await ada.editor.get_by_text("first").dblclick(position={"x": 8, "y": 8})
    await bubble.get_by_role("button", name="Underline").click()
    await expect(bob.editor.locator("u")).to_have_text("first")
    await expect(bubble.get_by_role("button", name="Underline")).to_have_attribute(
        "aria-pressed", "true"
    )
    await select(ada, "second")
    await expect(bubble).to_be_visible()
    await ada.press("Alt+F10")
    await expect(bubble.get_by_role("button", name="Underline")).to_be_focused()
    await ada.press("Home", "ArrowRight", "Enter")
    await expect(bob.editor.locator("em")).to_have_text("second")
    await expect(ada.editor).to_be_focused()
    await ada.press("Escape")
    await expect(bubble).to_be_hidden()
    await ada.press("ArrowRight", "Alt+F10")
    await expect(
        ada.page.get_by_role("toolbar", name="Formatting").get_by_role("button", name="Undo")
    ).to_be_focused()
    await carla.until_text("second words")
    await carla.editor.get_by_text("second").dblclick()
    await carla.page.mouse.move(300, 300)
    await expect(carla.page.get_by_role("toolbar", name="Selection")).to_be_hidden()
    await expect(carla.page.locator(".blocks__handle")).to_be_hidden()
    await expect(carla.page.get_by_role("toolbar", name="Formatting")).to_be_hidden()


async def test_blocks_are_moved_while_others_write_beside_them(
    demo: Demo, open_paper: Open
) -> None:
    """Two paragraphs change places and keep each letter that Bob types into one meanwhile."""
    ada, bob = await pair(demo, open_paper)
    await lines(ada, "alpha", "beta")
    await bob.until_text("beta")
    await caret_in(bob, "beta")
    await caret_in(ada, "alpha")

    async def move() -> None:
        for _ in range(6):
            await ada.press("Alt+Shift+ArrowDown", "Alt+Shift+ArrowUp")

    await asyncio.gather(move(), bob.type(" and all that Bob types"))
    assert outline(await until_equal(ada, bob)) == [
        "paragraph: alpha", "paragraph: beta and all that Bob types",
    ]  # fmt: skip
    await ada.press("Alt+Shift+ArrowDown")
    await ada.type(" moved")
    assert outline(await until_equal(ada, bob)) == [
        "paragraph: beta and all that Bob types", "paragraph: alpha moved",
    ]  # fmt: skip
    await bob.type(" later")
    await ada.until_text("types later")
    await ada.press("Control+z", "Control+z")
    assert outline(await until_equal(ada, bob)) == [
        "paragraph: alpha", "paragraph: beta and all that Bob types later",
    ]  # fmt: skip
    await caret_in(ada, "alpha")
    await asyncio.gather(ada.press("Alt+Shift+ArrowDown"), bob.press("Alt+Shift+ArrowUp"))
    assert sorted(outline(await until_equal(ada, bob))) == [
        "paragraph: alpha", "paragraph: beta and all that Bob types later",
    ]  # fmt: skip


async def handle_of(paper: Paper, block: Locator) -> Locator:
    """Bring up a block's handle."""
    box = await block.bounding_box()
    assert box is not None
    handle = paper.page.locator(".blocks__handle")
    middle = box["y"] + box["height"] / 2
    await paper.page.mouse.move(box["x"] + 40, middle - 1)
    await paper.page.mouse.move(box["x"] + 40, middle)
    await expect(handle).to_be_visible()
    return handle


async def drag(paper: Paper, text: str, below: str) -> None:
    """Drag a block by its handle to below another."""
    await (await handle_of(paper, paper.editor.get_by_text(text, exact=True))).hover()
    box = await paper.editor.get_by_text(below, exact=True).bounding_box()
    assert box is not None
    mouse = paper.page.mouse
    await mouse.down()
    await mouse.move(box["x"] + 30, box["y"] + box["height"] / 2)
    await mouse.move(box["x"] + 30, box["y"] + box["height"] - 2)
    await expect(paper.page.locator(".blocks__line")).to_be_visible()
    await mouse.up()


async def test_a_block_is_dragged_and_has_a_menu(demo: Demo, open_paper: Open) -> None:
    """By its handle or by keys: items stay in lists, copies are whole, and undo brings back."""
    ada, bob = await pair(demo, open_paper)
    await lines(ada, "alpha", "beta", "- one", "two", "")
    await ada.press("Enter")
    await ada.type("## gamma")
    await bob.until_text("gamma")
    await caret_in(bob, "gamma")
    await asyncio.gather(drag(ada, "alpha", "beta"), bob.type(" rays, as they are called"))
    await ada.until_text("called")
    await drag(ada, "one", "two")
    first = ["paragraph: beta", "paragraph: alpha", "listItem: two", "listItem: one"]
    assert outline(await until_equal(ada, bob)) == [
        *first, "heading2: gamma rays, as they are called",
    ]  # fmt: skip

    menu = ada.page.get_by_role("menu", name="Block")
    await (await handle_of(ada, ada.editor.locator("h2"))).click()
    await bob.type(" here")
    await ada.until_text("called here")
    await menu.get_by_role("menuitem", name="Duplicate").click()
    await expect(menu).to_be_hidden()
    await caret_in(ada, "alpha")
    await ada.press("Control+/")
    await expect(menu.get_by_role("menuitem", name="Move up")).to_be_focused()
    await ada.press("ArrowUp", "ArrowUp", "Enter")
    await expect(ada.editor.locator("blockquote")).to_have_text("alpha")
    await caret_in(ada, "beta")
    await ada.press("Control+/", "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    await expect(ada.editor.get_by_text("beta")).to_have_count(0)
    assert outline(await until_equal(ada, bob)) == [
        "blockquote: alpha", *first[2:],
        *["heading2: gamma rays, as they are called here"] * 2,
    ]  # fmt: skip
    await ada.press("Control+z")
    await expect(ada.editor.get_by_text("beta")).to_have_count(1)
    await bob.until_text("beta")


async def test_code_has_its_languages_colours_for_both(demo: Demo, open_paper: Open) -> None:
    """The chooser is reached by keys; the grammars come only with the first language."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    loaded: list[str] = []
    bob.page.on("request", lambda request: loaded.append(request.url))
    await lines(ada, "```")
    await ada.press("Enter")
    await ada.type("def answer():\nreturn 42")
    await bob.until_text("return 42")
    assert not [url for url in loaded if "grammars" in url]
    await ada.press("Alt+F10")
    chooser = ada.page.get_by_role("combobox", name="Language of the code")
    await expect(chooser).to_be_focused()
    await chooser.select_option("Python")
    for paper in (ada, bob):
        await expect(paper.editor.locator(".hljs-keyword")).to_have_text(["def", "return"])
        await expect(paper.editor.locator(".hljs-number")).to_have_text("42")
    await chooser.press("Escape")
    await expect(ada.editor).to_be_focused()
    await bob.page.get_by_role("combobox", name="Language of the code").select_option("Plain text")
    await expect(ada.editor.locator(".hljs-keyword")).to_have_count(0)
    body = json.loads(await until_equal(ada, bob))
    assert body["content"][0]["attrs"] == {"language": None}
    carla = await open_paper("Carla", document)
    await expect(carla.page.get_by_role("combobox", name="Language of the code")).to_be_disabled()


async def test_keys_lead_to_both_ends(demo: Demo, open_paper: Open) -> None:
    """Past a table to its last cell, and beside the other's caret at the very end."""
    ada, bob = await pair(demo, open_paper)
    await lines(ada, "top", "/table")
    await ada.press("Enter")
    await expect(bob.editor.locator("td")).to_have_count(6)
    await bob.to_end()
    await bob.type("theirs")
    await ada.until_text("theirs")
    await expect(ada.carets).to_have_count(1)
    await ada.press("Control+Home")
    await ada.type("very ")
    await ada.press("Control+End")
    await ada.type(" and mine")
    await expect(bob.editor.locator("td").last).to_contain_text("theirs and mine")
    await ada.press("Control+Shift+Home", "Delete")
    await expect(bob.editor).not_to_contain_text("top")
    await until_equal(ada, bob)

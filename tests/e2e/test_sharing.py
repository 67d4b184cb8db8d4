"""Sharing in the browser: the dialog, links for guests, and pages without a script."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def make_link(page: Page, role: str) -> str:
    """Make a link in the open dialog. Returns its address."""
    form = page.locator(".share__add--link")
    await form.get_by_label("Role").select_option(role)
    await form.get_by_role("button", name="Make a link").click()
    await page.get_by_text("The link is made.").wait_for()
    return await page.locator(".share__url").last.input_value()


async def guest(demo: Demo, opened: list[Paper], address: str) -> Paper:
    """Open a link in a browser that nobody is logged in at."""
    paper = Paper(await demo.browser.new_context(), address)
    opened.append(paper)
    await paper.open()
    return paper


async def test_roles_change_at_once_on_open_pages(demo: Demo, open_paper: Open) -> None:
    """Ada makes Bob a commenter, an editor again, and nobody; his page follows."""
    document = demo.new_document()
    ada, bob = await open_paper("Ada", document), await open_paper("Bob", document)
    await ada.open_share()
    role = ada.page.get_by_label("Role of Bob Kahn")
    await role.focus()
    await role.select_option("commenter")
    await expect(ada.page.get_by_role("status").filter(has_text="“Commenter”")).to_be_visible()
    await expect(role).to_be_focused()
    await bob.until_state("readonly")
    await expect(bob.page.get_by_role("link", name="Share", exact=True)).to_have_count(0)
    await role.select_option("editor")
    await expect(bob.page.get_by_role("alert")).to_contain_text("You can edit now")
    await ada.page.get_by_role("button", name="Remove Bob Kahn").click()
    await expect(role).to_have_count(0)
    await bob.until_state("failed")
    await expect(bob.page.get_by_role("alert")).to_contain_text("no longer shared with you")


async def test_a_person_and_a_group_are_added_and_removed(demo: Demo, open_paper: Open) -> None:
    """Whoever is added opens the document; the page of whom it is taken from keeps nothing."""
    document = demo.only_of_ada("For Carla and the choir")
    ada = await open_paper("Ada", document)
    await ada.open_share()
    people = ada.page.get_by_role("region", name="People")
    await people.get_by_label("User name or e-mail").fill("carla")
    await people.get_by_role("button", name="Add").click()
    await ada.page.get_by_text("Carla has the role “Editor” now.").wait_for()
    groups = ada.page.get_by_role("region", name="Groups")
    await groups.get_by_label("Group").select_option("Choir")
    await groups.get_by_role("button", name="Add").click()
    await ada.page.get_by_text("Choir has the role “Reader” now.").wait_for()

    carla, dora = await open_paper("Carla", document), await open_paper("Dora", document)
    await carla.to_end()
    await carla.type("by Carla")
    await dora.until_text("by Carla")
    await dora.until_state("readonly")
    await carla.until_state("saved")
    await groups.get_by_role("button", name="Remove Choir").click()
    await dora.until_state("failed")
    assert await dora.state() == "No longer shared with you"
    await expect(dora.page.locator("body")).not_to_contain_text("by Carla")
    await expect(groups.get_by_label("Group")).to_have_value("Choir")
    assert await carla.state() == "Saved"

    assert len(await carla.copies(document)) == 1
    await people.get_by_role("button", name="Remove Carla").click()
    await carla.until_state("failed")
    assert await carla.state() == "No longer shared with you"
    await expect(carla.page.locator("body")).not_to_contain_text("by Carla")
    assert await carla.copies(document) == []


async def test_an_owner_steps_down(demo: Demo, open_paper: Open) -> None:
    """Once somebody else owns it, and only when sure; the page is a reader's then."""
    ada = await open_paper("Ada", demo.new_document())
    await ada.open_share()
    await ada.page.get_by_label("Role of Bob Kahn").select_option("owner")
    await ada.page.get_by_text("“Owner”").wait_for()
    await ada.page.get_by_label("Role of Ada Lovelace").select_option("reader")
    await ada.page.get_by_role("button", name="Give up ownership").click()
    await ada.until_state("readonly")
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    await expect(ada.page.get_by_role("link", name="Share", exact=True)).to_have_count(0)


async def test_the_dialog_is_used_by_keyboard_alone(demo: Demo, open_paper: Open) -> None:
    """Opened, filled in, answered, asked before ownership goes, and closed where it was opened."""
    ada = await open_paper("Ada", demo.new_document())
    page = ada.page
    button = page.get_by_role("link", name="Share", exact=True)
    await button.focus()
    await ada.press("Enter")
    await page.get_by_role("heading", name="People").wait_for()
    field = page.get_by_label("User name or e-mail")
    await field.focus()
    await ada.type("nobody-here")
    await ada.press("Enter")
    await page.get_by_text("Nobody here has the user name").wait_for()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await page.get_by_label("Role of Ada Lovelace").focus()
    await page.get_by_label("Role of Ada Lovelace").select_option("reader")
    await expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    await expect(page.get_by_label("Role of Ada Lovelace")).to_have_value("owner")
    await ada.press("Enter")
    await expect(page.get_by_role("link", name="Cancel")).to_have_count(0)
    await page.get_by_role("button", name="Remove Ada Lovelace").press("Enter")
    await page.get_by_role("button", name="Give up ownership").press("Enter")
    await page.get_by_text("Somebody must own it").wait_for()
    await ada.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(button).to_be_focused()


async def test_a_guest_writes_by_a_link_until_it_is_removed(
    demo: Demo, open_paper: Open, opened: list[Paper]
) -> None:
    """Without an account, at the clean address; then the page says that it is over."""
    ada = await open_paper("Ada", demo.new_document())
    await ada.open_share()
    address = await make_link(ada.page, "editor")
    visitor = await guest(demo, opened, address)
    assert "/s/" not in visitor.page.url
    assert address.rpartition("/")[2] not in await visitor.page.content()
    assert await visitor.page.evaluate("document.referrer") == ""
    await visitor.to_end()
    await visitor.type("from a guest")
    await visitor.until_state("saved")
    await ada.until_text("from a guest")
    await ada.page.get_by_role("button", name="Remove the link").click()
    await ada.page.get_by_text("The link no longer works.").wait_for()
    await expect(visitor.page.locator("collab-failure")).to_be_visible()
    await visitor.page.goto(address)
    await expect(
        visitor.page.get_by_role("heading", name="This link no longer works")
    ).to_be_visible()
    # The browser says of the answer what it was; that is no fault of the page.
    visitor.problems[:] = [one for one in visitor.problems if "404" not in one]


async def test_a_link_is_copied(demo: Demo, open_paper: Open) -> None:
    """The button puts it on the clipboard, and says so."""
    ada = await open_paper(
        "Ada", demo.new_document(), permissions=["clipboard-read", "clipboard-write"]
    )
    await ada.open_share()
    address = await make_link(ada.page, "reader")
    await ada.page.get_by_role("button", name="Copy").click()
    await ada.page.get_by_text("The link is on the clipboard.").wait_for()
    assert await ada.page.evaluate("navigator.clipboard.readText()") == address


async def test_the_dialog_fits_a_phone(demo: Demo, open_paper: Open) -> None:
    """Nothing sticks out, and the date is asked for only where one is wanted."""
    ada = await open_paper("Ada", demo.new_document(), viewport={"width": 390, "height": 844})
    await ada.open_share()
    await make_link(ada.page, "reader")
    assert await ada.page.evaluate(_OVERFLOW) <= 0
    dialog = ada.page.get_by_role("dialog")
    inside = "(one) => one.scrollWidth - one.clientWidth"
    assert await dialog.evaluate(inside) <= 0
    day = ada.page.get_by_label("Last day")
    await expect(day).to_be_hidden()
    await ada.page.get_by_label("Expires").select_option("date")
    await expect(day).to_be_visible()


async def without_scripts(demo: Demo, name: str) -> BrowserContext:
    return await demo.context(name, java_script_enabled=False)


async def test_who_runs_no_script_reads_the_document(demo: Demo, open_paper: Open) -> None:
    """The editor's address leads to the words as they are stored, formatted."""
    document = demo.new_document()
    ada = await open_paper("Ada", document)
    await ada.to_end()
    await ada.type("# A heading")
    await ada.write_item("and <b>words</b>")
    await ada.until_state("saved")
    context = await without_scripts(demo, "Carla")
    page = await context.new_page()
    await page.goto(demo.url(document))
    await page.wait_for_url(re.compile("/read/$"))
    await expect(page.get_by_role("heading", name="A heading")).to_be_visible()
    await expect(page.get_by_text("and <b>words</b>")).to_be_visible()
    await expect(page.get_by_role("heading", level=1).first).to_have_text(re.compile("Document"))
    await context.close()


async def test_who_runs_no_script_shares_by_plain_forms(demo: Demo) -> None:
    """Each form has a button, and the page says what was done."""
    context = await without_scripts(demo, "Ada")
    page = await context.new_page()
    await page.goto(demo.url(demo.new_document()) + "share/")
    await page.get_by_label("Role of Bob Kahn").select_option("reader")
    row = page.get_by_role("listitem").filter(has_text="Bob Kahn")
    await row.get_by_role("button", name="Change").click()
    await expect(page.get_by_role("status")).to_have_text("Bob Kahn has the role “Reader” now.")
    await page.get_by_role("button", name="Make a link").click()
    await expect(page.get_by_role("status")).to_contain_text("The link is made.")
    await expect(page.locator(".share__url")).to_have_value(re.compile("/s/"))
    await context.close()

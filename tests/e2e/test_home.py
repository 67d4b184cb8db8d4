"""The home page in the browser: what happens elsewhere shows, and what is done here works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.demo import Demo
from tests.e2e.paper import Paper

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_SHEETS = """
from django.contrib.auth.models import User
from collab import sharing
from collab.models import Role
from documents.actions import create_document
users = {user.username: user for user in User.objects.all()}
for n in range(8):
    document = create_document(actor=users["ada"], title=f"Sheet {n}")
    for name in ("bob", "dora"):
        sharing.grant(document.room, users[name], Role.EDITOR)
    print(document.pk, document.title, sep="|")
for n in range(110):
    create_document(actor=users["carla"], title=f"Leaf {n}")
"""

Sheet = tuple[str, str]
Open = Callable[..., Awaitable["Home"]]


class Home(Paper):
    """A person's home page in a tab of its own, and what it complained of."""

    async def until_ready(self) -> None:
        await self.page.get_by_role("heading", name="Documents").wait_for()

    @property
    def rows(self) -> Locator:
        return self.page.locator("#rows > li")

    @property
    def notice(self) -> Locator:
        return self.page.locator("#notice")

    def row(self, title: str) -> Locator:
        return self.rows.filter(has=self.page.get_by_role("link", name=title, exact=True))

    async def act(self, title: str, action: str) -> None:
        """Choose an action of a row's menu, by keyboard."""
        button = self.row(title).locator("summary")
        await button.focus()
        await self.page.keyboard.press("Enter")
        await self.row(title).get_by_text(action, exact=True).press("Enter")


@pytest_asyncio.fixture(loop_scope="session")
async def home(demo: Demo) -> AsyncIterator[Open]:
    """Open somebody's home page: `await home("Ada", "owned")`."""
    opened: list[Home] = []

    async def open_(name: str, view: str = "owned", **options: object) -> Home:
        one = Home(await demo.context(name, **options), f"{demo.site.url}/?view={view}")
        opened.append(one)
        await one.open()
        return one

    yield open_
    for one in opened:
        await one.context.close()
    assert [problem for one in opened for problem in one.problems] == []


@pytest.fixture(scope="module")
def sheets(staged: Demo) -> list[Sheet]:
    """Documents that Ada owns and Bob and Dora edit, (id, title) each; Carla has many."""
    made = staged.site.run("shell", "-v", "0", "-c", _SHEETS).stdout.splitlines()
    return [(line.split("|")[0], line.split("|")[1]) for line in made]


@pytest.fixture
def sheet(sheets: list[Sheet]) -> Sheet:
    """Take a document that no test has touched. Its id and its title."""
    return sheets.pop()


async def focused(page: Page) -> str:
    """Return what a screen reader would call the element that has the focus."""
    return str(await page.evaluate("document.activeElement?.textContent.trim() ?? ''"))


async def test_people_show_in_the_list_as_they_come_and_go(
    demo: Demo, home: Open, sheets: list[Sheet], sheet: Sheet
) -> None:
    """In everybody's open list, one's own too, without a reload and for those who may see it."""
    document, title = sheet
    _, never_opened = sheets[0]
    bobs, adas = await home("Bob", "shared"), await home("Ada", "owned")
    await expect(bobs.row(title).locator(".live__dot")).to_have_count(0)
    bob = await demo.open("Bob", document)
    for one in (bobs, adas):
        await expect(one.row(title).locator(".live .person")).to_have_attribute("title", "Bob Kahn")
        await expect(one.row(title).locator(".live__dot")).to_be_visible()
        await expect(one.page.locator(".live__dot")).to_have_count(1)
    again = await home("Ada", "owned")
    await expect(again.row(title).locator(".live .person")).to_have_attribute("title", "Bob Kahn")
    await expect(bobs.row(never_opened)).to_be_visible()
    await bobs.page.get_by_role("link", name="Recent").click()
    await expect(bobs.row(never_opened)).to_have_count(0)
    await expect(bobs.rows.first.get_by_role("link", name=title, exact=True)).to_be_visible()
    await expect(bobs.rows.first.locator(".live__dot")).to_be_visible()
    await bob.context.close()
    for one in (bobs, adas, again):
        await expect(one.page.locator(".live__dot")).to_have_count(0)


async def test_lists_follow_titles_shares_and_the_trash(
    demo: Demo, home: Open, sheet: Sheet
) -> None:
    """What others do to a document shows in an open list at once; a menu stays open meanwhile."""
    _document, title = sheet
    bobs, adas = await home("Bob", "shared"), await home("Ada", "owned")
    await adas.act(title, "Rename…")
    field = adas.page.get_by_role("textbox", name="Title", exact=True).last
    await expect(field).to_be_focused()
    await field.fill("Renamed by Ada")
    await field.press("Enter")
    await expect(adas.page.locator("dialog")).to_be_hidden()
    await expect(adas.row("Renamed by Ada")).to_be_visible()
    await expect(adas.row("Renamed by Ada").locator("summary")).to_be_focused()
    await expect(bobs.row("Renamed by Ada")).to_be_visible()
    other = bobs.row(await bobs.rows.nth(3).locator(".shelf__title").inner_text())
    await other.locator("summary").click()
    await adas.act("Renamed by Ada", "Move to trash")
    await expect(adas.notice).to_contain_text("in the trash")
    await expect(adas.row("Renamed by Ada")).to_have_count(0)
    await expect(bobs.row("Renamed by Ada")).to_have_count(0)
    await expect(other.locator("details")).to_have_attribute("open", "")
    assert await focused(adas.page) != ""
    await adas.notice.get_by_role("button", name="Undo").click()
    await expect(adas.row("Renamed by Ada")).to_be_visible()
    await expect(bobs.row("Renamed by Ada")).to_be_visible()
    await adas.act("Renamed by Ada", "Duplicate")
    await expect(adas.row("Copy of Renamed by Ada")).to_be_visible()
    await expect(adas.notice.get_by_role("link", name="Open it")).to_be_visible()
    await adas.act("Renamed by Ada", "Move to trash")
    await expect(bobs.row("Renamed by Ada")).to_have_count(0)
    await adas.page.get_by_role("link", name="Trash").click()
    await adas.act("Renamed by Ada", "Restore")
    await expect(adas.notice).to_contain_text("“Renamed by Ada” is back.")
    await expect(adas.row("Renamed by Ada")).to_have_count(0)
    await expect(bobs.row("Renamed by Ada")).to_be_visible()


@pytest.mark.parametrize(
    ("button", "editor"), [("New text", ".cm-content"), ("New document", ".ProseMirror")]
)
async def test_what_is_made_appears_for_whom_it_is_shared_with(
    home: Open, button: str, editor: str
) -> None:
    """Ada names and makes it, writes, and adds Bob; it is in his list and opens."""
    title = f"Made as a {button}"
    bobs, adas = await home("Bob", "shared"), await home("Ada", "owned")
    await adas.page.get_by_role("textbox", name="Title").fill(title)
    await adas.page.get_by_role("button", name=button).click()
    await expect(adas.page.locator(editor)).to_be_editable()
    await expect(adas.title).to_have_value(title)
    await adas.to_end()
    await adas.type("for Bob")
    await adas.open_share()
    await adas.page.get_by_label("User name or e-mail").fill("bob")
    await adas.press("Enter")
    await adas.page.get_by_text("Bob Kahn has the role “Editor” now.").wait_for()
    await bobs.row(title).get_by_role("link").click()
    await bobs.until_text("for Bob")
    await expect(bobs.page.locator(editor)).to_be_editable()


async def test_a_late_list_does_not_undo_who_is_here(demo: Demo, home: Open, sheet: Sheet) -> None:
    """A list that was rendered before somebody came leaves them shown."""
    document, title = sheet
    adas = await home("Ada", "owned")
    rendered, shown = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        rendered.set()
        await shown.wait()
        await route.fulfill(response=response)

    await adas.page.route("**/?view=owned&rows=*", hold)
    demo.site.create_document(demo.key, "Made meanwhile")
    await asyncio.wait_for(rendered.wait(), 20)
    bob = await demo.open("Bob", document)
    await expect(adas.row(title).locator(".live__dot")).to_be_visible()
    shown.set()
    await expect(adas.row("Made meanwhile")).to_be_visible()
    await expect(adas.row(title).locator(".live__dot")).to_be_visible()
    await bob.context.close()
    await expect(adas.row(title).locator(".live__dot")).to_have_count(0)


async def test_trash_ends_open_editors_and_deletes_for_ever(
    demo: Demo, home: Open, sheet: Sheet
) -> None:
    """Others are sent away at once, the owner reads on, and deleting asks first."""
    document, title = sheet
    bob, ada = await demo.open("Bob", document), await demo.open("Ada", document)
    adas = await home("Ada", "owned")
    await adas.act(title, "Move to trash")
    await bob.until_state("failed")
    assert await bob.state() == "No longer shared with you"
    await ada.until_state("readonly")
    await adas.page.get_by_role("link", name="Trash").click()
    await adas.act(title, "Delete for ever…")
    dialog = adas.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("for ever?")
    await adas.page.keyboard.press("Escape")
    await expect(adas.row(title)).to_be_visible()
    await adas.act(title, "Delete for ever…")
    await dialog.get_by_role("button", name="Delete for ever").click()
    await expect(adas.row(title)).to_have_count(0)
    await expect(adas.notice).to_contain_text("deleted for ever")
    for one in (bob, ada):
        await one.context.close()


async def test_leaving_and_coming_back(demo: Demo, home: Open, sheet: Sheet) -> None:
    """Who leaves loses it from the list; who is given it again sees it appear."""
    document, title = sheet
    doras = await home("Dora", "shared")
    await doras.act(title, "Leave…")
    await doras.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(doras.row(title)).to_have_count(0)
    await expect(doras.notice).to_contain_text("no longer shared with you")
    demo.site.run("share", document, "dora", "reader")
    await expect(doras.row(title).locator(".tag")).to_have_text("Can read")


async def test_more_rows_come_below_and_stay(home: Open, sheets: list[Sheet]) -> None:
    """“Show more” adds to the list, puts the focus on what is new, and a refresh keeps it all."""
    carlas = await home("Carla", "owned")
    await expect(carlas.rows).to_have_count(50)
    more = carlas.page.get_by_role("link", name="Show more")
    await more.press("Enter")
    await expect(carlas.rows).to_have_count(100)
    await expect(carlas.rows.nth(50).get_by_role("link")).to_be_focused()
    last = await carlas.rows.nth(80).locator(".shelf__title").text_content()
    assert last is not None
    await carlas.act(last, "Move to trash")
    await expect(carlas.row(last)).to_have_count(0)
    await expect(carlas.rows).to_have_count(100)
    await more.click()
    await expect(carlas.rows).to_have_count(109)
    await expect(more).to_have_count(0)


async def test_without_javascript_everything_is_a_form(
    demo: Demo, home: Open, sheet: Sheet
) -> None:
    """Menus open, actions act, pages follow each other."""
    _document, title = sheet
    adas = await home("Ada", "owned", java_script_enabled=False)
    row = adas.row(title)
    await row.locator("summary").click()
    await row.get_by_role("link", name="Rename…").click()
    await adas.page.get_by_label("Title").fill("Renamed plainly")
    await adas.page.get_by_role("button", name="Rename").click()
    row = adas.row("Renamed plainly")
    await row.locator("summary").click()
    await row.get_by_role("button", name="Move to trash").click()
    await expect(adas.row("Renamed plainly")).to_have_count(0)
    await adas.notice.get_by_role("button", name="Undo").click()
    await expect(adas.row("Renamed plainly")).to_be_visible()


async def test_a_failed_action_says_so_and_keeps_the_list(
    demo: Demo, home: Open, sheet: Sheet
) -> None:
    """A server that is away, or in trouble, takes nothing from the page."""
    _document, title = sheet
    adas = await home("Ada", "owned")
    count = await adas.rows.count()
    await adas.page.route("**/duplicate/", lambda route: route.fulfill(status=500, body="<p>no"))
    await adas.act(title, "Duplicate")
    await expect(adas.notice).to_contain_text("did not work")
    await adas.page.route("**/trash/", lambda route: route.abort())
    await adas.page.evaluate("document.querySelector('#notice').replaceChildren()")
    await adas.act(title, "Move to trash")
    await expect(adas.notice).to_contain_text("did not work")
    await expect(adas.rows).to_have_count(count)
    adas.problems.clear()

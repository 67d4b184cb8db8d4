"""Dashboards' lists, sharing and versions: what documents have, for dashboards, in their words."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import include, path

from collab import history, sharing
from collab.actions import note_visit
from collab.models import Grant, Role
from collab.testing.peer import Peer
from dashboards import actions, versions
from dashboards.layout.model import Layout, Panel, PanelKind, Place
from dashboards.models import Dashboard
from tests.dashboards.lookers import Looker
from tests.documents.cast import Stage, end_of, open_socket

in_database = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NOTE = Panel("note000000", PanelKind.TEXT, "Note", Place(0, 0, 4, 2), text="words")
LAYOUT = Layout("Shop", {NOTE.id: NOTE})
MANY = 12


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", first_name="Alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", first_name="Bob")


@pytest.fixture
def shop(alice: User) -> Dashboard:
    """A dashboard of Alice's."""
    return actions.create_dashboard(actor=alice, layout=LAYOUT)


def browser(user: User) -> Client:
    """Open a browser in which somebody is logged in."""
    one = Client()
    one.force_login(user)
    return one


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def titles(page: Any) -> list[str]:
    """Return what a page lists, in order."""
    return re.findall(r'id="title-\d+">([^<]*)<', text_of(page))


def panels_of(dashboard: Dashboard) -> list[str]:
    """Return the titles of the panels that a dashboard has now."""
    return [panel.title for panel in versions.layout_at(dashboard, None).panels.values()]


def add_panel(dashboard: Dashboard, actor: User, key: str, title: str) -> int:
    """Add a panel. Returns the edit's seq."""
    panel = replace(NOTE, id=key, title=title)

    def added(before: Layout) -> Layout:
        return replace(before, panels=before.panels | {key: panel})

    return actions.edit(actor=actor, dashboard=dashboard, change_to=added).seq


# Lists


@in_database
def test_each_view_lists_its_own(alice: User, bob: User, shop: Dashboard) -> None:
    """Owned, shared, trashed and opened dashboards are apart, and documents are elsewhere."""
    lent = actions.create_dashboard(actor=bob, title="Bob's")
    sharing.grant(lent.room, alice, Role.READER)
    gone = actions.create_dashboard(actor=alice, title="Gone")
    actions.trash(actor=alice, shared=gone)
    home = browser(alice)
    assert home.get(lent.get_absolute_url()).status_code == 200
    shown = {view: titles(home.get(f"/dashboards/?view={view}"))
             for view in ("recent", "owned", "shared", "trash")}  # fmt: skip
    assert shown == {"recent": ["Bob's"], "owned": ["Shop"], "shared": ["Bob's"], "trash": ["Gone"]}
    assert titles(home.get("/?view=owned")) == []


@in_database(transaction=True)
def test_a_dashboard_is_made_named_copied_and_thrown_away(alice: User) -> None:
    """Each by a plain form, with a notice; what the room holds follows."""
    home = browser(alice)
    made = home.post("/dashboards/new/", {"title": "Sales"})
    one = Dashboard.objects.get()
    assert made.headers["Location"] == one.get_absolute_url()
    home.post(one.page("rename"), {"title": "Orders"})
    assert versions.layout_at(one, None).title == "Orders"
    add_panel(one, alice, "panel00001", "Open orders")
    page = home.post(one.page("duplicate"), {"view": "owned"}, follow=True)
    assert "“Copy of Orders” is made." in text_of(page)
    assert titles(page) == ["Copy of Orders", "Orders"]
    copy = Dashboard.objects.get(title="Copy of Orders")
    assert panels_of(copy) == ["Open orders"]
    page = home.post(copy.page("trash"), {"view": "owned"}, follow=True)
    assert titles(page) == ["Orders"]
    undo = re.search(rf'action="({copy.page("restore")})"', text_of(page))
    assert undo is not None
    assert titles(home.post(undo[1], {"view": "owned"}, follow=True)) == [
        "Copy of Orders",
        "Orders",
    ]
    home.post(copy.page("trash"))
    home.post(copy.page("delete"))
    assert list(Dashboard.objects.all()) == [one]


@in_database
def test_what_is_gone_is_said_of_a_dashboard(alice: User, bob: User, shop: Dashboard) -> None:
    """The list's notices and the pages around sharing name what they are about."""
    home = browser(bob)
    answer = home.post(shop.page("rename"), {"title": "Mine"}, headers=HTMX)
    assert "This dashboard is not there any more" in text_of(answer)
    owner = browser(alice)
    page = text_of(owner.get(shop.page("share")))
    assert "Back to the dashboard" in page
    assert "Whoever has a link can open the dashboard" in page
    assert "document" not in page.partition("<main")[2].partition("</main")[0]
    assert "Name the dashboard as it is now" in text_of(owner.get(shop.page("versions")))


@in_database
def test_an_empty_list_says_how_numbers_come_in(alice: User) -> None:
    """The address is the one that takes them, and the key is for it alone."""
    page = text_of(browser(alice).get("/dashboards/?view=owned"))
    assert "collab token alice --scope ingest" in page
    assert "http://testserver/ingest/json" in page
    assert Client().post("/ingest/json", b"{}", "application/json").status_code == 401


@in_database
def test_each_list_shows_the_way_to_the_other(alice: User) -> None:
    """Where one is is marked; a project without dashboards has no such ways."""
    home = browser(alice)
    for here, there in (("/", "/dashboards/"), ("/dashboards/", "/")):
        ways = text_of(home.get(here)).partition('class="sections"')[2].partition("</nav>")[0]
        assert re.search(rf'href="{here}" aria-current', ways)
        assert f'href="{there}">' in ways
    with override_settings(ROOT_URLCONF=__name__):
        page = text_of(home.get("/"))
    assert "Documents" in page
    assert 'class="sections"' not in page


# A project that has documents' pages and no others.
urlpatterns = [
    path("", include("documents.urls")),
    path("", include("collab.urls")),
    path("login/", lambda request: None, name="login"),  # type: ignore[arg-type, return-value]
    path("logout/", lambda request: None, name="logout"),  # type: ignore[arg-type, return-value]
    path("jsi18n/", lambda request: None, name="jsi18n"),  # type: ignore[arg-type, return-value]
]


# Sharing


@in_database
def test_a_dashboard_is_shared_with_people_groups_and_links(
    alice: User, bob: User, shop: Dashboard
) -> None:
    """By the page's forms; whoever has the link gets in until it is withdrawn."""
    crew = Group.objects.create(name="crew")
    crew.user_set.add(alice, bob)
    owner = browser(alice)
    owner.post(shop.page("share-people"), {"name": "bob", "role": "editor"})
    owner.post(shop.page("share-groups"), {"name": "crew", "role": "reader"})
    answer = owner.post(
        shop.page("share-links"), {"role": "reader", "expiry": "never"}, headers=HTMX
    )
    assert "Whoever has it can open this dashboard." in text_of(answer)
    roles = Grant.objects.filter(room=shop.room).order_by("pk").values_list("role", flat=True)
    assert list(roles) == ["owner", "editor", "reader", "reader"]
    link = Grant.objects.links().get()
    guest = Client()
    assert guest.get(shop.get_absolute_url()).status_code == 302
    page = guest.get(link.get_absolute_url(), follow=True)
    assert page.redirect_chain == [(shop.get_absolute_url(), 302)]
    assert "Note" in text_of(page)
    owner.post(shop.page("share-withdraw", link.pk))
    assert guest.get(shop.get_absolute_url()).status_code == 302


@in_database
def test_the_command_shares_a_dashboard(
    bob: User, shop: Dashboard, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its id, or the address of its page."""
    call_command("share", str(shop.pk), "bob", "reader")
    call_command("share", f"https://example.org{shop.get_absolute_url()}", "bob", "editor")
    assert capsys.readouterr().out.splitlines() == [
        "bob is reader of “Shop”.", "bob is editor of “Shop”.",
    ]  # fmt: skip


# Versions


@in_database(transaction=True)
def test_a_version_is_shown_named_restored_and_the_restore_undone(
    alice: User, bob: User, shop: Dashboard
) -> None:
    """Undoing takes back the restore alone: what was added after it stays."""
    sharing.grant(shop.room, bob, Role.EDITOR)
    add_panel(shop, bob, "panel00001", "Latency")
    page = browser(bob)
    assert "Latency" in text_of(page.get(shop.page("versions"), {"seq": 2}))
    changes = text_of(page.get(shop.page("versions"), {"seq": 2, "against": 1}))
    assert "Added the panel “Latency”." in changes
    page.post(shop.page("name_version", 1), {"name": "First"})
    assert "First" in text_of(page.get(shop.page("versions")))
    answer = page.post(shop.page("restore_version", 1), follow=True)
    assert panels_of(shop) == ["Note"]
    undo = re.search(r'action="([^"]*\?since=\d+)"', text_of(answer))
    assert undo is not None
    add_panel(shop, alice, "panel00002", "Errors")
    page.post(undo[1])
    assert sorted(panels_of(shop)) == ["Errors", "Latency", "Note"]


@in_database(transaction=True)
def test_the_history_command_knows_dashboards(
    alice: User, shop: Dashboard, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version is shown as a file that can be imported, and restored by an edit."""
    add_panel(shop, alice, "panel00001", "Latency")
    call_command("history", str(shop.pk), "--show", "1")
    assert [panel["title"] for panel in json.loads(capsys.readouterr().out)["panels"]] == ["Note"]
    call_command("history", str(shop.pk), "--restore", "1", "--as", "alice")
    assert panels_of(shop) == ["Note"]


# Cost


PAGES = {
    "the list": ("/dashboards/?view=owned", 5),
    "the recent ones": ("/dashboards/", 5),
    "sharing": ("/dashboards/{id}/share/", 7),
    "the versions": ("/dashboards/{id}/versions/", 7),
}


@in_database
@pytest.mark.parametrize("name", PAGES)
def test_each_page_asks_a_fixed_number_of_queries(
    alice: User, shop: Dashboard, name: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    """One grant, version and dashboard, or a dozen and more of each."""
    address, queries = PAGES[name]
    one = browser(alice)
    one.get(shop.get_absolute_url())
    with django_assert_num_queries(queries):
        assert one.get(address.format(id=shop.pk)).status_code == 200
    for n in range(MANY):
        author = User.objects.create_user(f"author {n}")
        sharing.grant(shop.room, author, Role.EDITOR)
        sharing.grant_group(shop.room, Group.objects.create(name=f"group {n}"), Role.READER)
        sharing.create_link(shop.room, Role.READER)
        seq = add_panel(shop, author, f"panel{n:05}", f"Panel {n}")
        history.name_version(actor=author, room=shop.room, name=f"V{n}", seq=seq)
        more = actions.create_dashboard(actor=alice, title=f"Dashboard {n}")
        note_visit(actor=alice, shared=more)
    with django_assert_num_queries(queries):
        assert one.get(address.format(id=shop.pk)).status_code == 200


# Open sockets


_SHARED = """
from django.contrib.auth.models import User
from collab import sharing
from collab.models import Role
from dashboards import actions
users = {user.username: user for user in User.objects.all()}
one = actions.create_dashboard(actor=users["alice"], title="Shared")
print(one.pk, sharing.grant(one.room, users["bob"], Role.EDITOR).pk)
"""


@pytest.fixture(scope="module")
def shared(sqlite_stage: Stage) -> tuple[str, str]:
    """A dashboard on a running site that Alice owns and Bob edits: its id, and his grant's."""
    done = sqlite_stage.site.run("shell", "-v", "0", "-c", _SHARED)
    pk, grant = done.stdout.split()[-2:]
    return pk, grant


async def test_a_withdrawn_role_ends_every_open_socket_at_once(
    sqlite_stage: Stage, shared: tuple[str, str]
) -> None:
    """The layout, who is there and the numbers; the list of who lost it hears of it as well."""
    stage, (dashboard, grant) = sqlite_stage, shared
    start = f"{stage.site.ws_url}/ws/dashboards/{dashboard}"
    bob = Peer(f"{start}/layout", stage.bob.key)
    await bob.connect()
    people = await open_socket(f"{start}/people", stage.bob.bearer)
    numbers = await Looker(f"{start}/live", stage.bob.key).open()
    rendered = int(time.time())
    listed = await open_socket(
        f"{stage.site.ws_url}/ws/dashboards?since={rendered}", stage.bob.bearer
    )
    key = await asyncio.to_thread(_room_of, stage, dashboard)
    # Bob is in it: his list says so.
    await hears(listed, f'id="live-{key}"', "live__dot")
    with stage.browser(stage.alice) as alice:
        answer = await asyncio.to_thread(
            alice.post, f"/dashboards/{dashboard}/share/{grant}/withdraw/"
        )
    done = time.monotonic()
    assert answer.status_code == httpx.codes.FOUND
    assert await bob.until_closed() == 4403
    assert (await end_of(people))[0] == 4403
    assert await numbers.until_closed() == 4403
    assert time.monotonic() - done < 1.5
    await hears(listed, "#refresh")
    await listed.close()


def _room_of(stage: Stage, dashboard: str) -> int:
    key = dashboard.replace("-", "")
    ((room,),) = stage.rows("SELECT room_id FROM dashboards_dashboard WHERE id = %s", key)
    return int(room)


async def hears(socket: Any, *words: str) -> None:
    """Read until a frame holds all of these."""
    async with asyncio.timeout(15):
        frame = ""
        while not all(word in frame for word in words):
            frame = str(await socket.recv())

"""Layouts over HTTP while people edit them over sockets: nobody's change is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pycrdt
import pytest

from collab.testing.peer import Peer
from collab.testing.servers import Site
from dashboards.layout.model import PANELS_AT_MOST, VARIABLES_AT_MOST
from dashboards.layout.read import layout_of
from tests.dashboards.editors import Editor, check, content_of, places, seed

A, B = "aaaaaaaaaa", "bbbbbbbbbb"
LAYOUT: dict[str, Any] = {
    "title": "Site", "range": "6h",
    "variables": [{"name": "host", "kind": "label", "label": "host", "metric": "cpu"}],
    "panels": [
        {"id": A, "kind": "timeseries", "title": "Load", "queries": {"a": {"metric": "cpu"}}},
        {"id": B, "kind": "text", "title": "Notes", "y": 4, "text": "Call Ada."},
    ],
}  # fmt: skip


class Board:
    """A dashboard of Ada's on the site, asked for with her key."""

    def __init__(self, site: Site, key: str, layout: dict[str, Any] | None = LAYOUT) -> None:
        self.key = key
        headers = {"Authorization": f"Bearer {key}"}
        self.root = httpx.Client(base_url=f"{site.url}/api", headers=headers, timeout=20)
        made = self.root.post("/dashboards", json={"layout": layout} if layout else {})
        assert made.status_code == 201, made.text
        self.made = made.json()
        self.id = self.made["id"]
        self.url = f"{site.ws_url}{self.made['socket']}"

    def ask(self, method: str, path: str, status: int = 200, **asked: Any) -> Any:
        """Ask for something under its address, see the status, and return the JSON."""
        answer = self.root.request(method, f"/dashboards/{self.id}{path}", **asked)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def layout(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "/layout")
        return found

    def panels(self) -> dict[str, dict[str, Any]]:
        return {panel["id"]: panel for panel in self.layout()["panels"]}

    def wrong(self, method: str, path: str, status: int, **asked: Any) -> str:
        """Return the message of an error."""
        return str(self.ask(method, path, status, **asked)["error"]["message"])

    async def peer(self) -> Peer:
        peer = Peer(self.url, self.key)
        await peer.connect()
        return peer


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return site.key("ada")


@pytest.fixture
def board(site: Site, key: str) -> Iterator[Board]:
    one = Board(site, key)
    yield one
    one.root.close()


def test_a_dashboard_is_made_listed_renamed_and_thrown_away(board: Board) -> None:
    """As a document is."""
    assert board.made["title"] == "Site"
    assert board.made["role"] == "owner"
    assert board.made["live"] == f"/ws/dashboards/{board.id}/live"
    listed = board.root.get("/dashboards", params={"limit": 1}).json()["dashboards"]
    assert listed == [board.made]
    assert board.ask("PATCH", "", json={"title": " Our \n site"})["title"] == "Our site"
    assert board.layout()["title"] == "Our site"
    assert board.wrong("DELETE", "?forever=true", 409) == "Move it to the trash first."
    board.ask("DELETE", "", 204)
    trash = board.root.get("/dashboards", params={"view": "trash"}).json()["dashboards"]
    assert board.id in {one["id"] for one in trash}
    board.ask("DELETE", "?forever=true", 204)
    board.ask("GET", "", 404)


def test_a_layout_is_exported_and_imported(board: Board, site: Site) -> None:
    """The copy of an export is the same, with an ETag that says so."""
    exported = board.root.get(f"/dashboards/{board.id}/layout")
    layout = exported.json()
    assert layout["panels"][0]["queries"] == {"a": {"metric": "cpu"}}
    etag = {"If-None-Match": exported.headers["ETag"]}
    again = board.root.get(f"/dashboards/{board.id}/layout", headers=etag)
    assert again.status_code == 304
    copy = Board(site, board.key, layout)
    assert copy.layout() == layout
    assert board.ask("PUT", "/layout", json=layout)["seq"] == 1


def test_import_replaces_by_the_smallest_edit(board: Board) -> None:
    """What is the same is not written; a title that the file does not have stays."""
    layout = board.layout()
    del layout["title"], layout["panels"][1]
    layout["panels"][0]["title"] = "CPU"
    seq = board.ask("PUT", "/layout", json=layout)["seq"]
    assert seq == 2
    assert board.layout() == layout | {"title": "Site"}
    changes = board.ask("GET", "/versions/1/changes")["changes"]
    assert [change["text"] for change in changes] == [
        "Renamed the panel “Load” to “CPU”.",
        "Removed the panel “Notes”.",
    ]


def test_import_of_an_old_read_changes_only_what_the_file_changed(board: Board) -> None:
    """A program that was slow undoes nothing of what people did meanwhile."""
    read = board.root.get(f"/dashboards/{board.id}/layout")
    layout = read.json()
    board.ask("PATCH", f"/panels/{A}", json={"unit": "percent", "title": "CPU"})
    board.ask("POST", "/panels", 201, json={"kind": "stat", "title": "New"})
    board.ask("PATCH", "", json={"title": "Our site"})
    layout["panels"][0] |= {"w": 3, "unit": "s"}
    del layout["panels"][1]
    board.ask("PUT", f"/layout?since={read.headers['X-Seq']}", json=layout)
    panels = board.panels()
    assert (panels[A]["w"], panels[A]["unit"], panels[A]["title"]) == (3, "percent", "CPU")
    assert {panel["title"] for panel in panels.values()} == {"CPU", "New"}
    assert board.layout()["title"] == "Our site"
    board.ask("PUT", "/layout?since=99", 404, json=layout)


def test_import_can_add_panels_anew(board: Board) -> None:
    """They come below, in the order of the file, and take no id of another."""
    seq = board.ask("PUT", "/layout?mode=add", json=LAYOUT)["seq"]
    assert seq == 2
    panels = board.layout()["panels"]
    assert [panel["title"] for panel in panels] == ["Load", "Notes", "Load", "Notes"]
    assert len({panel["id"] for panel in panels}) == 4
    assert [v["name"] for v in board.layout()["variables"]] == ["host"]
    many = {"variables": [{"name": f"v{n}", "kind": "custom"} for n in range(VARIABLES_AT_MOST)]}
    message = board.wrong("PUT", "/layout?mode=add", 409, json=many)
    assert message == "A dashboard may have 12 variables at most. Remove one first."


def test_import_of_what_has_changed_since_can_be_refused(board: Board) -> None:
    """With the ETag of a read, as a document's content."""
    etag = board.root.get(f"/dashboards/{board.id}/layout").headers["ETag"]
    board.ask("PATCH", f"/panels/{A}", json={"title": "CPU"})
    said = {"If-Match": etag}
    message = board.wrong("PUT", "/layout", 412, json=LAYOUT, headers=said)
    assert message == "The layout has changed since you read it."
    assert board.panels()[A]["title"] == "CPU"
    board.ask("PUT", "/layout", json=LAYOUT, headers={"If-Match": "*"})
    assert board.panels()[A]["title"] == "Load"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"panels": [{"kind": "stat", "w": 13}]},
         "“panels.0.w” is not right: Input should be less than or equal to 12."),
        ({"colour": 1}, "“colour” is not right: Extra inputs are not permitted."),
        ({"panels": [{"kind": "stat", "x": 9, "w": 9}]},
         "“panels.0” is not right: Value error, x and w together may be 12 at most."),
        ({"version": 2},
         "“version” is not right: Value error, only version 1 of the format can be read here."),
    ],
)  # fmt: skip
def test_import_says_what_is_wrong_and_changes_nothing(
    board: Board, wrong: dict[str, Any], message: str
) -> None:
    """With its place in the file."""
    assert board.wrong("PUT", "/layout", 422, json=wrong) == message
    assert len(board.panels()) == 2


def test_panels_are_added_changed_and_removed(board: Board) -> None:
    """One by one; what is not given stays."""
    new = {"kind": "gauge", "title": "Disk", "thresholds": [[80, "warn"]],
           "queries": {"a": {"metric": "disk", "matchers": [["host", "=", "$host"]]}}}  # fmt: skip
    panel = board.ask("POST", "/panels", 201, json=new)
    assert (panel["y"], panel["w"], panel["h"]) == (7, 3, 3)
    path = f"/panels/{panel['id']}"
    changed = board.ask("PATCH", path, json={"unit": "percent", "queries": {"a": {"by": []}}})
    assert changed["queries"]["a"]["metric"] == "disk"
    assert (changed["title"], changed["unit"]) == ("Disk", "percent")
    assert board.panels()[panel["id"]]["queries"]["a"]["by"] == []
    more = {f"b{n:02}": {"metric": "disk"} for n in range(12)}
    message = board.wrong("PATCH", path, 409, json={"queries": more})
    assert message == "A panel may have 12 queries at most. Remove one first."
    changed = board.ask("PATCH", path, json={"queries": more | {"a": None}})
    assert list(changed["queries"]) == list(more)
    board.ask("DELETE", path, 204)
    for method, asked in (("PATCH", {"json": {"title": "x"}}), ("DELETE", {})):
        message = board.wrong(method, path, 404, **asked)
        assert message == "There is no such panel; somebody may have removed it."
    board.wrong("PATCH", "/panels/NOT-AN-ID", 422, json={})
    board.wrong("POST", "/panels", 422, json={"title": "no kind"})


def test_no_more_panels_than_are_shown(board: Board) -> None:
    """The 61st is refused."""
    panels = [{"kind": "stat"}] * PANELS_AT_MOST
    board.ask("PUT", "/layout", json={"panels": panels})
    message = board.wrong("POST", "/panels", 409, json={"kind": "stat"})
    assert message == "A dashboard may have 60 panels at most. Remove one first."


async def test_changes_over_http_reach_those_who_edit(board: Board) -> None:
    """At once, and of a text only the words: a title that is typed meanwhile stays."""
    peer = await board.peer()
    title: Any = peer.doc.get("title", type=pycrdt.Text)
    title += " of ours"
    await peer.flush()
    await peer.until_saved()
    await asyncio.to_thread(
        board.ask, "PATCH", f"/panels/{B}", json={"text": "Call Ada or Bob.", "x": 3}
    )
    await peer.until(lambda: layout_of(peer.doc).panels[B].text == "Call Ada or Bob.")
    assert layout_of(peer.doc).panels[B].place.x == 3
    assert layout_of(peer.doc).title == "Site of ours"
    assert (await asyncio.to_thread(board.layout))["title"] == "Site of ours"
    await peer.close()


async def test_http_and_sockets_at_once_lose_nothing(site: Site, key: str) -> None:
    """Programs change panels, add some and import whole layouts while three people edit."""
    board = Board(site, key, None)
    shared = ["shared0001", "shared0002"]
    board.ask("POST", "/updates", content=seed(shared),
              headers={"Content-Type": "application/octet-stream"})  # fmt: skip
    own, contested = places(shared)[::2], places(shared)[1::2]
    editors = [Editor(board.url, key, n, shared, own[n::3], contested) for n in range(3)]
    for editor in editors:
        await editor.connect()
    written: dict[str, int] = {}

    def read() -> tuple[dict[str, Any], str]:
        answer = board.root.get(f"/dashboards/{board.id}/layout")
        return answer.json(), answer.headers["X-Seq"]

    reads = [read()]

    def program() -> None:
        for number in range(24):
            # Fields that nobody else writes.
            board.ask("PATCH", f"/panels/{shared[number % 2]}", json={"y": 1000 + number})
            written[shared[number % 2]] = 1000 + number
            made = board.ask("POST", "/panels", 201, json={"kind": "stat", "title": f"p{number}"})
            if number % 4 == 0:
                # What it read before, with one panel more: the others' edits since are not in it.
                layout, seq = reads.pop(0)
                layout["panels"].append({"kind": "bars", "id": f"imported{number:02}"})
                board.ask("PUT", f"/layout?since={seq}", json=layout)
                reads.append(read())
            if number % 8 == 0:
                board.ask("DELETE", f"/panels/{made['id']}", 204)

    edits = [editor.edit(150) for editor in editors]
    await asyncio.gather(asyncio.to_thread(program), *edits)
    for editor in editors:
        if not editor.connected:
            await editor.connect()
        await editor.until_saved()
    fresh = await board.peer()
    now = content_of(fresh.doc)
    titles = {panel.get("title") for panel in now["panels"].values()}
    assert titles >= {f"p{number}" for number in range(24) if number % 8}
    assert not titles & {f"p{number}" for number in range(24) if number % 8 == 0}
    assert {f"imported{number:02}" for number in range(0, 24, 4)} <= now["panels"].keys()
    assert {panel: now["panels"][panel]["y"] for panel in shared} == written
    for editor in editors:
        check(editor, now)
        await editor.close()
    await fresh.close()


def test_update_over_http_is_an_edit_like_a_socket_s(board: Board) -> None:
    """For a layout too large for a frame."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["panels"] = pycrdt.Map({"cccccccccc": pycrdt.Map({"kind": "stat"})})
    said = {"Content-Type": "application/octet-stream"}
    board.ask("POST", "/updates", content=doc.get_update(), headers=said)
    assert set(board.panels()) == {A, B, "cccccccccc"}
    board.wrong("POST", "/updates", 422, content=b"\x01\x01", headers=said)
    board.wrong("POST", "/updates", 415, json={})


# Versions


def test_versions_are_read_compared_and_named(board: Board) -> None:
    """What changed is told in sentences that anybody understands."""
    board.ask("PATCH", f"/panels/{A}", json={"w": 4, "unit": "percent", "limit": 3})
    board.ask("PATCH", f"/panels/{B}", json={"x": 2, "title": ""})
    board.ask("POST", "/panels", 201, json={"kind": "status"})
    told = board.ask("GET", "/versions/1/changes", params={"to": 4})["changes"]
    assert [change["text"] for change in told] == [
        "Resized the panel “Load”.",
        "Changed the panel “Load”: unit, number of lines.",
        "Renamed the panel “Notes” to without a title (text).",
        "Moved the panel without a title (text).",
        "Added the panel without a title (status grid).",
    ]
    assert (told[1]["panel"], told[1]["fields"]) == (A, ["unit", "limit"])
    first = board.ask("GET", "/versions/0/changes", params={"to": 1})["changes"]
    assert [change["text"] for change in first][-2:] == [
        "Added the panel “Notes”.", "Added the variable $host.",
    ]  # fmt: skip
    assert board.ask("GET", "/versions/1")["panels"][1]["title"] == "Notes"
    board.ask("GET", "/versions/99", 404)
    board.ask("POST", "/versions", 201, json={"name": "Good", "seq": 1})
    listed = board.ask("GET", "/versions")["versions"]
    assert [(version["seq"], version["name"]) for version in listed] == [(4, None), (1, "Good")]


async def test_restoring_keeps_what_others_change_meanwhile(board: Board) -> None:
    """It writes what differs from the version, as one edit that can be taken back again."""
    board.ask("PATCH", f"/panels/{A}", json={"title": "CPU", "unit": "percent"})
    board.ask("DELETE", f"/panels/{B}", 204)
    peer = await board.peer()
    restored = (await asyncio.to_thread(board.ask, "POST", "/versions/1/restore"))["seq"]
    await peer.until(lambda: B in layout_of(peer.doc).panels)
    assert layout_of(peer.doc).panels[B].text == "Call Ada."
    # Somebody goes on from there; undoing the restore takes only the restore back.
    panels: Any = peer.doc.get("panels", type=pycrdt.Map)
    with peer.doc.transaction():
        panels[A]["unit"] = "bytes"
        panels[A]["decimals"] = 2
    await peer.flush()
    await peer.until_saved()
    path = f"/versions/{restored - 1}/restore?since={restored}"
    await asyncio.to_thread(board.ask, "POST", path)
    await peer.until(lambda: B not in layout_of(peer.doc).panels)
    panel = layout_of(peer.doc).panels[A]
    assert (panel.title, panel.unit, panel.decimals) == ("CPU", "bytes", 2)
    await peer.close()


async def test_titles_follow_what_is_typed_in_the_room(board: Board) -> None:
    """Lists show what the page shows."""
    peer = await board.peer()
    title: Any = peer.doc.get("title", type=pycrdt.Text)
    title += " 2"
    await peer.flush()
    await peer.until_saved()

    async def mirrored() -> None:
        while (await asyncio.to_thread(board.ask, "GET", ""))["title"] != "Site 2":
            await asyncio.sleep(0.05)

    await asyncio.wait_for(mirrored(), 15)
    await peer.close()


def test_the_demo_s_dashboard_is_whole() -> None:
    """It has panels of every kind, a variable, thresholds and units."""
    from collab.site.demo import this_site
    from dashboards.layout.exchange import export

    layout = this_site()
    assert {panel.kind.value for panel in layout.panels.values()} == {
        "stat", "timeseries", "gauge", "bars", "table", "status", "text",
    }  # fmt: skip
    assert [variable.name for variable in layout.variables] == ["host"]
    text = json.dumps(export(layout))
    assert "$host" in text
    assert '"thresholds"' in text
    assert '"unit": "bytes/s"' in text

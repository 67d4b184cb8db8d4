"""A person's open dashboard in a real browser, and everything it complained of."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
from playwright.async_api import Locator, expect

from tests.e2e.demo import Demo
from tests.e2e.paper import Paper

_CELLS = """() => Object.fromEntries([...document.querySelectorAll('#grid .panel')].map((panel) => [
  panel.dataset.panel,
  ['x', 'y', 'w', 'h'].map((side) =>
    Number([...panel.classList].find((name) => RegExp(`^${side}\\\\d+$`).test(name)).slice(1))),
]))"""
_TITLES = """() => Object.fromEntries(
  [...document.querySelectorAll('#grid .panel')].map((panel) => [
    panel.dataset.panel, panel.querySelector('.panel__title').textContent]))"""
_HELD = """(panel) => {
  const held = document.querySelector('collab-dashboard').charts.held.get(panel);
  return held && { at: [...held.at], values: [...held.values[0]].map((v) => isNaN(v) ? null : v) };
}"""
_SCALE = """(panel) => {
  const { plot } = document.querySelector(`#panel-${panel} collab-chart`);
  return plot && [plot.scales.x.min, plot.scales.x.max];
}"""
_HIDE = """(isHidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event('visibilitychange'));
}"""

Cells = dict[str, list[int]]


class Board(Paper):
    """One dashboard in one tab."""

    async def until_ready(self) -> None:
        await self.until_feed("live")

    async def until_feed(self, name: str) -> None:
        """Wait for what the line says: connecting, live, fixed, paused, reconnecting, offline."""
        await expect(self.page.locator("[data-feed]")).to_have_attribute("data-feed", name)

    async def edit(self) -> None:
        """Switch editing on, and wait until the layout is there."""
        await self.page.get_by_role("switch", name="Edit").click()
        await expect(self.page.locator("collab-dashboard[data-editing]")).to_be_attached()
        await self.until_state("saved")

    def panel(self, panel: str) -> Locator:
        return self.page.locator(f"#panel-{panel}")

    def values(self, panel: str) -> Locator:
        return self.page.locator(f"#values-{panel}")

    def grip(self, panel: str) -> Locator:
        return self.panel(panel).get_by_role("button", name="Move or resize")

    def plot(self, panel: str) -> Locator:
        return self.panel(panel).locator(".u-over")

    @property
    def ghosts(self) -> Locator:
        """Panels as other people drag them."""
        return self.page.locator(".ghost")

    async def act(self, panel: str, name: str) -> None:
        """Choose from a panel's menu."""
        await self.panel(panel).hover()
        await self.panel(panel).locator("summary").click()
        await self.panel(panel).get_by_role("button", name=name, exact=True).click()

    async def key_on(self, panel: str, *keys: str) -> None:
        """Press keys on a panel's handle."""
        for key in keys:
            await self.grip(panel).press(key)

    async def grab(self, panel: str, handle: str = ".panel__grip") -> tuple[float, float]:
        """Press on a panel's handle. Returns where."""
        box = await self.panel(panel).locator(handle).bounding_box()
        assert box is not None
        at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await self.page.mouse.move(*at)
        await self.page.mouse.down()
        return at

    async def drag(
        self, panel: str, columns: float, rows: float, handle: str = ".panel__grip"
    ) -> None:
        """Drag a panel, or its corner, and leave it under the pointer."""
        x, y = await self.grab(panel, handle)
        grid = await self.page.locator("#grid").bounding_box()
        assert grid is not None
        to = (x + columns * (grid["width"] + 10) / 12, y + rows * 80)
        await self.page.mouse.move(*to, steps=5)

    async def drop(self) -> None:
        await self.page.mouse.up()

    async def cells(self) -> Cells:
        """Return where each panel is shown: column, row, width, height."""
        return dict(await self.page.evaluate(_CELLS))

    async def until_cells(self, **wanted: list[int]) -> None:
        """Wait until panels are shown in these cells."""
        script = f"(wanted) => {{ const cells = ({_CELLS})(); return Object.entries(wanted).every("
        script += "([panel, place]) => `${cells[panel]}` === `${place}`); }"
        try:
            await self.page.wait_for_function(script, arg=wanted, timeout=15_000)
        except Exception as error:
            raise AssertionError(f"{await self.cells()} is not {wanted}") from error

    async def titles(self) -> dict[str, str]:
        return dict(await self.page.evaluate(_TITLES))

    async def held(self, panel: str) -> dict[str, list[Any]]:
        """Return the times and values of a chart's first line."""
        return dict(await self.page.evaluate(_HELD, panel) or {"at": [], "values": []})

    async def until_value(self, panel: str, value: float) -> None:
        """Wait until a chart has a value."""
        script = f"([panel, value]) => ({_HELD})(panel)?.values.includes(value)"
        await self.page.wait_for_function(script, arg=[panel, value], timeout=15_000)

    async def scale(self, panel: str) -> list[float]:
        """Return from when to when a chart shows, in ms."""
        return list(await self.page.evaluate(_SCALE, panel))

    async def until_drawn(self, panel: str) -> None:
        await expect(self.panel(panel).locator("canvas")).to_be_visible()

    async def hide(self, hidden: bool) -> None:
        """Let the page believe that nobody sees it, or that somebody does again."""
        await self.page.evaluate(_HIDE, hidden)


async def until_alike(first: Board, second: Board) -> Cells:
    """Wait until both have saved, and show the same panels in the same cells."""
    for board in (first, second):
        await board.until_state("saved")
    async with asyncio.timeout(15):
        while (cells := await first.cells()) != await second.cells():
            await second.page.evaluate("new Promise(requestAnimationFrame)")
    assert await first.titles() == await second.titles()
    return cells


class Boards:
    """Makes dashboards of the demo site, and sends numbers to it."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self._ingest = demo.site.run("token", "ada", "--scope", "ingest").stdout.strip()

    def _api(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.demo.key}"}
        url = f"{self.demo.site.url}/api/dashboards{path}"
        answer = httpx.request(method, url, headers=headers, timeout=20, verify=False, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def new(self, panels: dict[str, dict[str, Any]], **layout: Any) -> str:
        """Make a dashboard of Ada's that Bob edits and Carla reads. Returns its id."""
        listed = [{"id": key, **panel} for key, panel in panels.items()]
        made = self._api(
            "POST", "", json={"title": "Board", "layout": {"panels": listed, **layout}}
        )["id"]
        for name, role in (("bob", "editor"), ("carla", "reader")):
            self._api("POST", f"/{made}/grants", json={"user": name, "role": role})
        return str(made)

    def layout(self, dashboard: str) -> dict[str, dict[str, Any]]:
        """Return the panels that the server has, by id."""
        found = self._api("GET", f"/{dashboard}/layout")["panels"]
        return {panel["id"]: panel for panel in found}

    def revoke(self, dashboard: str, name: str) -> None:
        """Take away somebody's role."""
        grants = self._api("GET", f"/{dashboard}/grants")["grants"]
        (mine,) = (grant["id"] for grant in grants if grant["user"] == name)
        self._api("DELETE", f"/{dashboard}/grants/{mine}")

    def demote(self, dashboard: str, name: str) -> None:
        """Let somebody only read from now on."""
        grants = self._api("GET", f"/{dashboard}/grants")["grants"]
        (mine,) = (grant["id"] for grant in grants if grant["user"] == name)
        self._api("PATCH", f"/{dashboard}/grants/{mine}", json={"role": "reader"})

    def record(self, name: str, *values: tuple[float, float], **labels: str) -> None:
        """Send numbers of a metric, each as (seconds before now, value)."""
        now = time.time()
        lines = [
            json.dumps({"name": name, "labels": labels, "value": value, "time": now - ago})
            for ago, value in values
        ]
        answer = httpx.post(
            f"{self.demo.site.url}/ingest/json",
            headers={"Authorization": f"Bearer {self._ingest}"}, content="\n".join(lines),
            timeout=20, verify=False,
        )  # fmt: skip
        answer.raise_for_status()

    async def open(self, name: str, dashboard: str, search: str = "", **options: object) -> Board:
        """Open a dashboard as somebody, in a browser of their own."""
        url = f"{self.demo.site.url}/dashboards/{dashboard}/{search}"
        board = Board(await self.demo.context(name, **options), url)
        await board.open()
        return board

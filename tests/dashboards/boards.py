"""Dashboards on running sites: made, recorded for, and looked at over real sockets."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from collab.testing.servers import Site
from tests.dashboards.lookers import Looker

CPU, NOTE = "cpu0000000", "note000000"

_MAKE = """
import json
from django.contrib.auth.models import User
from dashboards import actions
from dashboards.layout.model import Layout, Panel, PanelKind, Place, QuerySpec
owner = User.objects.get(username=OWNER)
made = []
for n in range(COUNT):
    panels = [
        Panel("cpu0000000", PanelKind.TIMESERIES, "CPU", Place(0, 0, 6, 4),
              {"a": QuerySpec(f"{PREFIX}{n}", function="last", legend="{{host}}")}),
        Panel("note000000", PanelKind.TEXT, "Note", Place(6, 0, 3, 2), text="*Hi*"),
    ]
    layout = Layout("A board", {panel.id: panel for panel in panels})
    made.append(str(actions.create_dashboard(actor=owner, layout=layout).pk))
from django.test import Client
browser = Client()
browser.force_login(owner)
print(json.dumps([browser.cookies["sessionid"].value, made]))
"""


class Board:
    """A dashboard that shows one metric, at one process or several.

    Args:
        sites: Its processes; numbers go to the first, who looks is at the last.
        key: Its owner's API key.
        session: The session of a browser in which its owner logged in.
        dashboard: Its id.
        metric: What it shows.
    """

    def __init__(
        self, sites: tuple[Site, ...], key: str, session: str, dashboard: str, metric: str
    ) -> None:
        self.sites = sites
        self.key = key
        self.session = session
        self.dashboard = dashboard
        self.metric = metric
        self.next_ms = time.time_ns() // 1_000_000 - 14_000

    async def look(self, *, key: str | None = None, site: int = -1) -> Looker:
        return await self.looker(key=key, site=site).open()

    def looker(self, *, key: str | None = None, site: int = -1) -> Looker:
        url = f"{self.sites[site].ws_url}/ws/dashboards/{self.dashboard}/live"
        return Looker(url, key or self.key)

    def record(self, value: float, *, site: int = 0, at_ms: int | None = None) -> int:
        """Send a number, a second after the last one. Returns its time once it is committed."""
        if at_ms is None:
            at_ms, self.next_ms = self.next_ms, self.next_ms + 1000
        line = {
            "name": self.metric, "labels": {"host": "a"}, "value": value, "time": at_ms / 1000,
        }  # fmt: skip
        url = f"{self.sites[site].url}/ingest/json"
        headers = {"Authorization": f"Bearer {self.key}"}
        httpx.post(url, content=json.dumps(line), headers=headers, verify=False).raise_for_status()
        return at_ms

    def page(self, path: str = "") -> httpx.Response:
        """Load a page of it, as its owner's browser does."""
        url = f"{self.sites[-1].url}/dashboards/{self.dashboard}/{path}"
        return httpx.get(url, cookies={"sessionid": self.session}, timeout=20, verify=False)

    def api(self, method: str, path: str, **other: Any) -> httpx.Response:
        """Ask the API, as its owner."""
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.sites[-1].url}/api/{path}"
        return httpx.request(method, url, headers=headers, timeout=20, verify=False, **other)

    def shell(self, code: str) -> None:
        """Run code with `dashboard` and `ben` in a process of its own."""
        names = (
            "from django.contrib.auth.models import User\n"
            "from collab import sharing\nfrom collab.models import Role\n"
            "from dashboards.models import Dashboard\n"
            f"dashboard = Dashboard.objects.get(pk='{self.dashboard}')\n"
            "ben = User.objects.filter(username='ben').first()\n"
        )
        self.sites[0].run("shell", "-v", "0", "-c", names + code)


def boards(sites: tuple[Site, ...], count: int, prefix: str, owner: str = "ada") -> list[Board]:
    """Make dashboards that show one metric each."""
    key = sites[0].key(owner)
    names = f"OWNER, COUNT, PREFIX = {owner!r}, {count}, {prefix!r}\n"
    done = sites[0].run("shell", "-v", "0", "-c", names + _MAKE)
    session, made = json.loads(done.stdout.splitlines()[-1])
    return [Board(sites, key, session, pk, f"{prefix}{n}") for n, pk in enumerate(made)]

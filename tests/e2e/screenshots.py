"""The README's pictures: `python -m tests.e2e.screenshots` writes them into `docs/`.

Two people on a demo site of its own, in light and dark, wide and on a phone.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright, expect

from collab.testing.servers import Site, running
from tests.e2e.board import Board
from tests.e2e.conftest import FLAGS
from tests.e2e.demo import Demo
from tests.e2e.paper import Paper
from tests.support import needs

DOCS = needs.REPOSITORY / "docs"
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 820}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780}, "device_scale_factor": 2, "has_touch": True,
}  # fmt: skip

_STAGE = """
from django.contrib.auth import get_user_model
from collab import sharing
from collab.models import Role
from documents import actions
from documents.content import rewrite
users = get_user_model().objects
ada, bob = users.get(username="ada"), users.get(username="bob")
for title, kind in (
    ("Release notes", "rich"), ("Reading list", "rich"), ("deploy.py", "text"),
    ("Minutes of the garden committee", "rich"), ("Recipes.md", "text"),
):
    wanted = {"type": "text", "text": CODE} if kind == "text" else {"type": "doc", "content": []}
    content = rewrite.new_state(wanted, kind, title)
    document = actions.create_document(actor=ada, title=title, kind=kind, content=content)
    sharing.grant(document.room, bob, Role.EDITOR)
    for person in (ada, bob):
        actions.note_visit(actor=person, shared=document)
    print(document.pk)
sharing.create_link(document.room, Role.READER)
"""
_CODE = '''"""Roll a release out, one process after the other."""

import asyncio


async def roll(processes: list[str]) -> None:
    for process in processes:
        await restart(process)   # peers come back by themselves
        await until_ready(process)


asyncio.run(roll(["web1", "web2"]))
'''

# An hour of two more machines, as their agents would have sent it.
_PAST = """
import math, random, time
from dashboards.ingest.readings import Kind, Reading
from dashboards.models import Dashboard
from dashboards.recording import Recorder
now, chance, readings = int(time.time()) * 1000, random.Random(7), []
rising = {
    "host_network_received_bytes": 90_000, "host_network_sent_bytes": 160_000,
    "host_disk_written_bytes": 40_000, "collab_updates_total": 6, "collab_samples_total": 130,
}
for number, host in enumerate(("web1", "web2")):
    labels, total = (("host", host),), dict.fromkeys(rising, 0.0)
    for at in range(now - 3_600_000, now, 10_000):
        wave = 1 + math.sin(at / 400_000 + 2 * number) + chance.random() / 2
        if chance.random() < 0.01:
            wave += 2
        cpu, memory = 14 * wave + 6, 3.2e9 + 2e8 * wave
        readings.append(Reading("host_cpu_percent", labels, min(cpu, 100), at, unit="percent"))
        readings.append(Reading("host_memory_used_bytes", labels, memory, at, unit="bytes"))
        for name, speed in rising.items():
            total[name] += 10 * speed * wave
            readings.append(Reading(name, labels, total[name], at, Kind.COUNTER))
Recorder.current().submit(readings).result(30)
print(Dashboard.objects.get().pk)
"""


async def main() -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), command=("up",))
        with running(site):
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=needs.chromium(), args=FLAGS
                )
                demo = Demo(site)
                demo.browser = browser
                demo.prepare({})
                code = f"CODE = {_CODE!r}\n{_STAGE}"
                made = site.run("shell", "--no-imports", "-c", code).stdout.split()
                await _take(demo, made)
                await browser.close()


async def _take(demo: Demo, made: list[str]) -> None:
    """Take them in order: what is written in one is seen in the next."""
    bob = await demo.open("Bob", demo.welcome, **WIDE)
    ada = await demo.open("Ada", demo.welcome, **WIDE, color_scheme="light")
    await bob.to_end_of("Cost follows people, not people times people.")
    await bob.type(" Hello, Ada!")
    await ada.until_text("Hello, Ada!")
    await expect(ada.carets.first).to_be_visible()
    await ada.until_state("saved")
    await ada.page.screenshot(path=DOCS / "editor-light.png")
    await _share(ada)
    notes = await demo.open("Bob", made[0], **WIDE)
    await _home(demo)
    await _slash(demo)
    await _phone(demo)
    await _versions(demo)
    await _text(demo, made[2])
    await _dashboard(demo)
    for paper in (ada, bob, notes):
        await paper.context.close()


async def _share(ada: Paper) -> None:
    await ada.page.get_by_role("link", name="Share").click()
    await ada.page.get_by_role("button", name="Make a link").click()
    await expect(ada.page.get_by_role("button", name="Copy").first).to_be_visible()
    await ada.page.screenshot(path=DOCS / "share-light.png")
    await ada.press("Escape")


async def _home(demo: Demo) -> None:
    context = await demo.context("Ada", **WIDE, color_scheme="dark")
    page = await context.new_page()
    await page.goto(demo.site.url)
    await expect(page.locator(".shelf .person").nth(1)).to_be_visible()
    await page.screenshot(path=DOCS / "home-dark.png")
    await context.close()


async def _slash(demo: Demo) -> None:
    ada = await demo.open("Ada", demo.welcome, **WIDE, color_scheme="dark")
    await ada.to_end_of("Versions shows who wrote what, compares, and takes you back")
    await ada.press("Enter")
    await ada.press("Enter")
    await ada.type("/")
    await expect(ada.page.get_by_role("listbox")).to_be_visible()
    await ada.page.screenshot(path=DOCS / "editor-dark.png")
    await ada.press("Escape")
    await ada.press("Backspace")
    await ada.until_state("saved")
    await ada.context.close()


async def _phone(demo: Demo) -> None:
    ada = await demo.open("Ada", demo.welcome, **PHONE, color_scheme="dark")
    await ada.until_state("saved")
    await ada.page.screenshot(path=DOCS / "editor-phone-dark.png")
    await ada.page.goto(demo.site.url)
    await ada.page.screenshot(path=DOCS / "home-phone-dark.png")
    await ada.context.close()


async def _versions(demo: Demo) -> None:
    context = await demo.context("Ada", **WIDE, color_scheme="light")
    page = await context.new_page()
    await page.goto(f"{demo.url(demo.welcome)}versions/")
    await page.locator(".history__link").filter(has_text="Bob").first.click()
    await expect(page.locator(".version__who")).to_have_text("BKBob Kahn")
    await page.get_by_role("link", name="What changed in that time").click()
    await expect(page.locator("#version ins").first).to_be_visible()
    await page.screenshot(path=DOCS / "versions-light.png")
    await context.close()


async def _text(demo: Demo, document: str) -> None:
    ada = await demo.open("Ada", document, **WIDE, color_scheme="dark")
    await ada.until_state("saved")
    await ada.page.screenshot(path=DOCS / "text-dark.png")
    await ada.context.close()


async def _dashboard(demo: Demo) -> None:
    made = demo.site.run("shell", "--no-imports", "-c", _PAST).stdout.split()[-1]
    url = f"{demo.site.url}/dashboards/{made}/"
    for name, shown in (
        ("light", {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light"}),
        ("phone-dark", PHONE | {"color_scheme": "dark"}),
    ):
        board = await _board(demo, "Ada", f"{url}?from=now-1h&to=now", **shown)
        await board.page.screenshot(path=DOCS / f"dashboard-{name}.png")
        await board.context.close()
    ada = await _board(demo, "Ada", url, **WIDE, color_scheme="dark")
    bob = await _board(demo, "Bob", url, **WIDE)
    for board in (ada, bob):
        await board.edit()
    panels = list(await ada.cells())
    await bob.act(panels[5], "Edit")
    await bob.drag(panels[3], -2, 1)
    await ada.act(panels[4], "Edit")
    await expect(ada.ghosts).to_have_text("Bob Kahn")
    await ada.page.screenshot(path=DOCS / "dashboard-editing-dark.png")
    await bob.press("Escape")
    await bob.drop()
    for board in (ada, bob):
        await board.context.close()


async def _board(demo: Demo, name: str, url: str, **shown: Any) -> Board:
    board = Board(await demo.context(name, **shown), url)
    await board.open()
    await expect(board.page.locator("collab-chart canvas").first).to_be_visible()
    await board.until_ready()
    return board


if __name__ == "__main__":
    asyncio.run(main())

"""The guide to layouts as files: every example of it is run against a site."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import httpx

from collab.testing import programs
from collab.testing.servers import Site
from dashboards.layout import exchange
from tests.support import needs

GUIDE = Path(__file__).parents[2] / "docs" / "layout.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_example_of_a_file_says_no_more_than_it_must() -> None:
    """It reads as it is, and is written back with ids and places."""
    (text,) = blocks("json")
    layout = exchange.parse(text)
    assert [panel.kind.value for panel in layout.panels.values()] == ["timeseries", "stat", "text"]
    assert exchange.parse(exchange.written(layout)) == layout


def test_every_example_of_the_guide_works(site: Site, tmp_path: Path) -> None:
    """As it stands there, one after the other in one shell, which stops at the first failure."""
    if programs.find("jq") is None:
        needs.missing("needs jq")
    key = site.key()
    api = httpx.Client(base_url=f"{site.url}/api", timeout=20,
                       headers={"Authorization": f"Bearer {key}"})  # fmt: skip
    made = api.post("/dashboards", json={}).json()
    (tmp_path / "example.json").write_text(blocks("json")[0])
    done = subprocess.run(
        ["bash", "-c", "\n".join(["set -e", *blocks("sh")])],
        env=os.environ | {"SITE": site.url, "KEY": key, "DASHBOARD": made["id"]},
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    layout = api.get(f"/dashboards/{made['id']}/layout").json()
    assert layout["title"] == "Our shop"
    assert [panel["title"] for panel in layout["panels"]] == [
        "Orders", "Orders that failed", "Who to call",
    ]  # fmt: skip
    titles = [one["title"] for one in api.get("/dashboards").json()["dashboards"]]
    assert titles.count("Our shop") == 2

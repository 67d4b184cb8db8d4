"""What a test needs of the machine. Missing, it skips, or fails where all must run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collab.testing import programs

REPOSITORY = Path(__file__).resolve().parents[2]


def strict() -> bool:
    """Tell whether a missing tool is a failure (COLLAB_TEST_STRICT=1, as in CI)."""
    return os.environ.get("COLLAB_TEST_STRICT") == "1"


def missing(what: str) -> None:
    """Skip the test, or fail it where everything must run."""
    if strict():
        pytest.fail(f"{what}, and COLLAB_TEST_STRICT=1 asks for every test")
    pytest.skip(what)


def chromium() -> str:
    """Return the path of Chromium; without windows if there is such a one, for 40 % less CPU."""
    path = programs.find("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    if path is None:
        missing("needs Chromium")
    return str(path)


def node() -> str:
    """Return the path of Node.js, if the front end's packages are installed for it."""
    path = programs.find("node")
    if path is None:
        missing("needs Node.js")
    if not (REPOSITORY / "frontend/js/node_modules/y-websocket").is_dir():
        missing("needs the front end's packages (npm ci in frontend/js)")
    return str(path)


def axe() -> str:
    """Return the source of axe-core, if the front end's packages are installed."""
    path = REPOSITORY / "frontend/js/node_modules/axe-core/axe.min.js"
    if not path.is_file():
        missing("needs the front end's packages (npm ci in frontend/js)")
    return path.read_text()

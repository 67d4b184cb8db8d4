"""The npm packages of the load scripts and of the servers beside Collab, in a folder of their own.

Node.js looks for packages beside the script that imports them and in the folders above it. The
folder holds the packages and links into the checkout, and scripts run by their links in it: the
checkout stays clean, and what runs is what is in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from collab.testing.programs import MissingProgram, find

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_FILES = ("package.json", "package-lock.json", ".npmrc")


def home() -> Path:
    """Return the folder: in the user's cache directory."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "collab" / "benchmarks"


def node() -> str:
    """Return the path of Node.js.

    Raises:
        MissingProgram: it is not there.
    """
    path = find("node")
    if path is None:
        raise MissingProgram("needs Node.js")
    return path


def install() -> Path:
    """Install the pinned versions, unless they are there already. Returns the folder.

    Raises:
        MissingProgram: there is no npm.
        RuntimeError: npm failed; the text says why.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tests", "frontend"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / name)
    if _installed(folder):
        return folder
    npm = find("npm")
    if npm is None:
        raise MissingProgram("needs npm")
    for name in _FILES:
        shutil.copyfile(HERE / name, folder / name)
    done = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"npm ci failed in {folder}: {done.stderr.strip()[-500:]}")
    # Only now: an installation that was broken off is made again.
    shutil.copyfile(HERE / "package-lock.json", folder / "installed.json")
    return folder


def _installed(folder: Path) -> bool:
    note = folder / "installed.json"
    if not note.exists() or not (folder / "node_modules").is_dir():
        return False
    return note.read_bytes() == (HERE / "package-lock.json").read_bytes()


def script(name: str) -> list[str]:
    """Return the command that runs one of the scripts: `fanout`, `hocuspocus`."""
    path = home() / "tests" / "benchmarks" / f"{name}.mjs"
    # Without these Node.js would follow the link and look for packages in the checkout.
    return [node(), "--preserve-symlinks", "--preserve-symlinks-main", str(path)]

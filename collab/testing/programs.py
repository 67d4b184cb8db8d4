"""Where the servers' programs are on this machine."""

from __future__ import annotations

import functools
import glob
import shutil
from pathlib import Path


class MissingProgram(LookupError):
    """A program that is needed is not on this machine; the text says which."""


@functools.cache
def find(*names: str) -> str | None:
    """Return the path of the first that is there: a name on the PATH, or a pattern of paths."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
        matches = sorted(glob.glob(name), reverse=True)
        if matches:
            return matches[0]
    return None


def _needed(what: str, *names: str) -> str:
    path = find(*names)
    if path is None:
        raise MissingProgram(f"needs {what}")
    return path


def redis_server() -> str:
    return _needed("redis-server", "redis-server")


def postgres(program: str) -> str:
    """Return the path of one of PostgreSQL's programs: initdb, postgres, pg_dump."""
    return _needed(f"PostgreSQL's {program}", program, f"/usr/lib/postgresql/*/bin/{program}")


def node() -> str:
    return _needed("Node.js", "node")


def node_packages() -> Path:
    """Return the folder in whose node_modules Yjs and y-websocket are."""
    folder = Path(__file__).resolve().parents[2] / "frontend/js"
    if not (folder / "node_modules/y-websocket").is_dir():
        raise MissingProgram("needs the front end's packages (npm ci in frontend/js)")
    return folder


def nginx() -> str:
    return _needed("nginx", "nginx", "/usr/sbin/nginx")

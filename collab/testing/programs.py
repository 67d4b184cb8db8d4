"""Where the servers' programs are on this machine."""

from __future__ import annotations

import functools
import glob
import shutil


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


def nginx() -> str:
    return _needed("nginx", "nginx", "/usr/sbin/nginx")

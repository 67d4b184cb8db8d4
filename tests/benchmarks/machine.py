"""What was measured on: the machine, and the version of everything that took part."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from collab.testing import programs
from tests.benchmarks import packages

_PYTHON = ("django", "channels", "channels-redis", "daphne", "uvicorn", "uvloop", "pycrdt")
_NPM = {"Hocuspocus": "@hocuspocus/server", "y-websocket-server": "@y/websocket-server"}


def described() -> dict[str, str]:
    """Describe the machine in a few words each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def versions() -> dict[str, str]:
    """Return versions by name, of what is there."""
    found = {"Collab": _commit(), "Python": platform.python_version()}
    for name in _PYTHON:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["Node.js"] = _said(packages.node(), "--version").lstrip("v")
    for name, package in _NPM.items():
        path = packages.home() / "node_modules" / package / "package.json"
        if path.exists():
            found[name] = json.loads(path.read_text())["version"]
    try:
        found["Redis"] = _said(programs.redis_server(), "--version").split("v=")[1].split()[0]
        found["PostgreSQL"] = _said(programs.postgres("postgres"), "--version").split()[2]
    except programs.MissingProgram as missing:
        print(missing, file=sys.stderr)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    import collab

    try:
        commit = _said("git", "-C", str(packages.ROOT), "rev-parse", "--short=9", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return collab.__version__
    return f"{collab.__version__} ({commit})"


def _said(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    return done.stdout.strip()

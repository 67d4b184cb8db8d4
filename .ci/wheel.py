"""Check a built wheel: what is in it, and that a site starts from nothing but it.

Run by the Python that the wheel is installed for: wheel.py WHEEL SOURCE_DIRECTORY
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

APPS = ("collab", "documents", "dashboards", "frontend")
START_TIMEOUT_S = 30.0


def main() -> None:
    wheel, source = Path(sys.argv[1]), Path(sys.argv[2])
    check_contents(wheel, source)
    check_start()


def check_contents(wheel: Path, source: Path) -> None:
    """Exit unless every module, template, static file and migration is in, and nothing else is."""
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(source))
        for app in APPS
        for path in (source / app).rglob("*")
        if path.is_file() and (source / "frontend/js") not in path.parents
    }
    wanted = {name for name in wanted if "__pycache__" not in name and not name.endswith(".md")}
    if packed != wanted:
        sys.exit(f"The wheel lacks {sorted(wanted - packed)} and has {sorted(packed - wanted)}.")
    sys.stdout.write(f"{len(packed)} files, {wheel.stat().st_size // 1024} kB\n")


def check_start() -> None:
    """Exit unless `collab up` serves the login page and its styles, and stops when asked."""
    directory = Path(tempfile.mkdtemp())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("collab")), "up", "--port", str(port)]
    site = subprocess.Popen([*command, "--data", str(directory / "data")], cwd=directory)  # noqa: S603
    try:
        for path in ("healthz", "readyz", "login/", "static/frontend/css/base.css"):
            fetch(f"http://127.0.0.1:{port}/{path}", site)
    finally:
        site.terminate()
        status = site.wait(20)
        shutil.rmtree(directory)
    if status != 0:
        sys.exit(f"collab up ended with status {status} when asked to stop.")


def fetch(url: str, site: subprocess.Popen[bytes]) -> None:
    """Ask until there is an answer. Exits if it is not 200, or the site has ended."""
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own loopback address
                return
        except urllib.error.HTTPError as error:
            sys.exit(f"{url}: {error}")
        except OSError as error:
            if site.poll() is not None or time.monotonic() > end:
                sys.exit(f"{url}: {error}")
            time.sleep(0.1)


if __name__ == "__main__":
    main()

"""Servers of a test's own, on free ports: they may be stopped, killed and restarted."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

import collab
from collab.testing import programs

START_TIMEOUT_S = 40.0


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(method: str, url: str, **asked: Any) -> httpx.Response:
    """Ask a server of this machine; as `httpx.request`, which reads certificates for 20 ms."""
    return httpx.request(method, url, verify=False, **asked)  # noqa: S501


def wait_until(holds: Callable[[], object], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Ask a server outside this process again and again until it is as wanted.

    Raises:
        TimeoutError: it did not become so in time.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with contextlib.suppress(OSError, httpx.HTTPError):
            if holds():
                return
        time.sleep(0.02)
    raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")


class Program:
    """A process of the test's own; `stop` and `kill` end it and nothing else."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd=self.directory, env=None if environment is None else dict(environment),
            )  # fmt: skip

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        if self.running:
            os.kill(self.pid, number)

    def wait(self, timeout_s: float = 20) -> int:
        """Wait for its end. Returns the exit status."""
        if self._process is None:
            return 0
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = 20) -> int:
        """Ask it to end (SIGTERM), and wait."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Redis(Program):
    """A Redis that keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        super().__init__("redis", directory)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.spawn([
            programs.redis_server(), "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", str(self.directory),
        ])  # fmt: skip
        wait_until(lambda: self.command("PING") == b"+PONG", "Redis answering")

    def command(self, *words: str) -> bytes:
        """Send one command; returns the first line of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(4096).split(b"\r\n")[0]


class Postgres(Program):
    """A PostgreSQL cluster in a directory of its own, trusting local connections.

    Args:
        directory: Where its log goes. The cluster itself cannot be there: PostgreSQL refuses to run
            as root, and pytest closes its folders to everybody else whenever it starts.
        settings: As in postgresql.conf, `max_connections=60`.
    """

    def __init__(self, directory: Path, *settings: str) -> None:
        self.settings = settings
        self._home = tempfile.TemporaryDirectory(prefix="collab-postgres-")
        home = Path(self._home.name)
        super().__init__("postgres", home)
        self.log = directory / "postgres.log"
        self.port = free_port()
        self.data = home / "pgdata"
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = "postgres" if _has_user("postgres") else "nobody"
            shutil.chown(home, user)
            self._as = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        subprocess.run(
            [*self._as, programs.postgres("initdb"), "-D", str(self.data), "-U", "postgres",
             "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=home,
        )  # fmt: skip

    def start(self) -> None:
        self.spawn([
            *self._as, programs.postgres("postgres"), "-D", str(self.data), "-p", str(self.port),
            "-h", "127.0.0.1", "-k", str(self.data), "-c", "fsync=off",
            *(word for setting in self.settings for word in ("-c", setting)),
        ])  # fmt: skip
        wait_until(self._answers, "PostgreSQL answering")

    def stop(self, timeout_s: float = 20) -> int:
        """Stop as a restart does: connections are cut, what is committed is kept."""
        self.signal(signal.SIGINT)
        return self.wait(timeout_s)

    def create_database(self, name: str) -> str:
        """Create an empty database, in place of one of this name. Returns its URL."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def url_of(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return self.url.rpartition("/")[0] + f"/{database}"

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Site(Program):
    """A running site: `collab up` or `collab serve` in a process of its own.

    Args:
        directory: Its data directory and log.
        command: The command after `collab`.
        environment: Settings beside the defaults.
        name: Of its log file, where several share a directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        command: tuple[str, ...] = ("up", "--no-demo"),
        environment: Mapping[str, str] | None = None,
        name: str = "site",
    ) -> None:
        super().__init__(name, directory)
        self.port = free_port()
        self.command = command
        # The Python module that is run as `collab`.
        self.module = "collab"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("COLLAB_", "DJANGO_"))}
        for variable in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS"):
            clean.pop(variable, None)
        self.environment = clean | {
            "COLLAB_DATA_DIR": str(directory / "data"),
            "PYTHONPATH": str(Path(collab.__file__).parents[1]),
            **(environment or {}),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        self.spawn(
            [sys.executable, "-m", self.module, *self.command, "--port", str(self.port)],
            self.environment,
        )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        def ready() -> bool:
            if not self.running:
                raise RuntimeError(f"the site ended: {self.output()[-2000:]}")
            return ask("GET", f"{self.url}/readyz", timeout=5).status_code == 200

        wait_until(ready, "the site being ready")

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another `collab` command on the same data; unless told, one that must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "collab", *arguments],
            env=self.environment, cwd=self.directory, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"collab {arguments[0]} failed: {done.stderr}")
        return done

    def key(self, user: str = "ada") -> str:
        """Make an API key for a user, and the user if need be."""
        return self.run("token", user, "--create").stdout.strip()

    def create_document(self, key: str, title: str = "A document") -> str:
        """Create a document. Returns its id."""
        made = self.api("POST", "documents", key, json={"title": title})
        return str(made.json()["id"])

    def content(self, key: str, document: str, format: str = "yjs") -> httpx.Response:
        return self.api("GET", f"documents/{document}/content", key, params={"format": format})

    def metrics(self, key: str = "", *, timeout_s: float = 20) -> dict[str, float]:
        """Read what it counts, by name with labels; the key is a staff member's."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = ask("GET", f"{self.url}/metrics", headers=headers, timeout=timeout_s)
        found = re.findall(r"^(\w+(?:{.*})?) (\S+)$", answer.raise_for_status().text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    def api(
        self,
        method: str,
        path: str,
        key: str,
        *,
        headers: Mapping[str, str] | None = None,
        **asked: Any,
    ) -> httpx.Response:
        """Ask its API. Raises httpx.HTTPError: it does not answer, or not with 2xx."""
        headers = {"Authorization": f"Bearer {key}", **(headers or {})}
        answer = ask(method, f"{self.url}/api/{path}", headers=headers, timeout=20, **asked)
        return answer.raise_for_status()

    def login_links(self) -> dict[str, str]:
        """Return the one-time links that `collab up` printed last, by first name."""
        last = self.output().rsplit("Collab is at", 1)[-1]
        return dict(re.findall(r"^\s+(\w+)\s+(http\S+/enter/\S+)$", last, re.MULTILINE))


@contextlib.contextmanager
def running(*programs: Program) -> Iterator[None]:
    """Start programs in order, and end them all at the end, also after a failure."""
    try:
        for program in programs:
            program.start()  # type: ignore[attr-defined]
        yield
    finally:
        for program in reversed(programs):
            if program.running:
                program.signal(signal.SIGCONT)
                program.signal(signal.SIGTERM)
                try:
                    program.wait(12)
                except subprocess.TimeoutExpired:
                    program.kill()

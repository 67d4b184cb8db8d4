"""`collab convergence` on sites that run, restart, lose what they acknowledged, or are none."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from django.core.management import CommandError, call_command

from collab.testing import programs
from collab.testing.deployment.script import Act, Fault, script
from collab.testing.deployment.target import CannotCheck, addresses
from collab.testing.proxy import Proxy
from collab.testing.servers import Site, free_port, running, wait_until

# Edits of a peer in a second, unless told.
RATE = 2
CERTIFICATE = "certificate.pem"


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that says how many peers it has, and a key of ada's."""
    site = Site(tmp_path_factory.mktemp("checked"), environment={"COLLAB_METRICS_PUBLIC": "1"})
    with running(site):
        yield site


@pytest.fixture(scope="module")
def key(checked: Site) -> str:
    return checked.key()


def start(
    site: Site, key: str, *arguments: str, stderr: int = subprocess.PIPE, **variables: str
) -> subprocess.Popen[str]:
    """Start the command from a directory that has no data, nor may have any."""
    command = [sys.executable, "-m", "collab", "convergence", "--url", site.ws_url, "--key", key]
    environment = site.environment | {"COLLAB_DATA_DIR": "/nonexistent/data"} | variables
    return subprocess.Popen(
        [*command, *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=stderr
    )


def finish(command: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Wait for its end. Returns exit status, what it told as JSON, and stderr."""
    printed, errors = command.communicate(timeout=60)
    return command.returncode, json.loads(printed or "{}"), errors


def peers_on(site: Site) -> float:
    """Ask how many peers are connected."""
    return site.metrics()["collab_peers"]


def left_on(site: Site, key: str) -> list[Any]:
    """Return what there is in lists and trash."""
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=20) as asker:
        return [
            found
            for kind in ("documents", "dashboards")
            for view in ("all", "trash")
            for found in asker.get(f"{site.url}/api/{kind}", params={"view": view}).json()[kind]
        ]


def test_everybody_ends_equal_though_the_site_restarts(checked: Site, key: str) -> None:
    """Through every fault, and a restart by SIGTERM, all edits are acknowledged and there."""
    command = start(checked, key, "--peers", "10", "--seconds", "6", "--rate", "4", "--json")
    wait_until(lambda: peers_on(checked) == 10, "everybody being there")
    checked.stop()
    checked.start()
    status, told, errors = finish(command)
    assert (status, errors) == (0, "")
    assert told["converged"]
    assert told["problems"] == []
    assert told["edits"] == told["acknowledged"] > 200
    assert told["reconnects"] >= 10
    assert told["closed_by_site"].get("1012", 0) > 0
    assert told["tool_late_ms"]["count"] > 0
    assert told["faults"] == ["disconnects", "slow", "offline"]
    for name in ("to_peers_ms", "to_ack_ms"):
        took = told[name]
        assert 0 < took["p50"] <= took["p95"] <= took["p99"] < 60_000
        assert took["count"] > 0
    # A tag has four bytes at least, and goes to nine others.
    assert told["sent_bytes"] > 4 * told["edits"]
    assert told["received_bytes"] > 9 * 4 * told["edits"]
    assert left_on(checked, key) == []


def test_a_layout_ends_equal_and_a_table_is_printed(checked: Site, key: str) -> None:
    """The layout of a scratch dashboard is checked in the same way; piped, there is no bar."""
    arguments = ("--room", "dashboard", "--peers", "6", "--seconds", "2", "--processes", "1")
    command = start(checked, key, *arguments, "--seed", "4242", "--faults", "none")
    printed, errors = command.communicate(timeout=60)
    assert (command.returncode, errors) == (0, "")
    assert "Converged: 6 peers" in printed
    rows = dict(re.findall(r"^(\S.*?) {2,}(\S.*)$", printed, re.MULTILINE))
    assert rows["seed"] == "4242"
    assert rows["reconnects"] == "0"
    assert rows["edits"] == rows["acknowledged"]
    assert 0 < int(rows["edits"]) <= 6 * 2 * RATE
    for name in ("to peers", "to acknowledgement", "this tool's own delay"):
        assert re.fullmatch(r"(p(50|95|99) [\d.,]+ ms  ){3}\(of [\d,]+\)", rows[name])
    for name in ("sent", "received"):
        assert float(rows[name].removesuffix(" kB")) > 0
    assert left_on(checked, key) == []


def test_the_same_seed_makes_the_same_edits_also_over_tls(
    checked: Site, key: str, tmp_path: Path
) -> None:
    """Two runs write as many edits and lose as many connections, one by wss://."""
    tls = Proxy(checked.port, tls=make_tls(tmp_path))
    tls.start()
    told = []
    try:
        for url in (checked.ws_url, f"wss://localhost:{tls.port}"):
            command = start(
                checked, key, "--url", url, "--peers", "3", "--seconds", "3", "--processes", "1",
                "--seed", "11", "--faults", "disconnects,slow", "--json",
                SSL_CERT_FILE=str(tmp_path / CERTIFICATE),
            )  # fmt: skip
            status, found, errors = finish(command)
            assert (status, errors) == (0, "")
            told.append(found)
    finally:
        tls.stop()
    one, other = told
    assert one["converged"]
    assert one["faults"] == ["disconnects", "slow"]
    for name in ("converged", "seed", "edits", "reconnects"):
        assert one[name] == other[name]
    assert one["reconnects"] > 0


def make_tls(directory: Path) -> ssl.SSLContext:
    """Make a certificate of localhost in a directory, and what a server needs to show it."""
    openssl = programs.find("openssl")
    if openssl is None:
        raise programs.MissingProgram("needs openssl")
    certificate, secret = directory / CERTIFICATE, directory / "secret.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(secret), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, secret)
    return context


def test_what_is_acknowledged_and_lost_is_told(tmp_path: Path) -> None:
    """A site that acknowledges one peer's tags and drops them: exit 1, which tags, and where."""
    site = Site(tmp_path)
    site.module = "tests.testing.lossy"
    with running(site):
        load = ("--peers", "3", "--seconds", "1", "--rate", "8", "--processes", "1")
        key = site.key()
        status, told, errors = finish(start(site, key, *load, "--patience", "1", "--json"))
        assert left_on(site, key) == []
    assert (status, errors) == (1, "")
    assert not told["converged"]
    assert told["lost"]
    assert all(tag.startswith("<1.") for tag in told["lost"])
    problems = "\n".join(told["problems"])
    assert told["lost"][0] in problems
    for name in ("a fresh peer", "what is stored", "peer 0 lacks", "peer 1: of what was"):
        assert name in problems


def test_ctrl_c_deletes_the_scratch_document(checked: Site, key: str) -> None:
    """Ctrl-C ends it and its workers soon, with nothing left behind; a terminal shows a bar."""
    mine, theirs = pty.openpty()
    command = start(checked, key, "--peers", "4", "--seconds", "300", stderr=theirs)
    os.close(theirs)
    try:
        wait_until(lambda: peers_on(checked) >= 4, "everybody being there")
        shown = b""
        while b" of 4 peers" not in shown:
            shown += os.read(mine, 4096)
        workers = psutil.Process(command.pid).children()
        assert len(workers) == 2
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 130
    finally:
        command.kill()
        command.communicate()
    shown += os.read(mine, 4096)
    os.close(mine)
    assert b"[#" in shown or b"[." in shown
    assert b"Stopped." in shown
    assert not any(worker.is_running() for worker in workers)
    assert left_on(checked, key) == []


class NoTls(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_what_makes_it_impossible_is_said_in_one_line(checked: Site, key: str) -> None:
    """No site, another site, no TLS, a wrong key, a key that may only send numbers, too many."""

    def said(url: str, key: str, **options: Any) -> str:
        with pytest.raises(CommandError) as error:
            call_command("convergence", url=url, key=key, **options)
        text = str(error.value)
        assert "\n" not in text
        return text

    assert "Connection refused" in said(f"ws://127.0.0.1:{free_port()}", key)
    assert "it answered 404" in said(f"{checked.url}/elsewhere", key)
    assert "no address of a site" in said("host", key)
    assert "unknown, revoked" in said(checked.url, "collab_wrong")
    assert "no API key" in said(checked.url, "two words")
    ingest = checked.run("token", "ada", "--scope", "ingest").stdout.strip()
    assert "may only send numbers" in said(checked.url, ingest)
    command = start(checked, key, "--faults", "slow,slowly")
    assert "'slowly' is none of disconnects, slow, offline" in command.communicate(timeout=60)[1]
    assert command.returncode == 2
    assert "at most 100 peers" in said(checked.url, key, room="dashboard", peers=101)
    with socketserver.TCPServer(("127.0.0.1", 0), NoTls) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert "TLS failed" in said(f"https://127.0.0.1:{server.server_address[1]}", key)
        server.shutdown()


def test_without_its_extra_the_command_says_what_to_install() -> None:
    """One line names the extra."""
    code = (
        "import os, sys; sys.modules['websockets'] = None; from collab.site.commands import run;"
        "run(['convergence', '--url', 'ws://localhost', '--key', 'x'], os.environ)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "django-collab[testing]" in done.stderr


def test_addresses_are_taken_with_either_scheme_and_a_prefix() -> None:
    """Pages and sockets are found from the address of either."""
    assert addresses("wss://host") == ("https://host", "wss://host")
    assert addresses("https://host:8/wiki/") == ("https://host:8/wiki", "wss://host:8/wiki")
    assert addresses("ws://[::1]:8000") == ("http://[::1]:8000", "ws://[::1]:8000")
    for wrong in ("ftp://host", "//host", "http://", "http://host:x", "http://me@host", "ws://h?a"):
        with pytest.raises(CannotCheck):
            addresses(wrong)


def test_a_seed_repeats_a_script() -> None:
    """The same seed gives a peer the same life, another seed another; every fault has its turn."""
    faults = list(Fault)
    one, same, other = (
        script(seed, 3, seconds=30, rate=4, faults=faults) for seed in (1, 1, 2)
    )  # fmt: skip
    assert one == same != other
    assert len(one.edits) == 120
    assert {edit.act for edit in one.edits} == set(Act)
    assert {mishap.fault for mishap in one.mishaps} == set(Fault)
    assert all(mishap.at_s + mishap.for_s < 30 for mishap in one.mishaps)
    assert script(1, 3, seconds=30, rate=4, faults=[]).mishaps == []

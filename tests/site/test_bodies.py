"""Bodies that are too long are refused while they come in, whoever sends them."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from collab.testing.servers import Site, running

UPLOAD_BYTES = 100_000
SLACK_BYTES = 2**20


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    limits = {
        "COLLAB_UPLOAD_BYTES": str(UPLOAD_BYTES),
        "COLLAB_IMAGE_BYTES": "50000",
        "COLLAB_INGEST_BYTES": "50000",
    }
    one = Site(tmp_path_factory.mktemp("small"), environment=limits)
    with running(one):
        yield one


def post(site: Site, headers: str, *chunks: bytes) -> bytes:
    """Send a POST by hand, the body as it is. Returns all that comes back.

    A server that answers and closes before it has all of the body breaks the sending off; its
    answer can be read nevertheless.
    """
    head = f"POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n\r\n".encode()
    answer = b""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            for chunk in (head, *chunks):
                connection.sendall(chunk)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    return answer


def test_a_long_body_is_refused_by_its_length(small_site: Site) -> None:
    """The answer comes before a byte of the body is sent."""
    answer = post(small_site, "Content-Length: 900000000")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["error"]["code"] == "too_large"


def test_a_long_body_is_refused_without_a_length(small_site: Site) -> None:
    """A chunked body is counted as it comes."""
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    needed = (UPLOAD_BYTES + SLACK_BYTES) // 0x10000 + 2
    answer = post(small_site, "Transfer-Encoding: chunked", *[chunk] * needed)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_within_the_bound_reaches_the_application(small_site: Site) -> None:
    """Without a key the application itself answers."""
    answer = post(small_site, "Content-Length: 2\r\nConnection: close", b"{}")
    assert answer.startswith(b"HTTP/1.1 401")

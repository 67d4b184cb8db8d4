"""Which web pages may open a socket with their visitor's cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collab.origin import origin_allowed

if TYPE_CHECKING:
    from pytest_django import Settings


def allowed(
    origin: str | None, host: str = "collab.example", scheme: str = "ws", **headers: str
) -> bool:
    """Ask for a handshake with these headers."""
    given = {"host": host, **{name.replace("_", "-"): text for name, text in headers.items()}}
    if origin is not None:
        given["origin"] = origin
    pairs = [(name.encode(), text.encode("latin-1")) for name, text in given.items()]
    return origin_allowed({"scheme": scheme, "headers": pairs})


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Settings:
    """A site of one name."""
    settings.ALLOWED_HOSTS = ["collab.example", "[2001:db8::1]"]
    settings.CSRF_TRUSTED_ORIGINS = []
    settings.SECURE_PROXY_SSL_HEADER = None
    return settings


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://collab.example", "collab.example", "ws"),
        ("https://collab.example", "collab.example", "wss"),
        ("http://collab.example:8000", "collab.example:8000", "ws"),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]:8000", "ws"),
    ],
)
def test_origin_of_the_site_itself_is_allowed(origin: str, host: str, scheme: str) -> None:
    """Scheme, host and port are those that the browser asked for."""
    assert allowed(origin, host, scheme)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "https://collab.example", "http://collab.example:8000", "http://evil.example",
        "http://collab.example.evil.example", "http://evilcollab.example", "", "http://[",
        "http://collab.example:x", "collab.example",
    ],
)  # fmt: skip
def test_origin_of_another_page_is_refused(configured: Settings, origin: str) -> None:
    """Also when it cannot be read, and when other origins are trusted."""
    assert not allowed(origin)
    configured.CSRF_TRUSTED_ORIGINS = ["https://trusted.example", "https://*.wild.example"]
    assert not allowed(origin)


def test_origin_under_a_name_that_is_not_the_sites_is_refused() -> None:
    """A foreign name that points here (DNS rebinding) is not the site, though both agree."""
    assert not allowed("http://evil.example", "evil.example")
    assert not allowed("http://", "")


def test_no_origin_needs_a_key() -> None:
    """Cookies alone come from a browser, which says where it is."""
    assert not allowed(None)
    assert not allowed(None, cookie="sessionid=x")
    assert allowed(None, authorization="Bearer x")
    assert not allowed("http://evil.example", authorization="Bearer x")


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://trusted.example", True),
        ("http://trusted.example", False),
        ("https://trusted.example:444", False),
        ("https://a.wild.example", True),
        ("https://a.b.wild.example", True),
        ("https://wild.example", False),
        ("https://evilwild.example", False),
    ],
)
def test_trusted_origins_are_those_of_djangos_forms(
    configured: Settings, origin: str, is_allowed: bool
) -> None:
    """What may post may open a socket."""
    configured.CSRF_TRUSTED_ORIGINS = ["https://trusted.example", "https://*.wild.example"]
    assert allowed(origin) is is_allowed


def test_proxy_tells_the_browsers_scheme(configured: Settings) -> None:
    """Behind TLS the socket reaches us unencrypted; the header counts only if it is trusted."""
    origin, forwarded = "https://collab.example", {"x_forwarded_proto": "https"}
    assert not allowed(origin, **forwarded)
    configured.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert allowed(origin, **forwarded)
    assert not allowed(origin, x_forwarded_proto="http")
    assert not allowed("http://collab.example", **forwarded)

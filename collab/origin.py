"""Which web pages may open a socket with their visitor's cookies."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def origin_allowed(scope: dict[str, Any]) -> bool:
    """Tell whether a handshake may go on, by its Origin header: scheme, host and port.

    As Django's CSRF check for POST: the page's own origin, or one of CSRF_TRUSTED_ORIGINS. `null`
    (a sandboxed frame, a file) and foreign origins may not. No Origin at all means no browser; it
    may enter with an API key, not with cookies.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is None:
        return b"authorization" in headers
    host = headers.get(b"host", "")
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]
    scheme = "https" if _is_secure(scope, headers) else "http"
    if domain and validate_host(domain, allowed) and origin == f"{scheme}://{host}":
        return True
    return any(_trusted(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _is_secure(scope: dict[str, Any], headers: dict[bytes, str]) -> bool:
    """Tell whether the browser spoke TLS, to us or to the proxy that the project trusts."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        raw = name.removeprefix("HTTP_").replace("_", "-").lower().encode()
        if raw in headers:
            return headers[raw].split(",", 1)[0].strip() == secure
    return scope.get("scheme") in ("wss", "https")


def _trusted(origin: str, trusted: str) -> bool:
    try:
        asked, known = urlsplit(origin), urlsplit(trusted)
    except ValueError:
        return False  # No browser sends what cannot be read.
    if asked.scheme != known.scheme:
        return False
    if known.netloc.startswith("*."):
        return asked.netloc.endswith(known.netloc[1:])
    return asked.netloc == known.netloc

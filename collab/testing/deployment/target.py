"""The site that is checked: its addresses, and its API in the name of a key."""

from __future__ import annotations

import os
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

_TIMEOUT_S = 20.0
_SCHEMES = {"http": ("http", "ws"), "ws": ("http", "ws"),
            "https": ("https", "wss"), "wss": ("https", "wss")}  # fmt: skip


class CannotCheck(Exception):
    """The check cannot be made; the text is the one line that the person reads."""


def addresses(url: str) -> tuple[str, str]:
    """Return where a site's pages and its sockets are, without a slash at the end.

    Args:
        url: Of either, with a path if the site has a prefix.

    Raises:
        CannotCheck: it is no such address.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise CannotCheck(
            f"{url!r} is no address of a site, such as wss://host or https://host/wiki"
        )
    place = f"{parts.netloc}{parts.path.rstrip('/')}"
    pages, sockets = _SCHEMES[parts.scheme]
    return f"{pages}://{place}", f"{sockets}://{place}"


class Target:
    """A site, asked in the name of an API key.

    Args:
        url: As `addresses` takes it.
        key: The key.

    Raises:
        CannotCheck: this is no address, or no key.
    """

    def __init__(self, url: str, key: str) -> None:
        self.pages, self.sockets = addresses(url)
        self.key = key
        if not key.isascii() or not key.isprintable() or " " in key or not key:
            raise CannotCheck("This is no API key; `collab token NAME` prints one.")
        # The system's certificates, as the sockets take them, and SSL_CERT_FILE.
        self._asker = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT_S,
            verify=ssl.create_default_context(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._asker.aclose()

    async def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request to the API. Returns an answer of 2xx.

        Args:
            method: Of HTTP.
            path: Under /api, without a slash before it.
            content: As httpx takes it: `json`, `params`, `content`, `headers`.

        Raises:
            CannotCheck: there was no such answer.
        """
        url = f"{self.pages}/api/{path}"
        try:
            answer = await self._asker.request(method, url, **content)
        except httpx.TimeoutException as error:
            raise CannotCheck(f"{self.pages} did not answer within {_TIMEOUT_S:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CannotCheck(f"{self.pages} cannot be asked: {reason_of(error)}.") from error
        if answer.is_redirect:
            there = answer.headers.get("Location", "")
            raise CannotCheck(f"{url} is answered with a redirect to {there}; give --url as it is.")
        if not answer.is_success:
            raise CannotCheck(self._told(answer))
        return answer

    async def ask_json(self, method: str, path: str, **content: Any) -> Any:
        """Do as `ask`, and return the JSON of the answer. Raises as that."""
        answer = await self.ask(method, path, **content)
        try:
            return answer.json()
        except ValueError as error:
            raise CannotCheck(f"There is no Collab at {self.pages}: no JSON there.") from error

    def _told(self, answer: httpx.Response) -> str:
        try:
            message = answer.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            if answer.is_server_error:
                return f"{self.pages} answered {answer.status_code}; its log should say why."
            return f"There is no Collab at {self.pages}: it answered {answer.status_code}."
        return f"{self.pages} refused: {message}"


def reason_of(error: BaseException) -> str:
    """Say why a connection failed, in the words of the error that began it."""
    first: BaseException = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause
    if isinstance(first, ssl.SSLCertVerificationError):
        return f"TLS failed, {first.verify_message}"
    if isinstance(first, ssl.SSLError):
        return f"TLS failed, {first.reason or first}"
    if isinstance(first, OSError) and (first.errno or 0) > 0:
        return os.strerror(first.errno or 0)
    text = getattr(first, "strerror", None) or str(first) or type(first).__name__
    return " ".join(str(text).split()).rstrip(".")

"""Who sends numbers: API keys in each of the forms that senders know."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from collab import access
from collab.models import ApiKey, KeyScope

# A sender asks with every batch. A key that is revoked opens nothing so long after.
REMEMBERED_S = 3.0
_REMEMBERED = 10_000


def secret_of(authorization: str) -> str:
    """Return the key that an Authorization header carries, or an empty text.

    `Bearer` is OpenTelemetry's form, `Token` Influx's; with `Basic` the password is the key, or
    else the user name.
    """
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() in ("bearer", "token"):
        return rest
    if scheme.lower() != "basic":
        return ""
    try:
        name, _, password = b64decode(rest, validate=True).decode().partition(":")
    except (NotBase64, ValueError):
        return ""
    return password if password.startswith(ApiKey.PREFIX) else name


class Senders:
    """Finds keys, and remembers for a moment which are good and which are not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, int | None]] = {}
        self._lock = threading.Lock()

    async def find(self, request: HttpRequest) -> int | None:
        """Return the primary key of the usable API key that a request carries, or None."""
        secret = secret_of(request.headers.get("Authorization", ""))
        if not secret.startswith(ApiKey.PREFIX):
            return None
        digest = ApiKey.digest_of(secret)
        now = self._clock()
        known = self._known.get(digest)
        if known is not None and now - known[0] < REMEMBERED_S:
            return known[1]
        key = await sync_to_async(access.key_of)(secret, KeyScope.FULL, KeyScope.INGEST)
        found = None if key is None else key.pk
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[digest] = (now, found)
        return found

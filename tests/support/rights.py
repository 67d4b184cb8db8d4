"""Who may use the pages and operations that every kind of shared object has.

Tables by method and address, which may have a query of its own: what is sent, and the answers in
the order of `tests.support.roles.ROLES`. A "+" is for what changed something.
"""

from __future__ import annotations

from typing import Any

Asked = dict[str, Any]
Table = dict[str, tuple[Asked, str]]

READ = "200 200 200 200 200 200 200 200 404 302 200 404 302"
_WRITE = "200 200 403 403 200 403 200 200 404 302 403 404 302"
_SHARE = "200 403 403 403 403 403 403 403 404 302 200 404 302"
_SHARES = "302+ 403 403 403 403 403 403 403 404 302 302+ 404 302"
_WRITES = "302+ 302+ 403 403 302+ 403 302+ 302+ 404 302 403 404 302"
LISTED = "200 200 200 200 200 302 302 200 200 302 200 200 302"
MADE = "302+ 302+ 302+ 302+ 302+ 302 302 302+ 302+ 302 302+ 302+ 302"

API_READ = "200 200 200 200 200 200 200 200 404 401 200 404 404"
API_WRITE = "{0}+ {0}+ 403 403 {0}+ 403 {0}+ {0}+ 404 401 403 404 404"
API_SHARE = "{0}+ 403 403 403 403 403 403 403 404 401 {0}+ 404 404"
_OCTETS = {"Content-Type": "application/octet-stream"}

# What becomes of a socket. "writes" and "reads" are let in, with frames of content that are applied
# or denied; numbers are close codes.
IN = "in in in in in in in in 4404 4401 in 4404 4404"
IN_ROOM = "writes writes reads reads writes reads writes writes 4404 4401 reads 4404 4404"
IN_LIST = "in in in in in 4401 4401 in in 4401 in in 4401"


def pages_of(kind: str) -> Table:
    """Return who may use the pages under an object's address.

    The actions of lists answer with the way back to it, whether they were done or not; GET of some
    of them asks first.
    """
    page = f"/{kind}s/{{{kind}_id}}"
    return {
        f"GET {page}/rename/": ({}, "200 200 302 302 200 302 302 200 302 302 302 302 302"),
        f"POST {page}/rename/": (
            {"title": "Renamed"},
            "302+ 302+ 302 302 302+ 302 302 302+ 302 302 302 302 302",
        ),
        f"POST {page}/duplicate/": (
            {},
            "302+ 302+ 302+ 302+ 302+ 302 302 302+ 302 302 302+ 302 302",
        ),
        f"POST {page}/trash/": ({}, "302+ 302 302 302 302 302 302 302 302 302 302 302 302"),
        f"POST {page}/restore/": ({}, "302 302 302 302 302 302 302 302 302 302 302+ 302 302"),
        f"GET {page}/delete/": ({}, "200 302 302 302 302 302 302 302 302 302 200 302 302"),
        f"POST {page}/delete/": ({}, "302 302 302 302 302 302 302 302 302 302 302+ 302 302"),
        f"GET {page}/leave/": ({}, "200 200 200 200 200 302 302 200 302 302 200 302 302"),
        f"POST {page}/leave/": ({}, "302 302+ 302+ 302+ 302 302 302 302+ 302 302 302 302 302"),
        f"GET {page}/": ({}, READ),
        f"GET {page}/versions/": ({}, _WRITE),
        f"POST {page}/versions/": ({"name": "Good"}, _WRITES),
        # Nobody of them gave it the name that it has.
        f"POST {page}/versions/{{seq}}/name/": (
            {"name": "Good"},
            "302+ 302 403 403 302 403 302 302 404 302 403 404 302",
        ),
        f"POST {page}/versions/{{seq}}/restore/": ({}, _WRITES),
        f"GET {page}/share/": ({}, _SHARE),
        f"POST {page}/share/people/": ({"name": f"{kind}-newcomer", "role": "editor"}, _SHARES),
        f"POST {page}/share/groups/": ({"name": f"{kind} owners", "role": "editor"}, _SHARES),
        f"POST {page}/share/links/": ({"role": "reader", "expiry": "7"}, _SHARES),
        f"POST {page}/share/{{grant_id}}/role/": ({"role": "editor"}, _SHARES),
        f"POST {page}/share/{{grant_id}}/withdraw/": ({}, _SHARES),
    }


def operations_of(kind: str, update: bytes) -> Table:
    """Return who may use the operations on an object; `update` is an edit of its room."""
    every, one = f"/api/{kind}s", f"/api/{kind}s/{{{kind}_id}}"
    shown = API_WRITE.format(200).replace("+", "")
    return {
        f"GET {every}": ({}, "200 200 200 200 200 200 200 200 200 401 200 200 200"),
        f"POST {every}": (
            {"json": {"title": "New"}},
            "201+ 201+ 201+ 201+ 201+ 401 401 201+ 201+ 401 201+ 201+ 401",
        ),
        f"GET {one}": ({}, API_READ),
        f"PATCH {one}": ({"json": {"title": "Renamed"}}, API_WRITE.format(200)),
        f"PATCH {one}?": (
            {"json": {"trashed": False, "title": "Renamed"}},
            API_SHARE.format(200),
        ),
        f"DELETE {one}": ({}, "204+ 403 403 403 403 403 403 403 404 401 204 404 404"),
        f"DELETE {one}?forever=true": (
            {},
            "409 403 403 403 403 403 403 403 404 401 204+ 404 404",
        ),
        f"POST {one}/updates": ({"content": update, "headers": _OCTETS}, API_WRITE.format(200)),
        f"GET {one}/grants": ({}, API_SHARE.format(200).replace("+", "")),
        f"POST {one}/grants": (
            {"json": {"user": f"{kind}-newcomer", "role": "editor"}},
            API_SHARE.format(201),
        ),
        f"POST {one}/grants?": (
            {"json": {"link": True, "role": "editor"}},
            API_SHARE.format(201),
        ),
        f"PATCH {one}/grants/{{grant_id}}": ({"json": {"role": "owner"}}, API_SHARE.format(200)),
        f"DELETE {one}/grants/{{grant_id}}": ({}, API_SHARE.format(204)),
        f"GET {one}/versions": ({}, shown),
        f"POST {one}/versions": ({"json": {"name": "Good"}}, API_WRITE.format(201)),
        f"GET {one}/versions/{{seq}}": ({}, shown),
        f"DELETE {one}/versions/{{seq}}": (
            {},
            "204+ 403 403 403 403 403 403 403 404 401 403 404 404",
        ),
        f"POST {one}/versions/{{seq}}/restore": ({}, API_WRITE.format(200)),
    }

"""Every address, operation and socket is in a table that says who may use it."""

from __future__ import annotations

from collections.abc import Iterator

from collab.api import api
from dashboards.routing import websocket_urlpatterns as dashboard_sockets
from documents.routing import websocket_urlpatterns as document_sockets
from tests.dashboards import test_matrix as dashboards
from tests.documents import test_matrix as documents
from tests.support.addresses import addresses, methods_of


def operations() -> set[str]:
    """Return the API's operations in the tables, by method and address."""
    return {call.partition("?")[0] for call in (*documents.API, *dashboards.API)}


def in_braces(calls: set[str]) -> set[str]:
    """Return addresses without the names of their parts: examples stand for some in the tables."""
    examples = {"/cpu/": "/{name}/", "/host/": "/{label}/"}
    for example, name in examples.items():
        calls = {call.replace(example, name) for call in calls}
    return calls


def test_every_method_of_every_address_is_in_a_table() -> None:
    """Whoever adds one says who may use it."""
    found = {
        f"{method} {address}"
        for address in addresses()
        if not address.startswith("/admin/")
        for method in methods_of(address)
    }
    pages = {*documents.PAGES, *dashboards.PAGES, *documents.SITE, *dashboards.INGEST}
    assert found == pages | in_braces(operations())


def test_every_operation_is_in_a_table() -> None:
    """The API's own description is the list."""
    assert set(described()) == in_braces(operations())


def described() -> Iterator[str]:
    paths = api.get_openapi_schema()["paths"]
    for path in paths:
        yield from (f"{method.upper()} {path}" for method in paths[path])


def test_every_socket_is_in_a_table() -> None:
    """Whoever adds one says who may enter."""
    sockets = {str(pattern.pattern) for pattern in (*document_sockets, *dashboard_sockets)}
    assert sockets == {*documents.SOCKETS, *dashboards.SOCKETS}

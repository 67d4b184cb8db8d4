"""`collab up`: from nothing to a running site."""

from __future__ import annotations

import gc
import os
import socket
import sys
from pathlib import Path

import django
import psutil
from django.core.management.utils import get_random_secret_key

from collab.site import environment
from collab.site.commands import Stop

OUR_APPS = {"collab", "documents", "dashboards"}


# Connections that the kernel holds until they are taken. Of more, the first packet is dropped, and
# comes again after a second: with Twisted's 50, that befell most of 150 who came back at once.
_BACKLOG = 2048


def up(*, host: str, port: int, demo: bool) -> None:
    """Make the data directory, migrate, seed the demo, and serve until stopped.

    Raises:
        Stop: it cannot be served; the text says why.
    """
    gc.disable()
    _check_port(host, port)
    _make_directory(environment.data_dir())
    _set_up(host)
    _check_not_newer()
    _migrate(demo=demo)
    _listen(host, port, demo=demo)


def serve(*, host: str, port: int) -> None:
    """Serve an existing site until stopped.

    Raises:
        Stop: it cannot be served; the text says why.
    """
    gc.disable()
    _check_port(host, port)
    _set_up(host)
    _check_not_newer()
    _check_migrated()
    _listen(host, port)


def _check_port(host: str, port: int) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        # A name that is too long for DNS is a UnicodeError, of its encoding.
        reason = getattr(error, "strerror", None) or "this is no host's name"
        raise Stop(f"cannot listen on {host}:{port}: {reason}. Choose another --port.") from error


def _make_directory(directory: Path) -> None:
    secret = directory / "secret_key"
    try:
        for part in ("uploads", "static"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        if not secret.exists():
            with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(get_random_secret_key())
        (directory / "uploads" / ".writable").touch()
        (directory / "uploads" / ".writable").unlink()
    except OSError as error:
        raise Stop(
            f"cannot write to {directory}: {error.strerror}. Choose another --data DIR."
        ) from error


def _set_up(host: str) -> None:
    if "ALLOWED_HOSTS" not in os.environ:
        os.environ["ALLOWED_HOSTS"] = ",".join(_own_names(host))
    django.setup()


def _own_names(host: str) -> list[str]:
    """The names by which a browser may ask for this site, unless the operator says."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what the operator asked to listen on
        names.append(socket.gethostname())
        names += [
            address.address
            for addresses in psutil.net_if_addrs().values()
            for address in addresses
            if address.family == socket.AF_INET
        ]
    elif host not in names:
        names.append(f"[{host}]" if ":" in host else host)
    return names


def _check_not_newer() -> None:
    from django.db import DatabaseError, connection
    from django.db.migrations.loader import MigrationLoader

    try:
        loader = MigrationLoader(connection, ignore_no_migrations=True)
    except DatabaseError as error:
        raise Stop(f"cannot read the database: {error}") from error
    unknown = [
        key for key in loader.applied_migrations
        if key[0] in OUR_APPS and key not in loader.disk_migrations
    ]  # fmt: skip
    if unknown:
        raise Stop(
            f"the database is newer than this version of Collab (it has {unknown[0][0]} "
            f"{unknown[0][1]}). Update Collab."
        )


def _migrate(*, demo: bool) -> None:
    from django.core.management import call_command
    from django.db import DatabaseError

    from collab.site.demo import seed

    try:
        if _is_behind():
            call_command("migrate", verbosity=0, interactive=False)
            # All models as they were before each migration: nothing that has to stay.
            gc.collect()
        if demo:
            seed()
    except DatabaseError as error:
        raise Stop(f"cannot migrate the database: {error}") from error


def _check_migrated() -> None:
    if _is_behind():
        raise Stop("the database is not migrated. Run “collab migrate” first.")


def _is_behind() -> bool:
    """Tell whether migrations are to be applied."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _listen(host: str, port: int, *, demo: bool = False) -> None:
    """Serve, with garbage collected again, which the callers have put off.

    What is loaded until here stays: looking for garbage in it would hold up starts and live edits.
    """
    from django.urls import get_resolver

    from collab.site.asgi import application
    from collab.site.server import LiveServer

    # Loaded now, not by the first request.
    get_resolver().url_patterns  # noqa: B018
    gc.freeze()
    gc.enable()
    shown = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104
    address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    interface = host.replace(":", r"\:")
    LiveServer(
        application,
        endpoints=[f"tcp:port={port}:interface={interface}:backlog={_BACKLOG}"],
        on_listening=lambda: _announce(address, demo=demo),
        server_name="collab",
        verbosity=0,
    ).run()


def _announce(address: str, *, demo: bool) -> None:
    """Say where the site is. Login links go nowhere but to who started the demo."""
    from collab.site.demo import login_links

    lines = [f"Collab is at {address}", f"Data in {environment.data_dir()}"]
    links = login_links() if demo else []
    if links:
        lines += ["", "One-time login links, each for a browser of its own:"]
        lines += [f"  {name:<6} {address}{path}" for name, path in links]
    else:
        lines += ["Make yourself an account with: collab createsuperuser"]
    lines += ["", "Stop with Ctrl-C."]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

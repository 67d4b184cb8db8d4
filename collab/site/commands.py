"""The command line of the site."""

from __future__ import annotations

import argparse
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

USAGE = """\
collab up           create what is missing, and serve
collab serve        serve; the database must be migrated
collab token        print a new API key
collab share        give somebody a role in a document
collab history      list, show and restore a document's versions
collab compact      write snapshots of rooms, fold history that is too old
collab prune        roll numbers up, delete those that are too old
collab convergence  see that everybody ends equal on a running site
collab bench        measure it beside others (in a checkout)
collab soak         make a deployment of its own fail at random, look for lost edits and leaks
collab help         every other command, Django's among them

"""


class Stop(Exception):
    """A start that cannot go on; the text is the one line that the person reads."""


def run(arguments: Sequence[str], environment: MutableMapping[str, str]) -> int:
    """Run one command line. Returns the exit status."""
    environment.setdefault("DJANGO_SETTINGS_MODULE", "collab.site.settings")
    # numpy's library for matrices, which nothing here has, starts a thread for each core.
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    rest, directory = _take_data(list(arguments))
    if directory is not None:
        environment["COLLAB_DATA_DIR"] = str(Path(directory).expanduser().resolve())
    command = rest[0] if rest else "help"
    try:
        if command in ("up", "serve"):
            return _serve(command, rest[1:])
        if not rest or rest in (["help"], ["--help"], ["-h"]):
            sys.stdout.write(USAGE)
            rest = ["help"]
        from django.core.management import execute_from_command_line

        execute_from_command_line(["collab", *rest])
    except (Stop, ImproperlyConfigured) as error:
        return _complain(str(error))
    except OperationalError as error:
        return _complain(f"the database does not answer: {error}")
    return 0


def _complain(text: str) -> int:
    """Say in one line why it cannot go on: some errors come in several."""
    sys.stderr.write(f"collab: {' '.join(text.split())}\n")
    return 1


def _take_data(arguments: list[str]) -> tuple[list[str], str | None]:
    """Take `--data DIR` or `--data=DIR` out: settings need it before any parser runs."""
    rest: list[str] = []
    directory = None
    given = iter(arguments)
    for argument in given:
        if argument == "--data":
            directory = next(given, None)
            if not directory:
                raise SystemExit("collab: --data needs a directory")
        elif argument.startswith("--data="):
            directory = argument.removeprefix("--data=")
        else:
            rest.append(argument)
    return rest, directory


def _serve(command: str, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"collab {command}",
        description="Create what is missing, and serve." if command == "up" else "Serve.",
        epilog="--data DIR says where the database, secret key and uploads are.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="port (%(default)s)")
    if command == "up":
        parser.add_argument(
            "--no-demo", action="store_true", help="make no demo document and no demo users"
        )
    options = parser.parse_args(arguments)

    # Django is set up in there: settings must not be read before the arguments are.
    from collab.site.up import serve, up

    if command == "up":
        up(host=options.host, port=options.port, demo=not options.no_demo)
    else:
        serve(host=options.host, port=options.port)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)

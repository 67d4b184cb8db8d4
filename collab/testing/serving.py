"""Serve a project's own ASGI application on a database of tests: `python -m … FILE`.

FILE is JSON: `settings`, the module; `databases`, by alias what differs from the settings there;
`channel_layers`, or null for the project's own; `port`, on loopback.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    told: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    os.environ["DJANGO_SETTINGS_MODULE"] = told["settings"]
    from django.conf import settings

    for alias, differs in told["databases"].items():
        settings.DATABASES[alias].update(differs)
    if told["channel_layers"] is not None:
        settings.CHANNEL_LAYERS = told["channel_layers"]
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "127.0.0.1"]
    settings.DEBUG = False

    import django

    django.setup()
    from django.utils.module_loading import import_string

    # Daphne chooses Twisted's reactor when it is imported, and the application needs the settings.
    from collab.site.server import LiveServer

    LiveServer(
        import_string(settings.ASGI_APPLICATION),
        endpoints=[f"tcp:port={told['port']}:interface=127.0.0.1"],
        server_name="collab",
        verbosity=0,
    ).run()


if __name__ == "__main__":
    main()

"""`collab <command>`: the site's own commands, and every one of Django's."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a command; `--data DIR` before or after it says where the site keeps its data."""
    from collab.site import commands

    sys.exit(commands.run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()

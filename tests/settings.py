"""The site's own settings, on a database that threads and processes can share."""

import os
import tempfile
from pathlib import Path

_directory = Path(tempfile.mkdtemp(prefix="collab-tests-"))
os.environ.setdefault("COLLAB_DATA_DIR", str(_directory))

from collab.site.settings import *  # noqa: E402, F403
from collab.site.settings import DATABASES  # noqa: E402

SECRET_KEY = "tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The log writes from threads of its own, which an in-memory database would lock out.
    DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test.sqlite3")}

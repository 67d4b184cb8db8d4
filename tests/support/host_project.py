"""A project of somebody else's, made of the README's own lines."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from collab.testing.servers import Site, wait_until
from tests.support.needs import REPOSITORY

# What every project has and the README leaves out.
REST = """
from pathlib import Path
SECRET_KEY = "host"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "project.urls"
USE_TZ = True
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(__file__).parent / "db.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
}}
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
"""


class HostProject(Site):
    """A project of its own, served by uvicorn."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            directory,
            environment={
                "DJANGO_SETTINGS_MODULE": "project.settings",
                "PYTHONPATH": f"{directory}:{REPOSITORY}",
            },
        )

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            env=self.environment, cwd=self.directory, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *, wait: bool = True) -> None:
        command = ["uvicorn", "project.asgi:application", "--port", str(self.port)]
        self.spawn([sys.executable, "-m", *command, "--lifespan", "off"], self.environment)

        def answers() -> bool:
            return httpx.get(f"{self.url}/login/").status_code == 200

        wait_until(answers, "the login page")


def made(directory: Path, change: Callable[[str], str]) -> HostProject:
    """Write a project of the README's lines, changed, and make its database."""
    project = written(directory, change)
    project.manage("migrate")
    return project


def written(directory: Path, change: Callable[[str], str] = lambda code: code) -> HostProject:
    """Write a project of the README's lines, changed, with its migrations."""
    (directory / "project").mkdir()
    (directory / "project" / "__init__.py").touch()
    blocks = re.findall(
        r"```python\n# project/(\w+\.py)\n(.*?)```",
        (REPOSITORY / "README.md").read_text(),
        re.DOTALL,
    )
    assert {name for name, _ in blocks} == {"settings.py", "urls.py", "models.py", "asgi.py"}
    for name, code in blocks:
        rest = REST if name == "settings.py" else ""
        (directory / "project" / name).write_text(change(code) + rest)
    project = HostProject(directory)
    project.manage("makemigrations", "project")
    return project

"""The apps in somebody else's project, made of the README's own lines."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from collab.testing.peer import Peer
from collab.testing.servers import Site, running, wait_until
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

SEED = """
from django.contrib.auth.models import User
from collab import access, sharing, log
from collab.models import ApiKey, Role
from project.models import Recipe
chef = User.objects.create_user("chef", password="s3cret-soup")
recipe = Recipe.objects.create(name="Soup", room=log.create("recipe"))
sharing.grant(recipe.room, chef, Role.EDITOR)
guest = User.objects.create_user("guest")
print(recipe.pk, ApiKey.issue(chef, "kitchen")[1], ApiKey.issue(guest, "door")[1])
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


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProject]:
    """A project with documents, as the README has it."""
    project = made(tmp_path_factory.mktemp("host"), lambda code: code)
    with running(project):
        yield project


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProject]:
    """The same project with dashboards in the place of documents."""

    def other(code: str) -> str:
        code = code.replace("documents", "dashboards")
        patterns, ingest = "urlpatterns = [", 'path("ingest/", include("dashboards.ingest_urls")),'
        return code.replace(patterns, f"{patterns}\n    {ingest}")

    project = made(tmp_path_factory.mktemp("boards"), other)
    with running(project):
        yield project


def made(directory: Path, change: Callable[[str], str]) -> HostProject:
    """Write a project of the README's lines, changed, and make its database."""
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
    project.manage("migrate")
    return project


def test_a_host_project_passes_its_checks(host: HostProject) -> None:
    """Nothing that the README leaves out is missing."""
    host.manage("check", "--fail-level", "WARNING")


async def test_a_host_model_is_edited_live(host: HostProject) -> None:
    """Two peers edit a model of the project's own; who has no grant finds nothing."""
    pk, chef, guest = host.manage("shell", "-v", "0", "-c", SEED).split()
    path = f"{host.ws_url}/ws/recipes/{pk}"
    ada, bob, charlie = Peer(path, chef), Peer(path, chef), Peer(path, guest)
    await ada.connect()
    await bob.connect()
    await ada.write("Take an onion.")
    await ada.until_saved()
    await bob.until(lambda: str(bob.text) == "Take an onion.", "the recipe at Bob's")
    await charlie.connect(sync=False)
    assert await charlie.until_closed() == 4404
    await ada.close()
    await bob.close()


def test_a_host_project_has_the_pages(host: HostProject) -> None:
    """Its own user logs in, makes a document and gets the editor."""
    page = page_made(host, "/", "/documents/")
    assert page.status_code == 200
    assert "collab-config" in page.text


def test_dashboards_need_no_documents(boards: HostProject) -> None:
    """A project with dashboards alone passes its checks, and has their pages."""
    boards.manage("check", "--fail-level", "WARNING")
    page = page_made(boards, "/dashboards/", "/dashboards/new/")
    assert page.status_code == 200
    assert "collab-dashboard" in page.text


def page_made(host: HostProject, home: str, create: str) -> httpx.Response:
    """Log a user of the project in, make something there, and return its page."""
    host.manage(
        "shell", "-v", "0", "-c",
        "from django.contrib.auth.models import User; User.objects.create_user('w', password='pw')",
    )  # fmt: skip
    with httpx.Client(base_url=host.url, follow_redirects=True) as browser:
        browser.get("/login/")
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        page = browser.post(
            "/login/", data=token | {"username": "w", "password": "pw", "next": home}
        )
        assert page.status_code == 200
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        return browser.post(create, data=token | {"title": "Plan"})

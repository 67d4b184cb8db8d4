"""The apps in somebody else's project, made of the README's own lines."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from collab.testing.peer import Peer
from collab.testing.servers import running
from tests.support.host_project import HostProject, made

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

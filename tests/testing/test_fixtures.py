"""The fixtures for host projects, in a project that has docs/testing.md's tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.host_project import HostProject, written
from tests.support.needs import REPOSITORY

# Beside what the page shows: a test that must fail, and one that sees that nothing is left behind.
MORE = """
from django.db import connection
from collab import edits
from collab.testing import Peer


async def test_differing(peers, recipe, cook):
    ada, bob = await peers(f"/ws/recipes/{recipe.pk}", cook, cook)
    ada.text.insert(0, "Take an onion.")
    await ada.until_saved()
    await bob.until(lambda: str(bob.text))
    await converge(ada, bob, stored=lambda: edits.state_of(recipe.room_id))
    # What the room never sees.
    bob._from_room = True
    bob.text.insert(0, "No! ")
    await converge(ada, bob, stored=Peer("").doc.get_update, timeout_s=1)


@pytest.mark.django_db(transaction=True)
def test_the_own_database_is_back_and_empty():
    assert connection.vendor == "sqlite"
    assert "project" not in str(connection.settings_dict["NAME"])
    assert not Recipe.objects.exists()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> HostProject:
    """A project with the files that docs/testing.md shows."""
    directory = tmp_path_factory.mktemp("tested")
    project = written(directory)
    page = (REPOSITORY / "docs/testing.md").read_text()
    for name, code in re.findall(r"```\w+\n# (\w+\.\w+)\n(.*?)```", page, re.DOTALL):
        with (directory / name).open("a") as file:
            file.write(code + "\n")
    with (directory / "test_recipes.py").open("a") as file:
        file.write(MORE)
    return project


def run_tests(project: HostProject, *arguments: str) -> str:
    """Run the project's own tests. Returns what pytest printed."""
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *arguments]
    # The options of the run that this is part of are not for it.
    environment = {k: v for k, v in project.environment.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=project.directory, env=environment, text=True, timeout=150,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.stdout


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(180)
def test_the_pages_example_passes_and_differences_fail(project: HostProject) -> None:
    """The tests that docs/testing.md shows pass on every backend; what differs is told."""
    printed = run_tests(project)
    print(printed)
    assert re.search(r"=+ 1 failed, 4 passed.* in ", printed)
    assert "PASSED test_recipes.py::test_cooks_end_equal" in printed
    for backend in ("sqlite", "postgres+redis"):
        name = "test_a_crash_loses_nothing_that_was_saved"
        assert f"PASSED test_recipes.py::{name}[{backend}]" in printed
    assert "PASSED test_recipes.py::test_the_own_database_is_back_and_empty" in printed
    assert "peer 1 lacks 4 of the others' edits" in printed
    assert "a fresh peer lacks 4 of the others' edits" in printed
    assert "what is stored lacks 18 of the others' edits" in printed


def test_a_backend_that_is_missing_skips_with_a_reason(
    project: HostProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend whose server is not on this machine skips its test and says what is missing."""
    monkeypatch.setitem(project.environment, "PATH", str(tmp_path))
    monkeypatch.delitem(project.environment, "COLLAB_TEST_STRICT", raising=False)
    chosen = "test_recipes.py::test_a_crash_loses_nothing_that_was_saved[postgres+redis]"
    printed = run_tests(project, chosen)
    assert "1 skipped" in printed
    assert "backend postgres+redis: needs redis-server" in printed

"""The command line of the site, on a site that runs."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collab.testing.servers import Site, running
from tests.documents.cast import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A site with people and documents, which commands work on while it serves."""
    site = Site(tmp_path_factory.mktemp("commands"))
    with running(site):
        one = Stage(site)
        one.cast(documents=12)
        yield one


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Check that a command failed in one line. Returns the line."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr.strip()


# token


def test_token_prints_a_key_that_works(stage: Stage) -> None:
    """Nothing else is printed, so that a script can take it."""
    printed = stage.site.run("token", "alice").stdout
    assert printed.count("\n") == 1
    answer = httpx.get(
        f"{stage.site.url}/api/documents/{stage.document()}/content",
        headers={"Authorization": f"Bearer {printed.strip()}"},
    )
    assert answer.status_code == 200


def test_token_of_an_unknown_user_says_how_to_make_one(stage: Stage) -> None:
    """A name that was misspelt must not become an account."""
    line = failure(stage.site.run("token", "alcie", check=False))
    assert "There is no user 'alcie'" in line
    assert "--create" in line


def test_token_creates_a_user_once(stage: Stage) -> None:
    """The user has no password: the key is the only way in. Again is another key of the same."""
    first, second = (stage.site.run("token", "robot", "--create").stdout for _ in range(2))
    assert first != second
    rows = stage.rows("SELECT password FROM auth_user WHERE username = 'robot'")
    assert len(rows) == 1
    assert rows[0][0].startswith("!")


def test_token_of_scope_ingest_is_refused_by_the_api_with_a_reason(stage: Stage) -> None:
    """Who copied the wrong key learns which one they need."""
    key = stage.site.run("token", "sensor", "--create", "--scope", "ingest").stdout.strip()
    answer = httpx.get(
        f"{stage.site.url}/api/documents", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "wrong_scope"
    assert "only send numbers" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["", "x" * 200, "a b", "tab\there"])
def test_token_does_not_create_a_user_that_may_not_be(stage: Stage, name: str) -> None:
    """A name that the login form would not take."""
    assert failure(stage.site.run("token", name, "--create", check=False))
    assert stage.rows("SELECT 1 FROM auth_user WHERE username = %s", name) == []


# share


@pytest.mark.parametrize(
    "form", ["{id}", "{url}/documents/{id}/", "{url}/documents/{id}", "/documents/{id}/",
             "{url}/documents/{id}/?tab=1#top"]
)  # fmt: skip
def test_share_takes_an_id_or_an_address(stage: Stage, form: str) -> None:
    """Charlie gets in with the next request."""
    document = stage.document()
    name = form.format(id=document, url=stage.site.url)
    assert (
        "charlie is reader of “Untitled”"
        in stage.site.run("share", name, "charlie", "reader").stdout
    )
    with stage.api(stage.charlie) as api:
        assert api.get(f"/api/documents/{document}/content").status_code == 200


def test_share_replaces_the_role(stage: Stage) -> None:
    """One role per person."""
    document = stage.document()
    stage.site.run("share", document, "bob", "reader")
    with stage.api(stage.bob) as api:
        answer = api.post(
            f"/api/documents/{document}/updates",
            content=b"\x00\x00",
            headers={"Content-Type": "application/octet-stream"},
        )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("document", "user", "says"),
    [
        ("nonsense", "bob", "'nonsense' is no id or address of a document or dashboard."),
        (str(uuid.UUID(int=1)), "bob", "There is no document or dashboard 00000000-"),
        (None, "nobody", "There is no user 'nobody'."),
    ],
)
def test_share_of_what_is_not_there_says_so(
    stage: Stage, document: str | None, user: str, says: str
) -> None:
    """One line each."""
    name = stage.document() if document is None else document
    assert says in failure(stage.site.run("share", name, user, "editor", check=False))


def test_share_with_an_unknown_role_lists_the_roles(stage: Stage) -> None:
    """As every command does with arguments."""
    done = stage.site.run("share", str(uuid.uuid4()), "bob", "god", check=False)
    assert done.returncode == 2
    assert "reader" in done.stderr
    assert "owner" in done.stderr


# compact


async def test_compact_writes_snapshots_and_keeps_rows(stage: Stage) -> None:
    """While the site serves; a second time there is nothing to do."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    for word in ("one ", "two ", "three"):
        await alice.write(word)
        await alice.until_saved()
    assert "snapshots written, 0 rooms wait" in stage.site.run("compact").stdout
    assert len(stage.log_of(document)) == 3
    assert stage.rows("SELECT max(seq) FROM collab_snapshot") == [(3,)]
    again = stage.site.run("compact").stdout
    assert again.strip() == "0 snapshots written, 0 rooms wait for a missing update"
    await alice.close()


# Django's own


def test_djangos_commands_pass_through(stage: Stage) -> None:
    """No manage.py is needed."""
    assert stage.site.run("migrate", "--check").returncode == 0
    assert stage.site.run("shell", "-v", "0", "-c", "print(6 * 7)").stdout.strip() == "42"
    assert stage.site.run("makemigrations", "--check", "--dry-run").returncode == 0
    assert "no issues" in stage.site.run("check", "--fail-level", "WARNING").stdout


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("-h",)])
def test_help_names_the_sites_commands_first(stage: Stage, arguments: tuple[str, ...]) -> None:
    """Before Django's."""
    printed = stage.site.run(*arguments).stdout
    assert printed.startswith("collab up  ")
    assert "migrate" in printed


def test_unknown_command_says_so(stage: Stage) -> None:
    """In words, with the way to the list."""
    done = stage.site.run("servee", check=False)
    assert done.returncode == 1
    assert "Unknown command: 'servee'" in done.stderr


def test_console_script_is_the_module(stage: Stage) -> None:
    """`collab` and `python -m collab` are one."""
    script = Path(sys.executable).with_name("collab")
    if not script.exists():
        pytest.fail("The project is not installed: pip install -e .")
    done = subprocess.run(
        [script, "help"], env=stage.site.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == stage.site.run("help").stdout

"""`collab up` and `collab serve`: from nothing to a running site, or one line that says why not."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from collab.testing.servers import Postgres, Site, free_port, running


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """What a newcomer's first command makes."""
    site = Site(tmp_path_factory.mktemp("fresh"), command=("up",))
    with running(site):
        yield site


def data_of(site: Site) -> Path:
    return Path(site.environment["COLLAB_DATA_DIR"])


def complaint(site: Site, *command: str, **environment: str) -> str:
    """Run a command that must not start. Returns the one line that it says."""
    site.environment = {**site.environment, **environment}
    done = site.run(*command, check=False)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("collab: ")
    return lines[0].removeprefix("collab: ")


def up(site: Site) -> tuple[str, ...]:
    return ("up", "--no-demo", "--port", str(site.port))


def serve(site: Site) -> tuple[str, ...]:
    return ("serve", "--port", str(site.port))


# What it makes


def test_up_makes_everything_and_says_where(fresh: Site) -> None:
    """Address, data directory, and a login link for each demo user."""
    output = fresh.output()
    assert f"Collab is at {fresh.url}" in output
    assert f"Data in {data_of(fresh)}" in output
    assert set(fresh.login_links()) == {"Ada", "Bob"}
    assert "Traceback" not in output
    made = {path.name for path in data_of(fresh).iterdir()}
    assert {"collab.sqlite3", "secret_key", "uploads", "static"} <= made


def test_up_keeps_the_data_to_its_owner(fresh: Site) -> None:
    """Others on the machine read neither the secret key nor the documents."""
    assert stat.S_IMODE(data_of(fresh).stat().st_mode) == 0o700
    assert stat.S_IMODE((data_of(fresh) / "secret_key").stat().st_mode) == 0o600
    assert len((data_of(fresh) / "secret_key").read_text()) >= 50


def test_up_sets_sqlite_up_for_many_writers(fresh: Site) -> None:
    """WAL: who reads does not wait for who writes."""
    connection = sqlite3.connect(data_of(fresh) / "collab.sqlite3")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_login_link_works_once(tmp_path: Path) -> None:
    """It logs in and shows the demo document; the second time it says so, with a way on."""
    site = Site(tmp_path, command=("up",))
    with running(site):
        for name, link in site.login_links().items():
            with httpx.Client(follow_redirects=True) as browser:
                page = browser.get(link)
                assert (page.status_code, str(page.url)) == (200, f"{site.url}/")
                assert "Welcome to Collab" in page.text
                assert name in page.text
            with httpx.Client(follow_redirects=True) as browser:
                again = browser.get(link)
                assert again.status_code == 403
                assert "This link has expired" in again.text
                assert 'href="/login/"' in again.text
                assert browser.get(f"{site.url}/").url.path == "/login/"


@pytest.mark.parametrize(
    "path",
    ["/enter/MQ/x/", "/enter/MQ/cb1-0/", "/enter/!!/x/", "/enter/AA/x-y/", "/enter/OTk5/a-b/",
     "/enter/OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/a-b/", "/enter/_w/a-b/"],
)  # fmt: skip
def test_login_link_that_is_made_up_says_that_it_expired(fresh: Site, path: str) -> None:
    """No error, no hint whether there is such a user."""
    answer = httpx.get(fresh.url + path)
    assert answer.status_code == 403
    assert "This link has expired" in answer.text


def test_up_again_keeps_everything(tmp_path: Path) -> None:
    """Documents, users and secret stay; a new link works, and the demo is not made twice."""
    site = Site(tmp_path, command=("up",))
    with running(site):
        key = site.key("carla")
        document = site.create_document(key, "Kept")
        cookies = dict(httpx.get(site.login_links()["Ada"]).cookies)
    secret = (data_of(site) / "secret_key").read_text()
    with running(site):
        assert (data_of(site) / "secret_key").read_text() == secret
        assert site.content(key, document, "text").status_code == 200
        page = httpx.get(site.url, cookies=cookies)
        assert page.text.count("Welcome to Collab") == 1
        assert httpx.get(site.login_links()["Ada"]).status_code == 302


def test_up_without_the_demo_has_nobody(tmp_path: Path) -> None:
    """And says how to make the first account."""
    site = Site(tmp_path)
    with running(site):
        assert site.login_links() == {}
        assert "collab createsuperuser" in site.output()
        counted = site.run(
            "shell", "-v", "0", "-c",
            "from django.contrib.auth.models import User; print(User.objects.count())",
        )  # fmt: skip
        assert counted.stdout.strip() == "0"


def test_up_with_users_makes_no_demo(tmp_path: Path) -> None:
    """A site that people work on gets no accounts without a password."""
    site = Site(tmp_path)
    with running(site):
        site.key("carla")
    site.command = ("up",)
    with running(site):
        assert site.login_links() == {}


def test_up_on_every_address_is_reached_by_each(tmp_path: Path) -> None:
    """--host 0.0.0.0 answers by this machine's names, and by no other."""
    site = Site(tmp_path, command=("up", "--no-demo", "--host", "0.0.0.0"))
    with running(site):
        assert f"Collab is at http://localhost:{site.port}" in site.output()
        statuses = {
            host: httpx.get(f"{site.url}/login/", headers={"Host": host}).status_code
            for host in ("localhost", "127.0.0.1", socket.gethostname(), "evil.example")
        }
    assert statuses.pop("evil.example") == 400
    assert set(statuses.values()) == {200}


def test_serve_serves_what_is_migrated(tmp_path: Path) -> None:
    """For the processes of a larger site: migrate once, serve many."""
    site = Site(tmp_path, command=("serve",))
    data_of(site).mkdir()
    site.run("migrate", "-v", "0")
    with running(site):
        assert httpx.get(f"{site.url}/login/").status_code == 200


# What it does not start on


def test_taken_port_is_one_line(tmp_path: Path) -> None:
    """With the way out."""
    site = Site(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", site.port))
        taken.listen()
        line = complaint(site, *up(site))
    assert line == (
        f"cannot listen on 127.0.0.1:{site.port}: Address already in use. Choose another --port."
    )
    assert not data_of(site).exists()


@pytest.mark.parametrize(
    "host", ["no.such.host.invalid", "256.1.1.1", "203.0.113.9", "a..b", "x" * 80]
)
def test_host_that_is_not_ours_is_one_line(tmp_path: Path, host: str) -> None:
    """A name that cannot be found, or an address of another machine."""
    site = Site(tmp_path)
    assert f"cannot listen on {host}:" in complaint(site, *up(site), "--host", host)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", ""])
def test_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    """As every command does with arguments: usage, and exit 2."""
    done = Site(tmp_path).run("up", "--port", port, check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "file").touch()
    line = complaint(Site(tmp_path), "--data", str(tmp_path / "file" / "data"), *up(Site(tmp_path)))
    assert (
        line == f"cannot write to {tmp_path}/file/data: Not a directory. Choose another --data DIR."
    )


def test_data_option_wins_over_the_environment(tmp_path: Path) -> None:
    """Before or after the command, in both forms."""
    site = Site(tmp_path)
    (tmp_path / "f").touch()
    for given in (["--data", "f/x", *up(site)], [*up(site), "--data=f/y"]):
        assert str(tmp_path / "f") in complaint(site, *given)
    assert "--data needs a directory" in complaint(site, "up", "--data")


def migrated(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    data_of(site).mkdir()
    site.run("migrate", "-v", "0")
    return site


@pytest.mark.parametrize("command", [up, serve])
def test_newer_database_is_one_line(tmp_path: Path, command: object) -> None:
    """An older Collab must not write into what a newer one made."""
    site = migrated(tmp_path)
    connection = sqlite3.connect(data_of(site) / "collab.sqlite3")
    connection.execute(
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('collab', '0099_future', '2030-01-01')"
    )
    connection.commit()
    connection.close()
    assert complaint(site, *command(site)) == (  # type: ignore[operator]
        "the database is newer than this version of Collab (it has collab 0099_future). "
        "Update Collab."
    )


def test_unmigrated_database_is_one_line_of_serve(tmp_path: Path) -> None:
    """Several processes must not migrate at once: somebody says so first."""
    site = Site(tmp_path)
    data_of(site).mkdir()
    line = complaint(site, *serve(site))
    assert line == "the database is not migrated. Run “collab migrate” first."


def test_missing_directory_is_one_line_of_serve(tmp_path: Path) -> None:
    """Nothing was made yet."""
    site = Site(tmp_path)
    assert "unable to open database file" in complaint(site, *serve(site))


def test_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    """Damaged, or something else of that name."""
    site = Site(tmp_path)
    data_of(site).mkdir()
    (data_of(site) / "collab.sqlite3").write_bytes(b"not a database" * 1000)
    for command in (up(site), serve(site)):
        assert "cannot read the database" in complaint(site, *command)


@pytest.mark.parametrize("command", [up, serve])
def test_postgresql_that_is_away_is_one_line(tmp_path: Path, command: object) -> None:
    """Its own text has several lines."""
    url = f"postgres://postgres@127.0.0.1:{free_port()}/postgres"
    site = Site(tmp_path, environment={"DATABASE_URL": url})
    line = complaint(site, *command(site))  # type: ignore[operator]
    assert line.startswith("cannot read the database: ")
    assert "refused" in line


@pytest.mark.postgres
def test_postgresql_that_may_not_be_changed_is_one_line(tmp_path: Path, postgres: Postgres) -> None:
    """A user without the right to make tables."""
    url = postgres.create_database("readonly")
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE readonly SET default_transaction_read_only = on")
    site = Site(tmp_path, environment={"DATABASE_URL": url})
    line = complaint(site, *up(site))
    assert line.startswith("cannot migrate the database: ")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("COLLAB_FRAME_BYTES", "much", "COLLAB_FRAME_BYTES must be a whole number, not 'much'."),
        ("COLLAB_FRAME_BYTES", "5", "COLLAB_FRAME_BYTES must be at least 1024, not 5."),
        ("COLLAB_HTTPS", "perhaps", "COLLAB_HTTPS must be true or false, not 'perhaps'."),
        ("COLLAB_FRAMES", "1", "COLLAB_FRAMES is not a setting of Collab."),
        ("DATABASE_URL", "nonsense", "DATABASE_URL"),
        ("DATABASE_URL", "mangodb://x/y", "DATABASE_URL"),
        ("REDIS_URL", "http://x", "REDIS_URL"),
        ("CSRF_TRUSTED_ORIGINS", "collab.example", "CSRF_TRUSTED_ORIGINS"),
    ],
)
@pytest.mark.parametrize("command", ["up", "migrate"])
def test_value_that_cannot_be_read_is_one_line_of_every_command(
    tmp_path: Path, name: str, value: str, says: str, command: str
) -> None:
    """The line names the variable; nothing is started or made with a default in its place."""
    site = Site(tmp_path)
    arguments = up(site) if command == "up" else (command,)
    assert says in complaint(site, *arguments, **{name: value})
    assert not (data_of(site) / "collab.sqlite3").exists()


def test_stop_by_ctrl_c_is_quiet(tmp_path: Path) -> None:
    """No traceback on the way out, and exit 0."""
    site = Site(tmp_path)
    with running(site):
        httpx.get(f"{site.url}/login/")
        site.signal(signal.SIGINT)
        assert site.wait(12) == 0
    assert not re.search("Traceback|Exception", site.output())

"""What the image runs: its static files, the one-shot set-up, and the health check."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from collab.testing.servers import Site, free_port
from tests.deploy.topology import set_up
from tests.support.needs import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a container with a data directory that is there and empty."""
    (tmp_path / "data").mkdir()
    return Site(tmp_path).environment


@pytest.fixture
def healthcheck() -> ModuleType:
    """The script of the HEALTHCHECK, as a module."""
    spec = importlib.util.spec_from_file_location("h", REPOSITORY / "deploy/healthcheck.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_image_copies_files_that_exist() -> None:
    """Every file that the Dockerfile copies is there, and .dockerignore lets it in."""
    copied = re.findall(r"^COPY (deploy\S+(?: deploy\S+)*) ", DOCKERFILE, re.MULTILINE)
    files = " ".join(copied).split()
    allowed = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert files
    for file in files:
        assert (REPOSITORY / file).is_file()
    for name in ("collab", "documents", "dashboards", "frontend", "deploy", "pyproject.toml"):
        assert f"!{name}" in allowed


def test_image_has_static_files_that_are_hashed_and_compressed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The Dockerfile's own line writes files that pages then link to by their hashed names."""
    line = re.search(
        r"^RUN (mkdir -p \"\$STATIC_ROOT\".*?[^\\])\n", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
    assert line is not None
    static = tmp_path / "static"
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"STATIC_ROOT": str(static), "PATH": path}
    command = line[1].replace("--data /tmp", f"--data {tmp_path / 'data'}")
    subprocess.run(["/bin/sh", "-ec", command], env=environment, check=True, capture_output=True)
    ask = "from django.templatetags.static import static; print(static('frontend/css/base.css'))"
    shown = subprocess.run(
        [sys.executable, "-m", "collab", "shell", "--verbosity", "0", "-c", ask],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    assert re.fullmatch(r"/static/frontend/css/base\.[0-9a-f]{12}\.css", shown)
    assert (static / shown.removeprefix("/static/")).with_suffix(".css.gz").is_file()


def test_set_up_makes_the_secret_key_once(environment: dict[str, str]) -> None:
    """The key is for its owner's eyes only, and a second start keeps it."""
    set_up(environment)
    key = Path(environment["COLLAB_DATA_DIR"]) / "secret_key"
    made = key.read_text()
    assert len(made) > 64
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    set_up(environment)
    assert key.read_text() == made


def test_set_up_leaves_the_key_to_the_operator(environment: dict[str, str]) -> None:
    """With SECRET_KEY set, none is made."""
    set_up({**environment, "SECRET_KEY": "chosen"})
    assert not (Path(environment["COLLAB_DATA_DIR"]) / "secret_key").exists()


def test_set_up_leaves_a_site_that_can_be_served(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """After it, `collab serve` starts; before it, it says what to do."""
    site = Site(tmp_path, command=("serve",))
    early = site.run("serve", "--port", str(site.port), check=False)
    assert early.returncode == 1
    assert "not migrated" in early.stderr
    set_up(environment)
    site.start()
    assert site.stop() == 0


@pytest.mark.parametrize(
    ("names", "status"),
    [("", 0), ("127.0.0.1,other.example", 0), ("*", 0), ("unknown.example", 1)],
)
def test_healthcheck_asks_by_a_name_that_is_allowed(
    site: Site, healthcheck: ModuleType, monkeypatch: pytest.MonkeyPatch, names: str, status: int
) -> None:
    """It is content with a site that answers, and not with one that refuses its name."""
    monkeypatch.setattr(healthcheck, "URL", f"{site.url}/healthz")
    monkeypatch.setenv("ALLOWED_HOSTS", names)
    assert healthcheck.main() == status


def test_healthcheck_notices_that_nobody_answers(
    healthcheck: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where it asked."""
    url = f"http://127.0.0.1:{free_port()}/healthz"
    monkeypatch.setattr(healthcheck, "URL", url)
    assert healthcheck.main() == 1
    assert url in capsys.readouterr().err

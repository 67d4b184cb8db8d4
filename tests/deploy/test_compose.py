"""`docker-compose.yml` and `deploy/nginx.conf`: valid, and of one mind with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from collab import conf
from collab.site.environment import SITE_VARIABLES
from tests.deploy.topology import NGINX_CONF
from tests.support.needs import REPOSITORY

SCHEMA = Path(__file__).parent / "compose-spec/compose-spec.json"
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
SETTINGS = (REPOSITORY / "collab/site/settings.py").read_text()
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
MIB = 2**20


def location(path: str) -> str:
    """Return the lines of one location of the nginx file."""
    found = re.search(
        rf"location {re.escape(path)} {{(.*?)\n        }}", NGINX_CONF.read_text(), re.DOTALL
    )
    assert found is not None
    return found[1]


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def test_compose_file_is_valid_by_its_schema() -> None:
    """The file is what the Compose Specification says a file may be."""
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(COMPOSE)


def test_compose_schema_refuses_a_wrong_key() -> None:
    """The schema would notice a key that is not in the specification."""
    wrong = {"services": {"web": {"image": "collab", "depend_on": ["redis"]}}}
    with pytest.raises(jsonschema.ValidationError, match="depend_on"):
        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(wrong)


@pytest.mark.parametrize("name", OURS)
def test_compose_sets_only_variables_that_the_site_reads(name: str) -> None:
    """A setting that was renamed or removed is not left behind here."""
    known = {setting.key for setting in conf.SETTINGS} | SITE_VARIABLES
    known |= set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', SETTINGS))
    in_image = {line.split("=")[0] for line in re.findall(r"[A-Z_]+=\S+", DOCKERFILE)}
    assert set(OURS[name]["environment"]) <= known
    assert in_image - known == {"PATH", "PIP_DISABLE_PIP_VERSION_CHECK", "PYTHONUNBUFFERED"}


def test_compose_documents_only_variables_that_are_read() -> None:
    """What the head of the file offers for `.env` is interpolated in it or read by the site."""
    text = (REPOSITORY / "docker-compose.yml").read_text()
    head = text.split("name:")[0]
    offered = set(re.findall(r"^#   ([A-Z_]+)=", head, re.MULTILINE))
    read = set(re.findall(r"\$\{([A-Z_]+)", text)) | {setting.key for setting in conf.SETTINGS}
    read |= set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', SETTINGS))
    assert offered
    assert offered <= read | {"COLLAB_"}


def test_nginx_spreads_over_the_web_services() -> None:
    """The upstream names every web process of the compose file, and nothing else."""
    webs = {name for name, service in OURS.items() if "command" not in service}
    upstream = re.findall(r"^\s+server (\w+):(\d+) ", NGINX_CONF.read_text(), re.MULTILINE)
    port = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert len(webs) >= 2
    assert {name for name, _ in upstream} == webs
    assert {port for _, port in upstream} == set(port)
    assert set(SERVICES["nginx"]["depends_on"]) == webs


def test_nginx_is_all_that_is_published() -> None:
    """Nothing but nginx has a port or a network outside, and its port is the one it listens on."""
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert [name for name, of in SERVICES.items() if "outside" in of["networks"]] == ["nginx"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    listens = re.findall(r"^\s+listen (\d+);", NGINX_CONF.read_text(), re.MULTILINE)
    assert [SERVICES["nginx"]["ports"][0].rsplit(":", 1)[1]] == listens


def test_nginx_takes_bodies_as_large_as_the_api_does() -> None:
    """The limit, and the sentence that names it, are those of COLLAB_UPLOAD_BYTES."""
    text = NGINX_CONF.read_text()
    upload_mib = conf.BY_NAME["UPLOAD_BYTES"].default // MIB
    assert re.findall(r"client_max_body_size (\S+);", text) == [f"{upload_mib}m"]
    assert f"{upload_mib} MiB" in location("@too_large")


def test_nginx_outwaits_a_quiet_room() -> None:
    """nginx does not end a socket before the web process finds it dead."""
    stall_s = conf.BY_NAME["STALL_S"].default
    for way in ("read", "send"):
        timeout = re.findall(rf"proxy_{way}_timeout (\w+);", location("/ws/"))
        assert seconds(timeout[0]) > 10 * stall_s


def test_compose_gives_a_stop_the_time_that_it_takes() -> None:
    """No web process is killed while it commits the last edits."""
    for service in OURS.values():
        assert seconds(service["stop_grace_period"]) > conf.BY_NAME["STOP_TIMEOUT_S"].default + 2


def test_compose_waits_only_for_what_can_be_waited_for() -> None:
    """Each service that another waits for has a health check, or is the one that ends."""
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            asked = SERVICES[name]
            if how["condition"] == "service_healthy":
                assert "test" in asked.get("healthcheck", {}) or "\nHEALTHCHECK" in DOCKERFILE
            else:
                assert how["condition"] == "service_completed_successfully"
                assert asked["restart"].startswith("on-failure")


def test_compose_mounts_what_there_is() -> None:
    """Files that are mounted exist, and every volume that is used is declared and kept."""
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (REPOSITORY / source).is_file()
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"]) == {"data", "postgres"}

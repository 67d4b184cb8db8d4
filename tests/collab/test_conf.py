"""Every setting: used, documented, and held to its type and bounds."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from collab import conf
from collab.engine.limits import RoomLimits
from collab.site import environment
from tests.support import needs

if TYPE_CHECKING:
    from pytest_django import Settings

NAMES = [setting.name for setting in conf.SETTINGS]
SOURCES = ("collab", "documents", "dashboards", "frontend")


def test_every_setting_is_used() -> None:
    """A bound that nothing reads would promise what does not hold."""
    limits = {field.name.upper() for field in fields(RoomLimits)}
    code = (
        "".join(
            path.read_text()
            for source in SOURCES
            for path in (needs.REPOSITORY / source).rglob("*.py")
            if path.name != "conf.py" or "migrations" in path.parts
        )
        + (needs.REPOSITORY / "collab/conf.py").read_text().split("\nBY_NAME")[1]
    )
    asked = set(re.findall(r'get\(\s*"([A-Z_]+)"', code)) | set(re.findall(r"COLLAB_(\w+)", code))
    assert [name for name in NAMES if name not in limits | asked] == []


def test_every_setting_of_a_room_is_read_in_the_engine() -> None:
    """A field that no room looks at is no bound."""
    engine = needs.REPOSITORY / "collab/engine"
    code = "".join(p.read_text() for p in engine.glob("*.py") if p.name != "limits.py")
    unread = [f.name for f in fields(RoomLimits) if not re.search(rf"\.{f.name}\b", code)]
    assert unread == []


def test_defaults_of_the_engine_are_those_of_the_settings() -> None:
    """A simulation without Django runs what a site does."""
    by_field = {setting.name.lower(): setting.default for setting in conf.SETTINGS}
    differing = {
        field.name: (field.default, by_field[field.name])
        for field in fields(RoomLimits)
        if field.name in by_field and field.default != by_field[field.name]
    }
    assert differing == {}


def test_room_limits_follow_the_projects_settings(settings: Settings) -> None:
    """What a project sets arrives in its rooms and in the firewall."""
    settings.COLLAB_IDLE_S = 7
    settings.COLLAB_UPLOAD_BYTES = 4096
    settings.COLLAB_UPDATE_DEPTH = 9
    limits = conf.room_limits()
    assert (limits.idle_s, limits.update.update_bytes, limits.update.depth) == (7.0, 4096, 9)


@pytest.mark.parametrize("setting", conf.SETTINGS, ids=NAMES)
def test_setting_has_a_default_that_it_may_have_and_explains_itself(setting: conf.Setting) -> None:
    """Help is a sentence; a number has a unit."""
    assert setting.clean(setting.default) == setting.default
    assert setting.help.endswith(".")
    assert bool(setting.unit) is not isinstance(setting.default, bool)
    assert conf.get(setting.name) == setting.default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRAME_BYTES", "8"), ("FRAME_BYTES", 1.5), ("FRAME_BYTES", True), ("FRAME_BYTES", None),
        ("FRAME_BYTES", 1023), ("FRAME_BYTES", -1), ("IDLE_S", "x"), ("IDLE_S", -0.1),
        ("IDLE_S", float("nan")), ("IDLE_S", float("inf")), ("HTTPS", 1), ("HTTPS", "yes"),
    ],
)  # fmt: skip
def test_value_that_a_setting_may_not_have_is_refused(
    settings: Settings, name: str, value: Any
) -> None:
    """The text names the setting, for the check and for whoever starts the process."""
    setattr(settings, f"COLLAB_{name}", value)
    with pytest.raises(ValueError, match=f"COLLAB_{name} must be"):
        conf.get(name)
    assert len(conf.problems()) == 1


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("FRAME_BYTES", "2048", 2048), ("IDLE_S", "2.5", 2.5), ("IDLE_S", "2", 2.0),
        ("HTTPS", "true", True), ("HTTPS", "0", False), ("HTTPS", "Yes", True),
    ],
)  # fmt: skip
def test_environment_gives_settings_their_type(name: str, text: str, value: object) -> None:
    """As text, in the forms that people write."""
    assert environment.collab_settings({f"COLLAB_{name}": text}) == {f"COLLAB_{name}": value}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FRAME_BYTES", ""), ("FRAME_BYTES", "8 MB"), ("FRAME_BYTES", "1e6"), ("IDLE_S", "nan"),
        ("IDLE_S", "inf"), ("IDLE_S", "-1"), ("HTTPS", ""), ("HTTPS", "maybe"), ("FRAMES", "1"),
    ],
)  # fmt: skip
def test_environment_is_read_strictly(name: str, text: str) -> None:
    """A typing error must not quietly become a default."""
    with pytest.raises(ValueError, match=f"COLLAB_{name}"):
        environment.collab_settings({f"COLLAB_{name}": text})


def test_readme_has_every_setting() -> None:
    """Name, default, unit and help, in the order of the table in `collab.conf`."""
    readme = (needs.REPOSITORY / "README.md").read_text()
    found = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", readme, re.DOTALL)
    assert found is not None
    rows = [
        [part.strip().strip("`") for part in line.strip("|").split("|")]
        for line in found[1].strip().splitlines()[2:]
    ]
    assert rows == [
        [setting.key, str(setting.default), setting.unit, setting.help] for setting in conf.SETTINGS
    ]

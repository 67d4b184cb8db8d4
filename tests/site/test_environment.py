"""What the environment says, as Django's settings."""

from __future__ import annotations

from pathlib import Path

from collab.site import environment


def test_a_postgresql_that_is_gone_is_noticed_in_time(tmp_path: Path) -> None:
    """When it is connected to, sent to and waited for; who knows better says so in the URL."""
    url = "postgres://ann@db/collab?sslmode=require&connect_timeout=9"
    options = environment.database(url, tmp_path)["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["connect_timeout"] == 9
    waits_s = (
        options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    )
    assert 0 < waits_s <= 30
    assert 0 < options["tcp_user_timeout"] <= 30_000

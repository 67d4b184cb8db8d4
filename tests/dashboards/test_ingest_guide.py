"""The guide to sending numbers: every example of it is run against a site."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from dashboards.ingest import batch
from tests.dashboards.receiver import Receiver

GUIDE = Path(__file__).parents[2] / "docs" / "ingest.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_every_example_of_the_guide_sends(sqlite_receiver: Receiver, tmp_path: Path) -> None:
    """As it stands there, one after the other in one shell, which stops at the first failure."""
    script = ["set -e", *blocks("sh")]
    for number, source in enumerate(blocks("python")):
        (tmp_path / f"{number}.py").write_text(source)
        script.append(f"{sys.executable} {number}.py")
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        env=os.environ | {"SITE": sqlite_receiver.site.url, "KEY": sqlite_receiver.key},
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in done.stderr.lower(), done.stderr
    assert sqlite_receiver.stored("orders") == {"orders{shop=north}": [3]}
    assert sqlite_receiver.stored("backup_b") == {"backup_bytes{job=backup}": [5e9]}
    assert sqlite_receiver.stored("backup_s") == {"backup_seconds{instance=db1,job=backup}": [81.5]}
    assert len(sqlite_receiver.stored("shop.orders")) == 1
    assert sqlite_receiver.stored("room") == {"room_heat{floor=2}": [21.5, 21.5]}


def test_guide_names_the_bounds_there_are() -> None:
    """They are written once more for people."""
    text = GUIDE.read_text()
    for bound in (
        f"more than {batch.NAME_LENGTH} characters",
        f"more than {batch.LABELS};",
        f"name over {batch.LABEL_NAME_LENGTH} ",
        f"value over {batch.LABEL_VALUE_LENGTH} ",
        f"over {batch.LABELS_LENGTH} ",
        f"longer than {batch.LINE_BYTES // 1024} KiB",
        f"{batch.AHEAD_MS // 60_000} minutes ahead",
    ):
        assert bound in text

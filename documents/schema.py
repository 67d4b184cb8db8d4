"""The editor's schema, as the front end's build writes it down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text())
VERSION: int = SCHEMA["version"]

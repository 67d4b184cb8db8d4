"""Numbers over time, on dashboards that are live.

`record` and `watch` take numbers from a project's own code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboards.recording import record
    from dashboards.watching import watch

__all__ = ["record", "watch"]


def __getattr__(name: str) -> Any:
    """Import what needs Django's apps when it is asked for, not with the app itself."""
    if name == "record":
        from dashboards.recording import record

        return record
    if name == "watch":
        from dashboards.watching import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Addresses of a shared object's pages, whatever its model."""

from __future__ import annotations

from typing import Any

from django import template

from collab.shared import SharedObject

register = template.Library()


@register.simple_tag
def page(shared: SharedObject, name: str, *args: Any) -> str:
    """Return the address of one of an object's pages; see `SharedObject.page`."""
    return shared.page(name, *args)

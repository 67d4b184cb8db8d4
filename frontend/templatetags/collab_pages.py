"""Addresses of shared objects' pages, whatever their model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.apps import apps
from django.template import Context
from django.urls import NoReverseMatch

from collab.shared import SharedObject

register = template.Library()


@dataclass(frozen=True, slots=True)
class Section:
    """A list that the site has: of what, where it is, and whether the page is of it."""

    plural: str
    url: str
    is_here: bool


@register.simple_tag
def page(shared: SharedObject, name: str, *args: Any) -> str:
    """Return the address of one of an object's pages; see `SharedObject.page`."""
    return shared.page(name, *args)


@register.simple_tag(takes_context=True)
def sections(context: Context) -> list[Section]:
    """Return the lists of all models that the project has pages for, in the order of its apps."""
    shared = context.get("shared")
    model = context.get("model", None if shared is None else type(shared))
    found = []
    for one in apps.get_models():
        if not issubclass(one, SharedObject) or not hasattr(one, "PAGES"):
            continue
        try:
            url = one.list_url()
        except NoReverseMatch:
            # A host project that mounts no pages of it.
            continue
        found.append(Section(str(one._meta.verbose_name_plural), url, one is model))
    return found


@register.simple_tag(takes_context=True)
def home(context: Context) -> Section | None:
    """Return the list that the page belongs to, or the first one; None: there is none."""
    known = sections(context)
    return next((one for one in known if one.is_here), known[0] if known else None)

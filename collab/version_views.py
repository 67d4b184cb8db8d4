"""The pages of a shared object's history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from collab import history, versions
from collab.engine.errors import CollabError
from collab.history import Entry, NoSuchVersion
from collab.request import SharedRequest, for_shared
from collab.shared import SharedObject
from collab.versions import Versions

# 2^63 ends what databases can hold, with one digit more.
_SEQ_DIGITS = 18
NOW = "now"


def urls_of(model: type[SharedObject], kept: Versions) -> list[URLPattern]:
    """Return the patterns of a model's version pages, under the address of one object."""
    of = {"model": model}
    return [
        path("versions/", timeline, {**of, "kept": kept}, name="versions"),
        path("versions/<int:seq>/name/", name, of, name="name_version"),
        path("versions/<int:seq>/restore/", restore, {**of, "kept": kept}, name="restore_version"),
    ]


@require_http_methods(["GET", "POST"])
@for_shared("write")
def timeline(request: SharedRequest, kept: Versions) -> HttpResponse:
    """Show the history, and one version of it or a comparison of two; name the state as it is.

    One address answers the page and its parts: `before` asks for more of the timeline, `seq` for a
    version ("now" or a number), `against` for what is different from that to this one.
    """
    if request.method == "POST":
        return _name(request, None)
    context: dict[str, Any] = {"shared": request.shared}
    part = bool(request.htmx) and not request.htmx.history_restore_request
    before = _seq(request, "before")
    asks_for_version = "seq" in request.GET
    if asks_for_version:
        context |= _version(request, kept)
        if part:
            return _render(request, "_version", context)
    page = history.timeline(request.shared.room, before=before)
    context |= {
        "versions": versions.with_people(page.entries), "before": page.before, "part": part,
    }  # fmt: skip
    return _render(request, "_versions" if part else "versions", context)


def _render(request: SharedRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page or a part of it, which caches must not confuse: one address answers both."""
    response = render(request, f"shared/{name}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@for_shared("write")
def name(request: SharedRequest, seq: int) -> HttpResponse:
    """Name a version, or take its name away."""
    return _name(request, seq)


@require_POST
@for_shared("write")
def restore(request: SharedRequest, seq: int, kept: Versions) -> HttpResponse:
    """Make the object what it was, by an edit of the visitor's; `since`: see `versions.restore`."""
    since = _seq(request, "since")
    try:
        restored = kept.restore(actor=request.visitor, shared=request.shared, seq=seq, since=since)
    except NoSuchVersion as error:
        raise Http404 from error
    except CollabError as error:
        messages.error(request, str(error))
        return _back(request, seq)
    if restored.before is None:
        messages.info(request, _("It is like that version already."))
    else:
        undo = request.shared.page("restore_version", restored.before)
        undo += f"?since={restored.seq}"
        text = _("The version was restored. What others did meanwhile is still there.")
        messages.success(request, text, extra_tags=undo)
    return _back(request, restored.seq)


def _name(request: SharedRequest, seq: int | None) -> HttpResponse:
    room, as_owner = request.shared.room, request.can.share
    actor = request.visitor if request.visitor.is_authenticated else None
    try:
        if seq is not None and "remove" in request.POST:
            history.unname_version(actor=actor, room=room, seq=seq, as_owner=as_owner)
        else:
            named = history.name_version(
                actor=actor,
                room=room,
                name=request.POST.get("name", ""),
                seq=seq,
                as_owner=as_owner,
            )
            seq = named.seq
    except NoSuchVersion as error:
        if seq is not None:
            raise Http404 from error
        messages.error(request, _("There is nothing in this %s yet.") % request.shared.noun)
    except CollabError as error:
        messages.error(request, str(error))
    return _back(request, seq)


def _back(request: SharedRequest, seq: int | None) -> HttpResponse:
    """Show the history after a change of it, at the version that it was about."""
    page = request.shared.page("versions")
    return redirect(page if seq is None else f"{page}?seq={seq}")


def _version(request: SharedRequest, kept: Versions) -> dict[str, Any]:
    """Prepare a version, or what is different in it from another one."""
    shared = request.shared
    seq, against = _seq(request, "seq"), _seq(request, "against")
    try:
        if "against" not in request.GET:
            shown: dict[str, Any] = {"reading": kept.read(shared, seq)}
        else:
            old, new = _in_order(against, seq)
            shown = {"comparison": kept.compare(shared, old, new), "old": old, "new": new}
    except NoSuchVersion as error:
        raise Http404 from error
    entry = None if seq is None else history.entry_at(shared.room, seq)
    (version,) = versions.with_people([entry]) if entry is not None else (None,)
    return shown | {
        "seq": seq, "version": version, "previous": _previous(shared.room, entry),
        "may_name": _may_name(request, entry),
        "content_template": f"{shared.PAGES}/_version_content.html",
    }  # fmt: skip


def _may_name(request: SharedRequest, entry: Entry | None) -> bool:
    """Tell whether the visitor may give a version a name, another one, or none."""
    if entry is None or entry.name is None or request.can.share:
        return True
    return history.may_rename(request.visitor.pk, entry.named_by_id)


def _in_order(one: int | None, other: int | None) -> tuple[int, int | None]:
    """Return two versions, the older first; None, the newest of all, is never both."""
    if one is None or (other is not None and other < one):
        one, other = other, one
    if one is None:
        raise Http404
    return one, other


def _previous(room: Any, entry: Entry | None) -> int | None:
    """Return the row before a version's first one, 0 before the first of all; None: not kept."""
    if entry is None or not entry.edits or entry.folded:
        return None
    return entry.from_seq - 1


def _seq(request: SharedRequest, key: str) -> int | None:
    """Read a version's number from the query; None stands for the state as it is now."""
    value = request.GET.get(key, NOW)
    if value == NOW:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= _SEQ_DIGITS):
        raise Http404
    return int(value)

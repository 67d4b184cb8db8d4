"""Who may do what to a shared object: a dialog that HTMX swaps, and the same as a plain page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from collab import access, directory, people, sharing
from collab.directory import UnknownName
from collab.models import Grant, Role, Room
from collab.request import SharedRequest, for_shared
from collab.shared import SharedObject
from collab.sharing import NotShared

LINK_ROLES = (Role.READER, Role.COMMENTER, Role.EDITOR)
_DAYS = {"1": 1, "7": 7, "30": 30}


View = Callable[..., HttpResponse]


def urls_of(model: type[SharedObject]) -> list[URLPattern]:
    """Return the patterns of a model's sharing pages, under the address of one object."""
    pages: list[tuple[str, Callable[..., Any], str]] = [
        ("", show, "share"),
        ("people/", add_person, "share-people"),
        ("groups/", add_group, "share-groups"),
        ("links/", add_link, "share-links"),
        ("<int:grant_id>/role/", change_role, "share-role"),
        ("<int:grant_id>/withdraw/", withdraw, "share-withdraw"),
    ]
    return [path(f"share/{at}", view, {"model": model}, name=name) for at, view, name in pages]


def with_reasons(view: View) -> View:
    """Answer what may not be with everything as it is now, and why."""

    @wraps(view)
    def wrapped(request: SharedRequest, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, **kwargs)
        except NotShared as error:
            return _answer(request, problem=str(error))
        except UnknownName as error:
            return _answer(request, problem=str(error), typed=request.POST.get("name", ""))

    return wrapped


@require_GET
@for_shared("share")
def show(request: SharedRequest) -> HttpResponse:
    """Show who has which role: the page, or what the dialog holds."""
    return _answer(request)


@require_POST
@for_shared("share")
@with_reasons
def add_person(request: SharedRequest) -> HttpResponse:
    """Give a role to a person by their user name or e-mail address."""
    person = directory.find_person(request.POST.get("name", ""))
    if person.pk == request.visitor.pk:
        raise NotShared(_("That is you. Change your own role in the list."))
    return _answer(request, notice=_is_now(sharing.grant(_room(request), person, _role(request))))


@require_POST
@for_shared("share")
@with_reasons
def add_group(request: SharedRequest) -> HttpResponse:
    """Give a role to a group that the visitor may share with."""
    group = directory.find_group(request.visitor, request.POST.get("name", ""))
    given = sharing.grant_group(_room(request), group, _role(request))
    return _answer(request, notice=_is_now(given))


@require_POST
@for_shared("share")
@with_reasons
def add_link(request: SharedRequest) -> HttpResponse:
    """Make a link."""
    sharing.create_link(_room(request), _role(request), _expiry(request))
    noun = request.shared.noun
    return _answer(request, notice=_("The link is made. Whoever has it can open this %s.") % noun)


@require_POST
@for_shared("share")
@with_reasons
def change_role(request: SharedRequest, grant_id: int) -> HttpResponse:
    """Give another role to whom a grant is for; to oneself only when sure."""
    given, role = _grant(request, grant_id), _role(request)
    if role is not Role.OWNER and _asks(request, given):
        return _answer(request, sure={"grant": given, "role": role})
    sharing.change_role(given, role)
    return _answer(request, notice=_is_now(given))


@require_POST
@for_shared("share")
@with_reasons
def withdraw(request: SharedRequest, grant_id: int) -> HttpResponse:
    """Take a role away, or make a link void; one's own role only when sure."""
    given = _grant(request, grant_id)
    if _asks(request, given):
        return _answer(request, sure={"grant": given, "role": None})
    sharing.withdraw(given)
    if given.token is not None:
        return _answer(request, notice=_("The link no longer works."))
    return _answer(request, notice=_("%s has no role of their own any more.") % _name(given))


def _answer(
    request: SharedRequest,
    *,
    notice: str = "",
    problem: str = "",
    typed: str = "",
    sure: dict[str, Any] | None = None,
) -> HttpResponse:
    """Answer with the page or the dialog's content as it is now, and what there is to say."""
    shared = request.shared
    can = access.abilities(request.visitor, shared)
    if not can.share:
        # Whoever gave up their own right goes on with what they still may.
        target = shared.get_absolute_url() if can.read else reverse(f"{shared.PAGES}:list")
        return HttpResponseClientRedirect(target) if request.htmx else redirect(target)
    if notice and not request.htmx:
        messages.success(request, notice)
        return redirect(shared.page("share"))
    context = {
        "shared": shared, "notice": notice, "problem": problem, "typed": typed, "sure": sure,
        "roles": Role, "link_roles": LINK_ROLES, "today": timezone.localdate(),
        **_grants(request),
    }  # fmt: skip
    template = "shared/_share.html" if request.htmx else "shared/share.html"
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


def _grants(request: SharedRequest) -> dict[str, Any]:
    """Return the grants by whom they are for, and the groups that have none yet: three queries."""
    grants = Grant.objects.filter(room=request.shared.room_id).select_related("user", "group")
    rows: dict[str, list[dict[str, Any]]] = {"persons": [], "groups": [], "links": []}
    for grant in grants.order_by("pk"):
        if grant.user is not None:
            (person,) = people.shown([(people.person_of(grant.user), 1)])
            row = {"person": person, "self": grant.user_id == request.visitor.pk}
            rows["persons"].append({"grant": grant, "name": _name(grant), **row})
        elif grant.group is not None:
            rows["groups"].append({"grant": grant, "name": _name(grant)})
        else:
            url = request.build_absolute_uri(grant.get_absolute_url())
            ended = grant.expires_at is not None and grant.expires_at <= timezone.now()
            rows["links"].append({"grant": grant, "url": url, "ended": ended})
    given = [row["grant"].group_id for row in rows["groups"]]
    offered: list[Group] = list(directory.groups_for(request.visitor).exclude(pk__in=given))
    return {**rows, "offered": offered}


def _room(request: SharedRequest) -> Room:
    return request.shared.room


def _grant(request: SharedRequest, grant_id: int) -> Grant:
    """Find a grant of the object, and of no other.

    Raises:
        NotShared: there is none; another owner may have taken it away since the page was made.
    """
    grants = Grant.objects.filter(room=request.shared.room_id)
    found = None
    if grant_id < 2**63:  # where the databases' keys end
        found = grants.select_related("room", "user", "group").filter(pk=grant_id).first()
    if found is None:
        raise NotShared(_("Somebody has taken this role away meanwhile."))
    return found


def _asks(request: SharedRequest, given: Grant) -> bool:
    """Tell whether taking this ownership away needs a second look: it is, or may be, one's own."""
    if given.role != Role.OWNER or request.POST.get("sure"):
        return False
    if given.group_id is not None:
        return bool(request.visitor.groups.filter(pk=given.group_id).exists())
    return bool(given.user_id == request.visitor.pk)


def _role(request: SharedRequest) -> Role:
    try:
        return Role(request.POST.get("role", ""))
    except ValueError as error:
        raise NotShared(_("Choose a role.")) from error


def _expiry(request: SharedRequest) -> datetime | None:
    """Read when a link ends: never, in some days, or at the end of a day.

    Raises:
        NotShared: the day is none, or over, or too far away.
    """
    asked = request.POST.get("expiry", "")
    if asked == "never":
        return None
    if asked in _DAYS:
        return timezone.now() + timedelta(days=_DAYS[asked])
    try:
        day = date.fromisoformat(request.POST.get("until", ""))
    except ValueError as error:
        raise NotShared(_("Choose the last day on which the link works.")) from error
    today = timezone.localdate()
    if not today <= day <= today + sharing.LINK_LASTS_AT_MOST:
        raise NotShared(_("The last day must be today or later, within ten years."))
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def _is_now(given: Grant) -> str:
    return _("%(name)s has the role “%(role)s” now.") % {
        "name": _name(given),
        "role": Role(given.role).label,
    }


def _name(given: Grant) -> str:
    if given.user is not None:
        return people.person_of(given.user).name
    if given.group is not None:
        return given.group.name
    return _("Whoever has the link")

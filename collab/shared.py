"""What every object that people share has in common: a room, a title, times, and the trash.

Documents and dashboards are such objects, and a host project's models can be.
"""

from __future__ import annotations

import uuid
from typing import Any, Generic, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, FilteredRelation, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab import access
from collab.access import Abilities
from collab.models import Grant, Role, Room

TITLE_LENGTH = 300

T = TypeVar("T", bound="SharedObject")


def clean_title(title: str) -> str:
    """Make a title one line of bounded length; NUL, which PostgreSQL refuses, goes."""
    return " ".join(title.replace("\0", "").split())[:TITLE_LENGTH]


def _rooms_of(user: Any, condition: Q) -> Any:
    return Grant.objects.filter(access.grants_of(user), condition).values("room_id")


class SharedQuerySet(models.QuerySet[T], Generic[T]):
    """Shared objects by who may see them, and by whether they are in the trash."""

    def seen_by(self, user: Any, pk: uuid.UUID) -> tuple[T | None, Abilities]:
        """Find an object with its room, and what a user may do to it: two queries.

        Without the ability to read it may be there all the same, which nobody else is to be told.
        """
        found = self.select_related("room").filter(pk=pk).first()
        return found, access.NOTHING if found is None else access.abilities(user, found)

    def alive(self) -> Self:
        """Objects that are not in the trash."""
        return self.filter(trashed_at=None)

    def shared_with(self, user: Any) -> Self:
        """Objects that a user may see, latest edit first; see `access.grants_of`."""
        rooms = Grant.objects.filter(access.grants_of(user)).values("room_id")
        return self.alive().filter(room_id__in=rooms).order_by("-updated_at")

    def trashed(self) -> Self:
        """Objects that are in the trash."""
        return self.filter(trashed_at__isnull=False)

    def owned_by(self, user: Any) -> Self:
        """Objects that a user owns, alone or with others, also through a group."""
        return self.filter(room_id__in=_rooms_of(user, Q(role=Role.OWNER)))

    def lent_to(self, user: Any) -> Self:
        """Objects that others own and gave to a user or their groups; not by a link."""
        lent = _rooms_of(user, Q(token__isnull=True))
        owned = _rooms_of(user, Q(role=Role.OWNER))
        return self.filter(room_id__in=lent).exclude(room_id__in=owned)

    def visited_by(self, user: Any) -> Self:
        """Objects that a user opened and may still see; `listed_at` is when they last did."""
        return (
            self.shared_with(user)
            .alias(visit=FilteredRelation("visits", condition=Q(visits__user=user.pk)))
            .filter(visit__isnull=False)
            .listed_by("visit__visited_at")
        )

    def listed_by(self, field: str) -> Self:
        """Annotate `listed_at`, the time that a list of them is in order by."""
        return self.annotate(listed_at=F(field))


class SharedObject(models.Model):
    """Base of what has a room. Its content and title are in there; `title` is a mirror for lists.

    A subclass adds `room`, a OneToOneField to `collab.Room` whose `related_name` is its `KIND`, and
    `objects`, the manager of a `SharedQuerySet`. `PAGES` is the namespace of its pages' URLs, and
    the first part of its addresses. With lists it has a `SharedVisit`, related to it as `visits`.
    `VERSIONS` is the module of its `collab.versions.Versions`.
    """

    KIND: str
    PAGES: str
    VERSIONS: str
    room: models.OneToOneField[Room, Room]
    room_id: int
    objects: Any
    visits: Any
    TITLE_LENGTH = TITLE_LENGTH

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, db_index=True)
    trashed_at = models.DateTimeField(
        _("moved to trash at"), null=True, blank=True, editable=False, db_index=True
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or str(_("Untitled"))

    def get_absolute_url(self) -> str:
        return self.page("detail")

    def page(self, name: str, *args: Any) -> str:
        """Return the address of one of its pages, by the name of the URL pattern."""
        return reverse(f"{self.PAGES}:{name}", args=[self.pk, *args])

    @classmethod
    def list_url(cls) -> str:
        """Return the address of the page that lists them."""
        return reverse(f"{cls.PAGES}:list")

    @property
    def noun(self) -> str:
        """What people call it in a sentence: a document."""
        return str(self._meta.verbose_name)

    @property
    def icon(self) -> str:
        """What stands for it in lists, by its name in `img/icons.svg`."""
        return "page"


class SharedVisit(models.Model):
    """Base of when somebody last opened an object, once for each of both."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    visited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        verbose_name = _("visit")
        verbose_name_plural = _("visits")

"""Rooms, their log, and who may enter them."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class Room(models.Model):
    """One live document: where its log ends, and which life of it this is.

    `head` and the rows of `StoredUpdate` are written in one transaction under this row's lock, so
    rows 1 to `head` exist without a gap. `epoch` rises when the room is reset; peers of an older
    one start anew. Only `collab.log` writes either. `access` rises with every change of a grant, so
    that processes notice one whose announcement they missed.
    """

    kind = models.CharField(_("kind"), max_length=50)
    head = models.PositiveBigIntegerField(_("head"), default=0, editable=False)
    epoch = models.PositiveIntegerField(_("epoch"), default=1, editable=False)
    access = models.PositiveIntegerField(_("access version"), default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class StoredUpdate(models.Model):
    """A row of a room's log: CRDT bytes of one author, in Yjs V1 encoding."""

    pk = models.CompositePrimaryKey("room_id", "seq")
    room = models.ForeignKey(Room, models.CASCADE, related_name="updates", db_index=False)
    seq = models.PositiveBigIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("stored update")
        verbose_name_plural = _("stored updates")

    def __str__(self) -> str:
        return f"room {self.room_id} seq {self.seq}"


class Snapshot(models.Model):
    """A room's state after row `seq`: a cache that makes opening fast, one per room.

    It can be deleted at any time and made anew from the rows, which all stay.
    """

    room = models.OneToOneField(Room, models.CASCADE, primary_key=True, related_name="snapshot")
    seq = models.PositiveBigIntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")

    def __str__(self) -> str:
        return f"room {self.room_id} up to {self.seq}"


class Role(models.TextChoices):
    """What somebody is to a room; `collab.access` says what each may do."""

    READER = "reader", _("Reader")
    EDITOR = "editor", _("Editor")
    OWNER = "owner", _("Owner")


class Grant(models.Model):
    """A role in a room, given to a user."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="grants", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="grants", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = (
            models.UniqueConstraint(fields=("room", "user"), name="collab_grant_once"),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="collab_grant_role_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.room}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Keys that open something: not revoked, their user active."""
        return self.filter(revoked_at=None, user__is_active=True)


class ApiKey(models.Model):
    """A secret that acts as its user, `Authorization: Bearer <key>`.

    Only a SHA-256 digest is stored: the secret has 256 random bits, which no dictionary holds, so
    a slow password hash would add nothing but time to every request.
    """

    PREFIX = "collab_"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    start = models.CharField(_("starts with"), max_length=16, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    @classmethod
    def issue(cls, user: AbstractBaseUser, name: str) -> tuple[ApiKey, str]:
        """Make a key for a user.

        Returns:
            The stored key and its secret, which cannot be read again.
        """
        secret = cls.PREFIX + secrets.token_urlsafe(32)
        key = cls.objects.create(
            user=user, name=name, digest=cls.digest_of(secret), start=secret[:12]
        )
        return key, secret

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

"""Rooms, their log, and who may enter them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RoomQuerySet(models.QuerySet["Room"]):
    def lock(self, pk: int) -> Room | None:
        """Lock a room's row until the transaction ends. Returns None if it is gone.

        Whoever locks a row of what the room belongs to does it after this, so that nobody waits in
        a circle.
        """
        return self.select_for_update().filter(pk=pk).first()


class Room(models.Model):
    """One live document: where its log ends, and which life of it this is.

    `head` and the rows of `StoredUpdate` are written in one transaction under this row's lock, so
    rows `floor` to `head` exist without a gap: history's retention folds what was before `floor`
    into that one row. `epoch` rises when the room is reset; peers of an older one start anew. Only
    `collab.log` writes these. `access` rises with every change of a grant, so that processes notice
    one whose announcement they missed.

    The object that a room belongs to has a OneToOneField to it whose `related_name` is the `kind`.
    """

    kind = models.CharField(_("kind"), max_length=50)
    head = models.PositiveBigIntegerField(_("head"), default=0, editable=False)
    epoch = models.PositiveIntegerField(_("epoch"), default=1, editable=False)
    access = models.PositiveIntegerField(_("access version"), default=0, editable=False)
    floor = models.PositiveBigIntegerField(_("first row"), default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = RoomQuerySet.as_manager()

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def shared(self) -> Any:
        """The document, dashboard or other object that this is the room of; None if it is gone."""
        return getattr(self, self.kind, None)


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


class Version(models.Model):
    """A named state of a room, kept for ever; what has no name is read from the log's rows.

    `state` is a full state after row `seq`, a Yjs V1 update: it needs no row, and no snapshot of
    the CRDT library, which restores wrong text. It is `whole` if no row up to `seq` waited for a
    missing one, so that later states can be made of it. `created_at` is when row `seq` was written.
    """

    NAME_LENGTH = 200

    room = models.ForeignKey(Room, models.CASCADE, related_name="versions", db_index=False)
    seq = models.PositiveBigIntegerField()
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    state = models.BinaryField()
    whole = models.BooleanField(default=False, db_default=False)
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints = (models.UniqueConstraint(fields=("room", "seq"), name="collab_version_once"),)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What somebody is to a room, from least to most; `collab.access` says what each may do."""

    READER = "reader", _("Reader")
    COMMENTER = "commenter", _("Commenter")
    EDITOR = "editor", _("Editor")
    OWNER = "owner", _("Owner")


class GrantQuerySet(models.QuerySet["Grant"]):
    def valid(self) -> Self:
        """Grants that open something now: not expired."""
        return self.exclude(expires_at__lte=timezone.now())

    def links(self) -> Self:
        return self.filter(token__isnull=False)


class Grant(models.Model):
    """A role in a room, given to a user, to a group, or to whoever opens a link.

    A link's token is 128 random bits. It is stored as it is, so that owners can copy the link
    again: who reads this table reads the documents beside it too.
    """

    TOKEN_BYTES = 16

    room = models.ForeignKey(Room, models.CASCADE, related_name="grants", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("user"),
    )
    group = models.ForeignKey(
        "auth.Group",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("group"),
    )
    token = models.CharField(
        _("link token"), max_length=43, null=True, blank=True, unique=True, editable=False
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    role = models.CharField(_("role"), max_length=20, choices=Role)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = (
            models.UniqueConstraint(fields=("room", "user"), name="collab_grant_once"),
            models.UniqueConstraint(fields=("room", "group"), name="collab_grant_once_per_group"),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="collab_grant_role_is_known"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True, token__isnull=True)
                | Q(user__isnull=True, group__isnull=False, token__isnull=True)
                | Q(user__isnull=True, group__isnull=True, token__isnull=False),
                name="collab_grant_to_one",
            ),
            models.CheckConstraint(
                condition=Q(token__isnull=True) | ~Q(role="owner"),
                name="collab_grant_link_owns_nothing",
            ),
        )

    def __str__(self) -> str:
        to = self.user or self.group or _("whoever has the link")
        return f"{to} is {self.role} of {self.room}"

    def get_absolute_url(self) -> str:
        """Return the address that a link is given out as."""
        return reverse("collab:link", args=[self.token])


class KeyScope(models.TextChoices):
    """What a key is good for."""

    FULL = "full", _("Everything that its user may do")
    INGEST = "ingest", _("Sending numbers only")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Keys that open something: not revoked, their user active."""
        return self.filter(revoked_at=None, user__is_active=True)

    def full(self) -> Self:
        """Keys that may do all that their user may."""
        return self.filter(scope=KeyScope.FULL)


class ApiKey(models.Model):
    """A secret that acts as its user, `Authorization: Bearer <key>`; `scope` says how far.

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
    scope = models.CharField(
        _("scope"), max_length=10, choices=KeyScope, default=KeyScope.FULL, db_default=KeyScope.FULL
    )
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
    def issue(cls, user: Any, name: str, scope: KeyScope = KeyScope.FULL) -> tuple[ApiKey, str]:
        """Make a key for a user.

        Returns:
            The stored key and its secret, which cannot be read again.
        """
        secret = cls.PREFIX + secrets.token_urlsafe(32)
        key = cls.objects.create(
            user=user, name=name, digest=cls.digest_of(secret), start=secret[:12], scope=scope
        )
        return key, secret

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

"""What the store keeps. Numbers are read and written by SQL of `dashboards.store` alone."""

from __future__ import annotations

import secrets

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab.models import ApiKey
from dashboards.ingest.readings import Kind


def new_generation() -> int:
    """Draw a number that no other generation has."""
    return secrets.randbits(53)


class Series(models.Model):
    """One series: a name, and labels as canonical JSON (an object sorted by name, no spaces).

    `digest` stands for both in the one unique index: labels may be longer than an index takes.
    Raw samples before `raw_since_ms` are gone, so what was rolled up from them is not made again.
    `sent` are those that came with a key, which may be deleted since: they are not the site's own.
    """

    KINDS = tuple((kind.value, kind.value) for kind in Kind)

    name = models.CharField(_("name"), max_length=255, db_index=True)
    labels = models.TextField(_("labels"), default="{}")
    digest = models.CharField(max_length=32, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS, default=Kind.GAUGE.value)
    unit = models.CharField(_("unit"), max_length=63, blank=True)
    raw_since_ms = models.BigIntegerField(default=0, editable=False)
    key = models.ForeignKey(
        ApiKey,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("first sent with"),
    )
    sent = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")

    def __str__(self) -> str:
        return f"{self.name} {self.labels}"


class Point(models.Model):
    """Base of what is stored per series and time (Unix time, ms).

    SQLite keeps its tables WITHOUT ROWID, in the order that they are read in. On PostgreSQL they
    are partitioned by time, and have no foreign key: its trigger would run for every sample.
    """

    pk = models.CompositePrimaryKey("series_id", "at_ms")
    series_id = models.BigIntegerField()
    at_ms = models.BigIntegerField()

    class Meta:
        abstract = True


class Sample(Point):
    """A number as it was recorded."""

    value = models.FloatField()

    class Meta:
        verbose_name = _("sample")
        verbose_name_plural = _("samples")


class Rollup(Point):
    """Base of buckets: a row holds those that follow each other; see `dashboards.store.runs`.

    `at_ms` is where the run begins. `data` is its buckets in order, each packed as its own `at_ms`
    and six doubles: count, sum, min, max, last, increase, all little-endian. Columns are read many
    times slower: on SQLite each of their values is a Python object.
    """

    data = models.BinaryField()

    class Meta:
        abstract = True


class TenSeconds(Rollup):
    """Buckets of 10 s."""

    class Meta:
        verbose_name = _("10 s bucket")
        verbose_name_plural = _("10 s buckets")


class Minute(Rollup):
    """Buckets of 1 min."""

    class Meta:
        verbose_name = _("1 min bucket")
        verbose_name_plural = _("1 min buckets")


class Hour(Rollup):
    """Buckets of 1 h."""

    class Meta:
        verbose_name = _("1 h bucket")
        verbose_name_plural = _("1 h buckets")


class Reopened(Point):
    """A minute of a series that got a sample after it was closed: it is rolled up again.

    `touched` rises with each such sample, so that one that comes meanwhile is not forgotten.
    """

    touched = models.BigIntegerField(default=1)

    class Meta:
        verbose_name = _("reopened minute")
        verbose_name_plural = _("reopened minutes")


class Ledger(models.Model):
    """The one row that every commit of samples shares, and whoever closes time locks alone.

    A sample before `closed_ms` is late. `generation` changes when series are deleted, so that no
    process goes on writing to one by its id.
    """

    closed_ms = models.BigIntegerField(default=0)
    generation = models.BigIntegerField(default=new_generation)

    class Meta:
        verbose_name = _("ledger")
        verbose_name_plural = _("ledgers")


class Watermark(models.Model):
    """The one row that says up to where each tier is rolled up.

    `turn` rises with everything that is rolled up: who read an older one has read what may have
    changed, and begins again.
    """

    turn = models.BigIntegerField(default=0)
    ten_seconds_ms = models.BigIntegerField(default=0)
    minute_ms = models.BigIntegerField(default=0)
    hour_ms = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")


class Lease(models.Model):
    """Who of all processes does something, and until when (Unix time, ms)."""

    name = models.CharField(max_length=255, primary_key=True)
    holder = models.CharField(max_length=32)
    until_ms = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")


class Retention(models.Model):
    """How long the numbers of some metrics are kept, where it is not what the settings say.

    Of several patterns that fit a name the longest counts. A coarser tier is kept at least as long
    as a finer one.
    """

    pattern = models.CharField(
        _("metric"),
        max_length=255,
        unique=True,
        help_text=_("A metric's name; * stands for any characters, ? for one."),
    )
    raw_days = models.PositiveIntegerField(
        _("days of raw samples"), validators=[MinValueValidator(1)], null=True, blank=True
    )
    ten_second_days = models.PositiveIntegerField(
        _("days of 10 s buckets"), validators=[MinValueValidator(1)], null=True, blank=True
    )
    minute_days = models.PositiveIntegerField(
        _("days of 1 min buckets"), validators=[MinValueValidator(1)], null=True, blank=True
    )
    hour_days = models.PositiveIntegerField(
        _("days of 1 h buckets"), validators=[MinValueValidator(1)], null=True, blank=True
    )

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retentions")

    def __str__(self) -> str:
        return self.pattern

"""How long ago something was, as people say it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

register = template.Library()

_JUST_NOW = timedelta(minutes=1)


@register.filter
def ago(moment: datetime) -> str:
    """Say how long ago an aware moment was, in its largest unit; under a minute: just now."""
    if timezone.now() - moment < _JUST_NOW:
        return _("Just now")
    return _("%(age)s ago") % {"age": timesince(moment, depth=1)}

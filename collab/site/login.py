"""One-time login links: what `collab up` prints for the demo users."""

from __future__ import annotations

from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET


class LoginTokens(PasswordResetTokenGenerator):
    """Tokens that a login spends: they are made of `last_login`, which it changes.

    They expire after PASSWORD_RESET_TIMEOUT.
    """

    key_salt = "collab.site.login"


tokens = LoginTokens()


def login_path(user: User) -> str:
    """Make a link that logs a user in once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("enter", args=[uid, tokens.make_token(user)])


@require_GET
@never_cache
def enter(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Log in by a one-time link; a spent or false one says so."""
    users = get_user_model()._default_manager
    try:
        user = users.filter(pk=urlsafe_base64_decode(uidb64).decode(), is_active=True).first()
    except (ValueError, UnicodeDecodeError):
        user = None
    if user is None or not tokens.check_token(user, token):
        return render(request, "registration/enter_expired.html", status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("documents:list")

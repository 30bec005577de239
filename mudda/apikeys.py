"""Who calls: ``Authorization: Api-Key <key>``. The key is stored hashed; only its prefix is kept readable."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_api_key.crypto import KeyGenerator

from mudda import scopes as scope_registry
from mudda.errors import InvalidRequest
from mudda.models import ApiKey

KEYWORD = "Api-Key"
LAST_USED_STEP = timedelta(minutes=1)
"""How exact ``last_used_at`` is: one write a minute and key, not one a request."""

_generator = KeyGenerator()


class UnknownScope(InvalidRequest):
    code = "unknown_scope"
    title = "There is no such scope."


@transaction.atomic
def create_api_key(
    *, name: str, scopes: Iterable[str], owner: Any = None, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with its only readable copy.

    Args:
        owner: the user whose permissions bound the key; by default a service account made for it, which
            gets the permissions that the scopes need.

    Raises:
        UnknownScope: names the unknown ones and the known.
    """
    wanted = sorted(set(scopes))
    known = scope_registry.known()
    if unknown := [scope for scope in wanted if scope not in known]:
        raise UnknownScope(f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    owner = owner or _service_account(name, wanted)
    key, prefix, hashed = _generator.generate()
    row = ApiKey.objects.create(
        name=name, owner=owner, scopes=wanted, prefix=prefix, hashed_key=hashed, expires_at=expires_at
    )
    return row, key


def _service_account(name: str, scopes: list[str]) -> Any:
    users = get_user_model()
    slug = "".join(c if c.isalnum() else "-" for c in name.lower())[:80]
    user, made = users.objects.get_or_create(username=f"service-{slug}")
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    user.user_permissions.add(*_permissions(scopes))
    return user


def _permissions(scopes: list[str]) -> list[Permission]:
    known = [scope_registry.known()[scope] for scope in scopes]
    names = {name for scope in known for name in (*scope.permissions, *scope.also)}
    wanted = Q(pk__in=[])
    for name in names:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(wanted))


class ApiKeyAuthentication(BaseAuthentication):
    """Answers with the key's owner as the user and the key as ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != KEYWORD.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send one key: Authorization: Api-Key <key>.")
        key = find_key(words[1].decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def find_key(text: str) -> ApiKey | None:
    """The usable key that ``text`` is, or None."""
    prefix = text.partition(".")[0]
    if not prefix.isalnum() or not prefix.isascii():
        return None
    now = timezone.now()
    row = (
        ApiKey.objects.select_related("owner")
        .filter(prefix=prefix, revoked_at__isnull=True, owner__is_active=True)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .first()
    )
    if row is None or not _generator.verify(text, row.hashed_key):
        return None
    if row.last_used_at is None or now - row.last_used_at > LAST_USED_STEP:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return row

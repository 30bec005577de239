"""Who calls: ``Authorization: Api-Key <key>``. The key is stored hashed; only its prefix is kept readable."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_api_key.crypto import KeyGenerator

from mudda import prepared, ratelimits, reach
from mudda import scopes as scope_registry
from mudda.addresses import client_address, is_within, parse_network
from mudda.errors import Conflict, Forbidden, InvalidRequest
from mudda.models import ApiKey, Sandbox

KEYWORD = "Api-Key"
LAST_USED_STEP = timedelta(minutes=1)
"""How exact ``last_used_at`` is: one write a minute and key, not one a request."""
OVERLAP = timedelta(days=1)
"""How long the old key works after a rotation, unless somebody says otherwise."""

NEW_SANDBOX = "new"
"""Stands for a sandbox of the key's own."""

_generator = KeyGenerator()


# --- making -----------------------------------------------------------------------------------------


class UnknownScope(InvalidRequest):
    code = "unknown_scope"
    title = "There is no such scope."


class BadNetwork(InvalidRequest):
    code = "bad_network"
    title = "This is no network in CIDR, such as 203.0.113.0/24 or 2001:db8::/32."


class DepartmentBeyondOwner(InvalidRequest):
    code = "department_beyond_owner"
    title = "A key can be tied only to departments that its owner may see."


class UnknownSandbox(InvalidRequest):
    code = "unknown_sandbox"
    title = "A key can join only a sandbox of its owner."


class KeyRevoked(Conflict):
    code = "key_revoked"
    title = "The key was revoked: make another one."


@transaction.atomic
def create_api_key(
    *,
    name: str,
    scopes: Iterable[str],
    owner: Any = None,
    expires_at: datetime | None = None,
    rate: int | None = None,
    networks: Iterable[str] = (),
    departments: Iterable[str] = (),
    sandbox: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its only readable copy.

    Args:
        owner: the user whose permissions bound the key; by default a service account made for it, which
            gets the permissions that the scopes need.
        rate: calls a minute; None for the setting's.
        networks: where it may be used from, as CIDR; none for anywhere.
        departments: codes of the departments that it is tied to; none for all of its owner's.
        sandbox: ``NEW_SANDBOX`` for one of its own, or the id of another one of its owner's; None for what is real.

    Raises:
        UnknownScope: names the unknown ones and the known.
        BadNetwork, DepartmentBeyondOwner, UnknownSandbox: names what is wrong.
    """
    wanted = sorted(set(scopes))
    known = scope_registry.known()
    if unknown := [scope for scope in wanted if scope not in known]:
        raise UnknownScope(f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    owner = owner or _service_account(name, wanted)
    key, prefix, hashed = _generator.generate()
    row = ApiKey.objects.create(
        name=name,
        owner=owner,
        scopes=wanted,
        prefix=prefix,
        hashed_key=hashed,
        expires_at=expires_at,
        rate=rate,
        networks=_clean_networks(networks),
        departments=_clean_departments(departments, owner),
        sandbox=_sandbox(sandbox, owner),
    )
    return row, key


def _sandbox(wanted: str | None, owner: Any) -> Sandbox | None:
    if wanted is None:
        return None
    if wanted == NEW_SANDBOX:
        return Sandbox.objects.create(owner=owner)
    mine = {str(pk): pk for pk in Sandbox.objects.filter(owner=owner).values_list("pk", flat=True)}
    if wanted not in mine:
        known = ", ".join(mine) or "none"
        raise UnknownSandbox(f"The owner of the key has no sandbox {wanted}. Theirs: {known}.")
    return Sandbox.objects.get(pk=mine[wanted])


def _clean_networks(texts: Iterable[str]) -> list[str]:
    found = []
    for text in texts:
        try:
            found.append(str(parse_network(text)))
        except ValueError as error:
            raise BadNetwork(f"{text!r} is no network: {error}.") from error
    return found


def _clean_departments(codes: Iterable[str], owner: Any) -> list[str]:
    wanted = sorted(set(codes))
    if not wanted:
        return []
    mine = reach.departments_of(owner)
    if beyond := [code for code in wanted if code not in mine]:
        known = ", ".join(sorted(mine)) or "none"
        raise DepartmentBeyondOwner(f"Not its owner's: {', '.join(beyond)}. Its owner's: {known}.")
    return wanted


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


@transaction.atomic
def rotate_api_key(key: ApiKey, *, overlap: timedelta = OVERLAP) -> tuple[ApiKey, str]:
    """Give a key another text and return it with its only readable copy. The old text works for ``overlap`` longer;
    the one before that, if there is still one, ends now.

    Raises:
        KeyRevoked: the key opens nothing any more.
    """
    row = ApiKey.objects.select_for_update(of=("self",)).select_related("owner").get(pk=key.pk)
    if row.revoked_at is not None:
        raise KeyRevoked
    row.previous_prefix, row.previous_hashed_key = row.prefix, row.hashed_key
    row.previous_until = timezone.now() + overlap
    text, row.prefix, row.hashed_key = _generator.generate()
    row.save(
        update_fields=["prefix", "hashed_key", "previous_prefix", "previous_hashed_key", "previous_until"]
    )
    return row, text


# --- authenticating ---------------------------------------------------------------------------------


class NetworkNotAllowed(Forbidden):
    code = "network_not_allowed"
    title = "This key may not be used from your address."


def credential_of(request: Request, keyword: str) -> str | None:
    """What follows ``keyword`` in the request's ``Authorization``; None where it is of another kind.

    Raises:
        AuthenticationFailed: there isn't exactly one word.
    """
    words = get_authorization_header(request).split()
    if not words or words[0].lower() != keyword.lower().encode():
        return None
    if len(words) != 2:
        raise refusal(request, f"Send one: Authorization: {keyword} <...>.")
    return words[1].decode("latin-1")


def refusal(request: Request, detail: str) -> AuthenticationFailed:
    """The error for somebody who is not let in; a failure is counted by the address that it came from.

    Raises:
        Throttled: there were too many of them.
    """
    ratelimits.count_address(request._request)
    return AuthenticationFailed(detail)


class ApiKeyAuthentication(BaseAuthentication):
    """Answers with the key's owner as the user and the key as ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        text = credential_of(request, KEYWORD)
        if text is None:
            return None
        with ratelimits.turn(request._request, text):
            shown = look_up(text)
            if shown is None:
                raise refusal(request, "This API key is unknown, revoked or expired.")
            return admit(request._request, shown.key, text, shown.counted)

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def usable() -> QuerySet[ApiKey]:
    """The keys that open something, each with its owner."""
    now = timezone.now()
    return (
        ApiKey.objects.select_related("owner")
        .filter(revoked_at__isnull=True, owner__is_active=True)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    )


@dataclass(frozen=True)
class Shown:
    """A usable key that somebody has shown. ``counted`` is as for ``ratelimits.count_key``."""

    key: ApiKey
    counted: tuple[int, float] | None


def find_key(text: str) -> ApiKey | None:
    """The usable key that ``text`` is, or None."""
    shown = look_up(text, count=False)
    return shown.key if shown is not None else None


def look_up(text: str, *, count: bool = True) -> Shown | None:
    """The usable key that ``text`` is with its owner and what that may do, in one round trip; None for none.

    Nothing of it is remembered, so that a key that was revoked, or a permission that was taken away, is so at once.

    Args:
        count: count a call with it, unless it has networks to be looked at first, or no limit.
    """
    prefix = text.partition(".")[0]
    if not prefix.isalnum() or not prefix.isascii():
        return None
    # Hashes of 256 random bits are compared: what a comparison takes tells nobody how to come nearer.
    given = {
        "prefix": prefix,
        "hashed": _generator.hash(text),
        "quota": settings.RATE_LIMIT_KEY,
        "count": count,
    }
    rows = prepared.fetch(_look_up(), given)
    if not rows:
        return None
    *values, made, rest, permissions, departments = rows[0]
    width = len(_columns(ApiKey))
    key = ApiKey.from_db(DEFAULT_DB_ALIAS, _columns(ApiKey), values[:width])
    key.owner = owner = get_user_model().from_db(DEFAULT_DB_ALIAS, _columns(get_user_model()), values[width:])
    vars(owner)["_perm_cache"] = set(
        permissions
    )  # where Django's ModelBackend looks before it asks the database
    reach.note_departments(owner, {int(pk): code for pk, code in departments})
    return Shown(key, None if made is None else (made, rest))


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    """The names of a model's fields, as ``from_db`` takes them; the columns are named so too."""
    return tuple(field.attname for field in model._meta.concrete_fields)


@cache
def _look_up() -> str:
    key = ", ".join(f'key."{name}" AS "key_{name}"' for name in _columns(ApiKey))
    owner = ", ".join(f'owner."{name}" AS "owner_{name}"' for name in _columns(get_user_model()))
    departments = " UNION ALL ".join(reach.queries_along())
    return f"""
        WITH shown AS (
            SELECT {key}, {owner}
            FROM mudda_apikey key JOIN auth_user owner ON owner.id = key.owner_id AND owner.is_active
            WHERE key.revoked_at IS NULL
                AND (key.expires_at IS NULL OR key.expires_at > statement_timestamp())
                AND (
                    key.prefix = %(prefix)s::text AND key.hashed_key = %(hashed)s::text
                    OR key.previous_prefix = %(prefix)s::text AND key.previous_hashed_key = %(hashed)s::text
                        AND key.previous_until > statement_timestamp()
                )
        ),
        called AS (
            INSERT INTO mudda_callcount AS counted (name, window_start, count)
            SELECT 'key:' || key_id, statement_timestamp(), 1 FROM shown
            WHERE %(count)s::bool AND cardinality(key_networks) = 0 AND coalesce(key_rate, %(quota)s::int) > 0
            {ratelimits.COUNTING}
        )
        SELECT shown.*, called.count, called.rest,
            ARRAY(
                SELECT type.app_label || '.' || permission.codename FROM auth_permission permission
                JOIN django_content_type type ON type.id = permission.content_type_id
                WHERE permission.id IN (
                    SELECT own.permission_id FROM auth_user_user_permissions own WHERE own.user_id = shown.owner_id
                    UNION ALL
                    SELECT theirs.permission_id FROM auth_group_permissions theirs
                    JOIN auth_user_groups mine ON mine.group_id = theirs.group_id WHERE mine.user_id = shown.owner_id
                )
            ),
            ARRAY(SELECT ARRAY[department.id::text, department.code] FROM ({departments}) department)
        FROM shown LEFT JOIN called ON true
    """  # noqa: S608 (our own text)


def admit(
    request: HttpRequest, key: ApiKey, credential: str, counted: tuple[int, float] | None = None
) -> tuple[Any, ApiKey]:
    """Count the call of somebody who has shown a usable key, and let the key's limits bound its owner.

    Args:
        counted: as for ``ratelimits.count_key``.

    Raises:
        NetworkNotAllowed: the key is tied to networks, and the caller is in none of them.
        Throttled: the key has no calls left.
    """
    if key.networks and not is_within(client_address(request), key.networks):
        ratelimits.count_address(request)
        raise NetworkNotAllowed
    ratelimits.count_key(request, key, credential, counted)
    _note_use(key)
    reach.narrow(key.owner, reach.of_key(key))
    return key.owner, key


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - LAST_USED_STEP)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)

"""What an API key may do. Rooms register their scopes; each is bounded by a permission of the key's owner."""

from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from mudda.models import ApiKey


@dataclass(frozen=True)
class Scope:
    name: str
    permissions: tuple[str, ...]
    description: str
    also: tuple[str, ...] = ()


_scopes: dict[str, Scope] = {}


def register(name: str, *permissions: str, description: str, also: tuple[str, ...] = ()) -> None:
    """Make ``name`` a scope that needs every one of ``permissions`` (``app.codename``) of the caller too.

    ``also`` are permissions that some of its calls need besides; a service account made for a key gets them.
    """
    _scopes[name] = Scope(name, permissions, description, also)


def known() -> dict[str, Scope]:
    return dict(_scopes)


def allows(user: Any, auth: object, scope: str) -> bool:
    """Whether a caller may do what ``scope`` stands for: by the user's permissions, and by the key's scopes."""
    if isinstance(auth, ApiKey) and scope not in auth.scopes:
        return False
    return bool(user.has_perms(_scopes[scope].permissions))


class HasScopes(BasePermission):
    """Let in whoever has the scope that the view names for the method: ``scopes = {"GET": "plans:read"}``."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        scope = view.scopes.get("GET" if request.method in {"HEAD", "OPTIONS"} else request.method)
        if scope is None:
            return True  # no such method here: DRF answers 405
        self.message = f"This needs the scope {scope}, and an owner who has its permissions."
        return allows(request.user, request.auth, scope)

"""What a stream's events are about. Rooms say it of theirs, as far as whoever is to be told may see it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from mudda import scopes


@dataclass(frozen=True)
class Subject:
    """Ids as the API has them, and the codes of the department and the category; None where there is none."""

    issue: str | None = None
    plan: str | None = None
    execution: str | None = None
    policy: str | None = None
    webhook: str | None = None
    department: str | None = None
    category: str | None = None

    def passes(self, filters: dict[str, str]) -> bool:
        return all(getattr(self, name) == wanted for name, wanted in filters.items())

    def ids(self) -> dict[str, str]:
        """What a message names: never what may change, so that a message sent again is the same."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value for name, value in found.items() if value and name not in {"department", "category"}
        }


Describe = Callable[[str, Any], Subject | None]
"""From the id in the stream's name and a user: what it is, or None where that user may not see it (any more)."""


@dataclass(frozen=True)
class _Kind:
    scope: str
    describe: Describe


_kinds: dict[str, _Kind] = {}
_scopes: dict[str, str] = {}


def register(kind: str, describe: Describe, *, scope: str, families: Iterable[str]) -> None:
    """Say what the streams ``<kind>:<id>`` are about.

    Args:
        scope: what reading them needs.
        families: the event types' first words that these streams have.
    """
    _kinds[kind] = _Kind(scope, describe)
    _scopes.update(dict.fromkeys(families, scope))


def scope_of(pattern: str) -> str | None:
    """The scope that a subscription to ``pattern`` needs; None for ``*``, which is whatever may be read."""
    return _scopes.get(pattern.partition(".")[0])


def subject_of(stream: str, user: Any, auth: object) -> Subject | None:
    """What ``stream`` is about, or None where ``user`` with ``auth`` (a key, or None) may not read it now."""
    name, _, number = stream.partition(":")
    kind = _kinds.get(name)
    if kind is None or not scopes.allows(user, auth, kind.scope):
        return None
    return kind.describe(number, user)

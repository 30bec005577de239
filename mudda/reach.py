"""How far a caller reaches: what a key takes away from what its owner may see.

Authentication sets it on the user that it answers with; the rooms' ``visible_to`` read it there, so that no view has to
think of it. A user whom no key speaks for reaches as far as their permissions and departments.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Model, Q

if TYPE_CHECKING:
    from mudda.models import ApiKey


@dataclass(frozen=True)
class Reach:
    """``departments``: codes that the key is tied to, None for all of its owner's. ``sandbox``: the id of the only
    sandbox that it sees, None for what is real. ``sandboxes_too``: what is real and every sandbox, for the console,
    which marks what isn't real. ``one_page``: this copy of the user makes one page, which reads their departments
    once."""

    departments: frozenset[str] | None = None
    sandbox: uuid.UUID | None = None
    sandboxes_too: bool = False
    one_page: bool = False


WHOLE = Reach()
REAL_ON_A_PAGE = Reach(one_page=True)
"""For pages of the console about what is real only."""


def reach_of(user: Any) -> Reach:
    """The reach that ``user`` was given for this request."""
    found: Reach = getattr(user, "_reach", WHOLE)
    return found


def narrow(user: Any, reach: Reach) -> None:
    """Let this copy of ``user`` (each request has its own) reach no further than ``reach``."""
    user._reach = reach


def of_key(key: "ApiKey") -> Reach:
    """What a key takes away from what its owner may see."""
    return Reach(departments=frozenset(key.departments) if key.departments else None, sandbox=key.sandbox_id)


def sandbox_of(user: Any) -> uuid.UUID | None:
    """The sandbox that what ``user`` makes belongs to; None for what is real, and for nobody (the system)."""
    return reach_of(user).sandbox


def within_sandbox(user: Any, path: str = "sandbox") -> Q:
    """A filter that keeps rows whose sandbox (at ``path``) is the user's; what is real, where no sandbox key speaks."""
    mine = reach_of(user)
    if mine.sandboxes_too:
        return Q()
    return Q(**{f"{path}__isnull": True}) if mine.sandbox is None else Q(**{path: mine.sandbox})


def holds(condition: Q, row: Model) -> bool:
    """Whether a filter keeps a row that was read already: what a caller may see is said once, as a filter.

    Knows what such filters are made of: ``exact``, ``in`` and ``isnull``, joined by AND and OR.

    Raises:
        ValueError: there is something else in it: a defect of the caller.
    """
    if condition.negated or condition.connector not in (Q.AND, Q.OR):
        raise ValueError(f"not understood: {condition}")
    parts = (_holds_part(part, row) for part in condition.children)
    return any(parts) if condition.connector == Q.OR else all(parts)


def _holds_part(part: Any, row: Model) -> bool:
    return holds(part, row) if isinstance(part, Q) else _is_so(row, *part)


def _is_so(row: Any, path: str, expected: Any) -> bool:
    *names, last = path.split("__")
    lookup = last if last in {"exact", "in", "isnull"} else "exact"
    if lookup != last:
        names.append(last)
    for name in names[:-1]:
        row = getattr(row, name) if row is not None else None
    if row is not None and not isinstance(row, Model):
        raise ValueError(f"not understood: {path}")
    if expected is None:
        lookup, expected = "isnull", True
    value = None if row is None else row.serializable_value(names[-1])
    if lookup == "isnull":
        return (value is None) is bool(expected)
    if value is None:  # as in SQL, where nothing is equal to NULL
        return False
    return bool(value in expected if lookup == "in" else value == expected)


# --- what is read along with a key ------------------------------------------------------------------

_departments_along: list[str] = []


def read_departments_along(query: str) -> None:
    """Register the room that has departments: a query of the key and the code of each that ``shown.owner_id`` belongs
    to. Authentication reads them with the key, in the same round trip, for ``departments_read_along``."""
    _departments_along.append(query)


def queries_along() -> tuple[str, ...]:
    """The queries that were registered."""
    return tuple(_departments_along)


def note_departments(user: Any, departments: dict[int, str]) -> None:
    """Keep what was read along on this copy of ``user``, which lives as long as the request."""
    user._own_departments = departments


def departments_read_along(user: Any) -> dict[int, str] | None:
    """The keys and codes of the departments that ``user`` belongs to; None where nothing was read along."""
    found: dict[int, str] | None = getattr(user, "_own_departments", None)
    return found


# --- which departments there are --------------------------------------------------------------------

DepartmentsOf = Callable[[Any], frozenset[str]]

_departments_of: list[DepartmentsOf] = []


def departments_from(codes_of: DepartmentsOf) -> DepartmentsOf:
    """Register the room that has departments: its answer to which of them a user may see, as codes."""
    _departments_of.append(codes_of)
    return codes_of


def departments_of(user: Any) -> frozenset[str]:
    """The codes of the departments that ``user`` may see, so that a key of theirs can be tied to them."""
    return frozenset(code for codes_of in _departments_of for code in codes_of(user))

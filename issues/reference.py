"""Changing the city's departments and categories. Whoever is limited to departments may not: it concerns everybody."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction

from issues.models import Category, Department, is_limited, within_departments
from issues.serializers import TARGET, CategoryOutput, DepartmentOutput
from issues.services import department_named
from mudda.errors import Forbidden, InvalidRequest, NotFound, NotInSandbox
from mudda.etags import Expected, ensure_current, hash_of
from mudda.models import ApiKey
from mudda.reach import sandbox_of

WORKING_TIME = re.compile(TARGET)
"""What a category's target may be: the plan language reads it."""

Row = TypeVar("Row", Category, Department)


def tag_of(row: Category | Department) -> str:
    """Another tag for every other state of a category or department."""
    output = CategoryOutput if isinstance(row, Category) else DepartmentOutput
    return hash_of(output(row).data)


@transaction.atomic
def change_category(
    code: str, changes: Mapping[str, Any], *, by: User, key: ApiKey | None = None, expected: Expected = None
) -> Category:
    """Change a category: any of ``name``, ``department`` (a code), ``target`` (working time) and ``active``.

    Args:
        key: the key that ``by`` owns and that was used, for the record of who did what.
        expected: the tag that ``by`` has read (``If-Match``), or None.

    Raises:
        NotFound, Forbidden: ``by`` may not see it; may not change it.
        PreconditionFailed: it was changed since.
        UnknownDepartment, InvalidRequest: a value that it can't have, with its pointer.
    """
    rows = Category.objects.select_for_update(of=("self",)).select_related("department")
    category = rows.filter(within_departments(by, "department"), code=code).first()
    if category is None:
        raise NotFound("There is no such category.")
    _ensure_may_change(by, "issues.change_category")
    ensure_current(expected, tag_of(category))
    target = changes.get("target")
    if target and not WORKING_TIME.fullmatch(target):
        raise _refused("target", "Write working time like P2D, PT4H or P1DT4H.")
    values = dict(changes)
    if "department" in values:
        values["department"] = department_named(values["department"])
    return _save(category, values, by, key)


@transaction.atomic
def change_department(
    code: str, changes: Mapping[str, Any], *, by: User, key: ApiKey | None = None, expected: Expected = None
) -> Department:
    """Change a department: any of ``name``, ``email``, ``active``, ``working_hours`` and ``closed_days``.

    Args:
        key, expected: as for ``change_category``.

    Raises:
        NotFound, Forbidden, PreconditionFailed, InvalidRequest: as for ``change_category``.
    """
    rows = Department.objects.select_for_update()
    department = rows.filter(within_departments(by, "pk"), code=code).first()
    if department is None:
        raise NotFound("There is no such department.")
    _ensure_may_change(by, "issues.change_department")
    ensure_current(expected, tag_of(department))
    return _save(department, changes, by, key)


def _ensure_may_change(by: User, permission: str) -> None:
    if sandbox_of(by) is not None:
        raise NotInSandbox
    if not by.has_perm(permission):
        raise Forbidden(f"This needs the permission {permission}; administrators have it.")
    if is_limited(by):
        raise Forbidden("Whoever is limited to departments may not change what concerns the whole city.")


def _save(row: Row, values: Mapping[str, Any], by: User, key: ApiKey | None) -> Row:
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    try:
        row.clean_fields(exclude={field.name for field in row._meta.fields} - set(values))
    except ValidationError as error:
        name, [first, *_] = next(iter(error.error_dict.items()))
        raise _refused(name, first.messages[0], first.code or "bad_value") from error
    row.save(update_fields=list(values))
    _record(row, before, by, key)
    return row


def _record(row: Row, before: Mapping[str, Any], by: User, key: ApiKey | None) -> None:
    """Write who has changed what into the admin's history of the row, where its own changes are."""
    changes = [
        f"{name} from {_shown(old)} to {_shown(new)}"
        for name, old in before.items()
        if (new := getattr(row, name)) != old
    ]
    if changes:
        through = f"the key {_shown(key.name)} ({key.prefix})" if key is not None else "a session"
        LogEntry.objects.create(
            user_id=by.pk,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=CHANGE,
            change_message=f"Through the API, with {through}: {'; '.join(changes)}.",
        )


def _shown(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _refused(name: str, message: str, code: str = "bad_value") -> InvalidRequest:
    error = {"pointer": f"/{name}", "code": code, "message": message}
    return InvalidRequest("Some fields are not valid.", errors=[error])

"""Rows for tests, made the way the doors make them."""

from io import StringIO
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import call_command

from issues.models import Category, Department
from mudda import event_types, events, scopes
from mudda.apikeys import create_api_key
from mudda.models import Event, EventStream
from workflows.drafting import create_plan
from workflows.models import WorkflowPlan
from workflows.planning.base import Facts, PlannedDraft

_numbers = count(1)

STATEMENT = "Water leak at 123 Main St"


def make_user(*groups: str, departments: tuple[str, ...] = (), **fields: Any) -> User:
    """A member of staff in these groups, limited to these departments."""
    user = User.objects.create_user(f"user{next(_numbers)}", is_staff=True, **fields)
    for name in groups:
        user.groups.add(Group.objects.get(name=name))
    for code in departments:
        make_department(code).staff.add(user)
    return user


def make_key(*wanted: str, owner: User | None = None) -> str:
    """An API key with these scopes (all of them by default); its readable form."""
    return create_api_key(name=f"key {next(_numbers)}", scopes=wanted or scopes.known(), owner=owner)[1]


def make_department(code: str = "water") -> Department:
    defaults = {"name": code.title(), "email": f"{code}@city.example.org"}
    return Department.objects.get_or_create(code=code, defaults=defaults)[0]


def make_category(code: str = "water_leak", department: str = "water") -> Category:
    defaults = {"name": code, "department": make_department(department), "target": "P2D"}
    return Category.objects.get_or_create(code=code, defaults=defaults)[0]


def load_city() -> None:
    """The departments and categories that ship."""
    call_command("load_reference_data", stdout=StringIO())


def note_step(step_id: str = "note", **fields: Any) -> dict[str, Any]:
    """A step that writes a note on the issue: the smallest real one."""
    return {
        "step_id": step_id,
        "activity_id": "update_issue",
        "title": f"Note {step_id}",
        "inputs": {"note": f"This is {step_id}."},
        **fields,
    }


def document(*steps: dict[str, Any], name: str = "A plan") -> dict[str, Any]:
    return {"schema_version": 1, "workflow_name": name, "steps": list(steps) or [note_step()]}


def make_plan(
    plan: dict[str, Any] | None = None,
    *,
    by: User | None = None,
    statement: str = STATEMENT,
    reporter: dict[str, str] | None = None,
    category: str = "water_leak",
) -> WorkflowPlan:
    """A DRAFT for a new issue of the water department, as a planner's draft is stored."""
    make_category(category)
    draft = PlannedDraft(
        document=plan or document(),
        facts=Facts(category=category, confidence=1.0, place="123 Main St", urgency="high"),
        planner="playbooks",
    )
    return create_plan(draft=draft, statement=statement, reporter=reporter, by=by)


def append_event(owner: EventStream, type: str) -> Event:
    """An event that says something in each member that its data has to have."""
    return events.append(owner, type, dict.fromkeys(event_types.ensure_known(type).required, "x"))

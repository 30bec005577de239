"""Runs inside the site's own Django: see ``city``."""

import json
import time
from io import StringIO

from django.contrib.auth.models import Group, User
from django.core.management import call_command, get_commands
from django.utils import timezone

from executions.deciding import decide_task
from executions.links import issue_link
from executions.models import HumanTask, TaskStatus, WorkflowExecution
from executions.services import launch_execution
from issues.models import Department
from mudda.apikeys import create_api_key
from tests.screenshots.city import PASSWORD, STAFF
from workflows.drafting import create_plan, draft_for
from workflows.models import WorkflowPlan
from workflows.policies.models import PolicyDocument

REPORTS = (
    ("Water leak at 123 Main St, it runs over the sidewalk since this morning", "Ada Citizen"),
    ("A huge pothole on Oak Avenue near the school damaged my tire", "Bram de Vries"),
    ("Street light in front of 8 Elm St has been out for a week", "Chandra Rao"),
    ("Someone dumped mattresses behind the park at 40 River Rd", "Dana Lee"),
    ("Graffiti on the library wall, Market Square 1", "Emeka Obi"),
    ("A tree branch hangs over the bike path at Maple Lane", "Fatima Haddad"),
    ("Water leak from the hydrant at 77 Station Rd", "Goran Petrov"),
    ("Traffic signal at 5th and Main blinks yellow only", "Hanna Berg"),
)
PATIENCE = 60.0


def make(issues: int) -> None:
    """Print where everything is, as JSON on the last line."""
    silent = StringIO()
    if "load_sample_policies" in get_commands():
        call_command("load_sample_policies", stdout=silent)
    staff = _people()
    if "seed_demo" in get_commands():
        call_command("seed_demo", issues=issues, stdout=silent)
    plans = [_plan(words, name, staff) for words, name in REPORTS]
    create_api_key(name="The call centre", scopes=["issues:read", "issues:write", "plans:write"], owner=staff)
    create_api_key(name="Open data portal", scopes=["issues:read"], owner=staff)
    run, done = _launch(plans[0], staff), _launch(plans[6], staff)
    task = _wait_for_crew(run)
    _finish(done, staff)
    places = {
        "issue": plans[0].issue_id,
        "draft": plans[1].pk,
        "digest": plans[1].current.digest,
        "run": run.pk,
        "done": done.pk,
        "task": task.pk,
        "link": "/t/" + issue_link(task, "department:water").rpartition("/t/")[2],
        "policy": PolicyDocument.objects.order_by("heading").values_list("pk", flat=True).first(),
        "department": Department.objects.get(code="water").pk,
    }
    print(json.dumps({name: str(value) for name, value in places.items()}))


def _people() -> User:
    staff = User.objects.create_superuser(STAFF, email="j.rivera@riverton.example.org", password=PASSWORD)
    staff.first_name, staff.last_name = "Jo", "Rivera"
    staff.save()
    for name, first, last, group in (
        ("m.chen", "Mei", "Chen", "planner"),
        ("s.okafor", "Sam", "Okafor", "approver"),
        ("l.jansen", "Lotte", "Jansen", "dispatcher"),
    ):
        user = User.objects.create_user(name, first_name=first, last_name=last, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
    return staff


def _plan(words: str, name: str, staff: User) -> WorkflowPlan:
    email = f"{name.lower().replace(' ', '.')}@example.org"
    return create_plan(
        draft=draft_for(statement=words), statement=words, reporter={"name": name, "email": email}, by=staff
    )


def _launch(plan: WorkflowPlan, staff: User) -> WorkflowExecution:
    return launch_execution(plan_id=plan.pk, execution_data={"priority": "high"}, by=staff, approve=True)


def _wait_for_crew(run: WorkflowExecution) -> HumanTask:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        task = HumanTask.objects.filter(execution=run, status=TaskStatus.OPEN).first()
        if task is not None:
            return task
        time.sleep(0.2)
    raise AssertionError(f"nobody is asked for anything in {run.pk}")


def _finish(run: WorkflowExecution, staff: User) -> None:
    """Answer the crew's task, and wait for the end."""
    task = _wait_for_crew(run)
    HumanTask.objects.filter(pk=task.pk).update(crew="Crew 7", accepted_at=timezone.now())
    answer = {"crew": "Crew 7", "notes": "A joint had cracked. Clamped, flushed, surface restored."}
    decide_task(task_id=task.pk, outcome="done", answer=answer, by=staff)
    until = time.monotonic() + PATIENCE
    while run.status != "completed" and time.monotonic() < until:
        time.sleep(0.2)
        run.refresh_from_db()

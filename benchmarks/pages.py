"""The console's pages with a city's whole history: what the web server takes for each, signed in, over HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import reverse

from benchmarks.figures import median, ms, percentile, table
from benchmarks.stack import Caller, Stack
from executions.models import HumanTask, WorkflowExecution
from executions.seeding.filling import fill
from issues.models import Department, Issue
from workflows.models import WorkflowPlan

SEED = 5
DEPARTMENT = "streets"


@dataclass(frozen=True)
class Page:
    """A page by its name, at one or several addresses that take turns."""

    name: str
    paths: Sequence[str]


def measure(stack: Stack, *, issues: int, reads: int) -> str:
    """Fill in ``issues`` with what belongs to them, and read each page ``reads`` times as somebody who sees the whole
    city, and as somebody of one department."""
    filled = fill(issues, seed=SEED, now=datetime.now(UTC))
    callers = [_signed_in(stack, user) for user in (_root(), _member())]
    rows: list[Sequence[object]] = []
    for page in pages(reads):
        whole, limited = (_read(caller, page, reads) for caller in callers)
        rows.append([page.name, whole, limited])
    stored = (
        f"{filled.issues:,} issues, {filled.plans:,} plans, {filled.runs:,} runs, {filled.steps:,} step runs, "
        f"{filled.tasks:,} tasks and {filled.events:,} events, written by `manage.py seed_demo` in "
        f"{filled.seconds:.0f} s."
    )
    return f"{stored}\n\n{table(['page', 'whole city', 'one department'], rows)}"


def pages(reads: int) -> Iterator[Page]:
    """Every page that staff live in. Pages of one thing are of another thing each time."""
    yield Page("home", [reverse("admin:index")])
    issues, plans = _list(Issue), _list(WorkflowPlan)
    runs, tasks = _list(WorkflowExecution), _list(HumanTask)
    yield Page("issues", [issues])
    yield Page("issues, overdue", [f"{issues}?target=overdue"])
    yield Page("issues, filtered", [f"{issues}?status__exact=RESOLVED&urgency__exact=high"])
    yield Page("issues, searched", [f"{issues}?q=pothole+mill"])
    yield Page("an issue", list(_pages_of(Issue, reads)))
    yield Page("plans", [plans])
    yield Page("drafts", [f"{plans}?status__exact=DRAFT"])
    yield Page("a plan", list(_pages_of(WorkflowPlan, reads)))
    yield Page("runs", [runs])
    yield Page("runs that wait for a person", [f"{runs}?waits=person"])
    yield Page("a run", list(_pages_of(WorkflowExecution, reads)))
    yield Page("tasks", [tasks])
    yield Page("my tasks", [f"{tasks}?for=me"])
    yield Page("a task", list(_pages_of(HumanTask, reads)))
    yield Page("report: promised and kept", [reverse("report", args=["promises"])])
    yield Page("report: drafts and edits", [reverse("report", args=["drafts"])])
    for name in ("issues_department", "issues_category", "workflows_policydocument"):
        yield Page(name.partition("_")[2], [reverse(f"admin:{name}_changelist")])


def _list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


def _pages_of(model: type[Model], reads: int) -> Iterator[str]:
    """Of things from all over the table, of one department where things have one, so that both may see them."""
    name = f"admin:{model._meta.label_lower.replace('.', '_')}_change"
    paths = {WorkflowPlan: "issue__department__code", Issue: "department__code"}
    rows = model._default_manager.filter(**{paths.get(model, "department__code"): DEPARTMENT}).order_by("pk")
    step = max(1, rows.count() // (reads + 1))
    for pk in rows.values_list("pk", flat=True)[::step][: reads + 1]:
        yield reverse(name, args=[pk])


def _root() -> User:
    return User.objects.create_superuser("whole-city")


def _member() -> User:
    user = User.objects.create(username="one-department", is_staff=True)
    user.groups.set(Group.objects.filter(name="supervisor"))
    Department.objects.get(code=DEPARTMENT).staff.add(user)
    return user


def _signed_in(stack: Stack, user: User) -> Caller:
    """A caller with a session, as signing in makes one."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    caller = stack.caller()
    caller.headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}
    return caller


def _read(caller: Caller, page: Page, reads: int) -> str:
    paths = [page.paths[at % len(page.paths)] for at in range(reads + 1)]
    caller.timed("GET", paths[0])  # warm
    took = [caller.timed("GET", path) for path in paths[1:]]
    return f"{ms(median(took))}, p99 {ms(percentile(took, 99))}"

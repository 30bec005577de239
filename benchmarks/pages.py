"""The console's pages with a city's whole history: what the web server takes for each, signed in, over HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.figures import median, ms, percentile, table
from benchmarks.stack import Caller, Stack
from executions.models import ExecutionStatus, HumanTask, TaskStatus, WorkflowExecution
from executions.seeding.filling import fill
from issues.models import Category, Department, Issue
from mudda.console import page_of
from mudda.models import ApiKey, Event, WebhookSubscription
from workflows.console.confirm import address
from workflows.models import PlanStatus, PolicyDocument, WorkflowPlan
from workflows.planning.playbooks import load_playbooks
from workflows.wording import messages_of

SEED = 5
DEPARTMENT = "streets"
KEYS, WEBHOOKS = 200, 50
PLAYBOOK = "pothole_pavement"
NONE = "there is none"
WORDS = "a+deep+pothole+in+the+road"


@dataclass(frozen=True)
class Page:
    """A page by its name, at one or several addresses that take turns. ``whole``: somebody of one department is not let
    in."""

    name: str
    paths: Sequence[str]
    whole: bool = False


def measure(stack: Stack, *, issues: int, reads: int) -> str:
    """Fill in ``issues`` with what belongs to them, and read each page ``reads`` times as somebody who sees the whole
    city, and as somebody of one department."""
    filled = fill(issues, seed=SEED, now=datetime.now(UTC))
    root, member = _root(), _member()
    _set_up(root)
    whole, limited = _signed_in(stack, root), _signed_in(stack, member)
    rows: list[Sequence[object]] = []
    for page in pages(reads):
        seen = [_read(whole, page, reads), "" if page.whole else _read(limited, page, reads)]
        rows.append([page.name, *seen, _queries(stack, root, page)])
    stored = (
        f"{filled.issues:,} issues, {filled.plans:,} plans, {filled.runs:,} runs, {filled.steps:,} step runs, "
        f"{filled.tasks:,} tasks and {filled.events:,} events, written by `manage.py seed_demo` in "
        f"{filled.seconds:.0f} s; {KEYS} keys and {WEBHOOKS} webhooks."
    )
    return f"{stored}\n\n{table(['page', 'whole city', 'one department', 'queries'], rows)}\n\n{_download(whole)}"


def pages(reads: int) -> Iterator[Page]:
    """Every page that staff live in, and those of the setup. Pages of one thing are of another thing each time."""
    yield Page("home", [reverse("admin:index")])
    yield from _issues(reads)
    yield from _plans(reads)
    yield from _runs(reads)
    yield from _tasks(reads)
    for name, title in (("promises", "promised and kept"), ("drafts", "drafts and edits")):
        yield Page(f"report: {title}", [reverse("report", args=[name])])
        yield Page(f"report: {title}, 24 months", [reverse("report", args=[name]) + "?months=24"])
        yield Page(f"report: {title}, as CSV", [reverse("report_csv", args=[name, "figures"])])
    yield from _setup()


def _issues(reads: int) -> Iterator[Page]:
    issues = _list(Issue)
    yield Page("issues", [issues])
    yield Page("issues, page 100", [f"{issues}?p={min(100, Issue.objects.count() // 500)}"])
    yield Page("issues, overdue", [f"{issues}?target=overdue"])
    yield Page("issues, filtered", [f"{issues}?status__exact=RESOLVED&urgency__exact=high"])
    yield Page("issues, searched", [f"{issues}?q=pothole", f"{issues}?q=pothole+mill"])
    yield Page("an issue", list(_pages_of(_own(Issue), reads)))


def _plans(reads: int) -> Iterator[Page]:
    plans, drafts = _list(WorkflowPlan), _own(WorkflowPlan).filter(status=PlanStatus.DRAFT)
    unlaunched = _own(WorkflowPlan).filter(
        status__in=[PlanStatus.DRAFT, PlanStatus.REJECTED], executions__isnull=True
    )
    revised = _own(WorkflowPlan).filter(current__number__gt=1)
    yield Page("plans", [plans])
    yield Page("drafts", [f"{plans}?status__exact={PlanStatus.DRAFT.value}"])
    yield Page("plans, edited by staff", [f"{plans}?current__planner=staff"])
    yield Page("plans, searched", [f"{plans}?q=pothole", f"{plans}?q=pothole+mill"])
    yield Page("a draft to review", list(_pages_of(drafts, reads)))
    yield Page(
        "a draft to approve", [address("workflows_workflowplan_approve", plan) for plan in drafts[:reads]]
    )
    yield Page("a plan's steps to edit", list(_pages_of(unlaunched, reads, "steps")))
    yield Page(
        "a step to edit",
        [reverse("admin:workflows_workflowplan_step", args=[plan.pk, 1]) for plan in unlaunched[:reads]],
    )
    yield Page("a plan as JSON", list(_pages_of(unlaunched, reads, "edit")))
    yield Page("a plan simulated", list(_pages_of(unlaunched, reads, "simulate")))
    yield Page("two revisions compared", list(_pages_of(revised, reads, "diff")))
    yield Page("a plan", list(_pages_of(_own(WorkflowPlan), reads)))


def _runs(reads: int) -> Iterator[Page]:
    runs = _list(WorkflowExecution)
    yield Page("runs", [runs])
    yield Page("runs under way", [f"{runs}?status__exact={ExecutionStatus.RUNNING.value}"])
    yield Page("runs that wait for a person", [f"{runs}?waits=person"])
    yield Page("runs, overdue", [f"{runs}?target=overdue"])
    yield Page("runs, searched", [f"{runs}?q=pothole", f"{runs}?q=pothole+mill"])
    yield Page("a run", list(_pages_of(_own(WorkflowExecution), reads)))


def _tasks(reads: int) -> Iterator[Page]:
    tasks = _list(HumanTask)
    yield Page("my tasks", [reverse("admin:executions_mytask_changelist")])
    yield Page("tasks", [tasks])
    yield Page("tasks, page 100", [f"{tasks}?p={min(100, HumanTask.objects.count() // 500)}"])
    yield Page("tasks to be done", [f"{tasks}?state=todo"])
    yield Page("tasks, overdue", [f"{tasks}?state=overdue"])
    yield Page("tasks for me and my groups", [f"{tasks}?for=me"])
    yield Page("tasks of a group", [f"{tasks}?group=dispatcher", f"{tasks}?group=approver"])
    yield Page("tasks of a kind", [f"{tasks}?kind=dispatch_crew", f"{tasks}?kind=escalation"])
    yield Page("tasks, searched", [f"{tasks}?q=crew", f"{tasks}?q=nothing-is-called-so"])
    yield Page("a task", list(_pages_of(_own(HumanTask), reads)))
    yield Page("an open task", list(_pages_of(_own(HumanTask).filter(status=TaskStatus.OPEN), reads)))


def _setup() -> Iterator[Page]:
    department = Department.objects.get(code=DEPARTMENT)
    yield Page("departments", [_list(Department)])
    yield Page("a department", [page_of(department)])
    yield Page("categories", [_list(Category)])
    yield Page("policies", [_list(PolicyDocument)])
    yield Page("policies, tried", [f"{reverse('admin:workflows_policydocument_search')}?q={WORDS}"])
    yield Page("playbooks", [reverse("admin:playbooks")])
    yield Page("playbooks, tried", [f"{reverse('admin:playbooks')}?q={WORDS}"])
    yield Page("a playbook", [reverse("admin:playbook", args=[PLAYBOOK])])
    told = messages_of(load_playbooks().playbooks[PLAYBOOK])[0]
    wording = reverse("admin:playbook-wording", args=[PLAYBOOK, told.step_id])
    yield Page("what a playbook says", [wording], whole=True)
    yield Page("people", [_list(User)], whole=True)
    yield Page("groups", [_list(Group)], whole=True)
    yield Page("API keys", [_list(ApiKey)], whole=True)
    yield Page("webhooks", [_list(WebhookSubscription)], whole=True)
    events = _list(Event)
    yield Page("events", [events], whole=True)
    yield Page("events of a type", [f"{events}?q=plan.approved"], whole=True)
    plan = WorkflowPlan.objects.order_by("pk")[:1].get()
    yield Page("events of a stream", [f"{events}?q={plan.stream}"], whole=True)


def _list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


def _own(model: type[Model]) -> QuerySet[Any]:
    """What belongs to the one department, so that both may see it."""
    path = {WorkflowPlan: "issue__department__code"}.get(model, "department__code")
    return model._default_manager.filter(**{path: DEPARTMENT}).order_by("pk")


def _pages_of(rows: QuerySet[Any], reads: int, view: str = "change") -> Iterator[str]:
    """Of things from all over the table."""
    name = f"admin:{rows.model._meta.label_lower.replace('.', '_')}_{view}"
    step = max(1, rows.count() // (reads + 1))
    for pk in rows.values_list("pk", flat=True)[::step][: reads + 1]:
        yield reverse(name, args=[pk])


def _set_up(owner: User) -> None:
    """Keys and webhooks, as a city with many integrations has them."""
    keys = [
        ApiKey(name=f"key {at}", prefix=f"bench{at:03}", hashed_key="", owner=owner, scopes=["plans:read"])
        for at in range(KEYS)
    ]
    made = ApiKey.objects.bulk_create(keys)
    WebhookSubscription.objects.bulk_create(
        WebhookSubscription(
            owner=owner,
            api_key=key,
            url=f"https://{key.prefix}.example.org",
            types=["plan.*"],
            secret="",
            active=False,
            disabled_reason="by_owner",
        )
        for key in made[:WEBHOOKS]
    )


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


def _queries(stack: Stack, user: User, page: Page) -> int | str:
    """How many queries a page takes, once everything is kept that is."""
    if not page.paths:
        return NONE
    client = Client(headers={"host": f"{stack.site.host}:{stack.site.port}"})
    client.force_login(user)
    list(client.get(page.paths[0]))
    with CaptureQueriesContext(connection) as queries:
        list(client.get(page.paths[0]))
    return len(queries)


def _download(caller: Caller) -> str:
    """What is no page: it is written while it is read."""
    caller.hang_up()
    took = caller.timed("GET", reverse("report_csv", args=["promises", "issues"]) + "?months=3")
    return f"Every issue of three months as CSV, which is written while it is read: {took:.1f} s."


def _read(caller: Caller, page: Page, reads: int) -> str:
    if not page.paths:
        return NONE
    paths = [page.paths[at % len(page.paths)] for at in range(reads + 1)]
    caller.hang_up()
    caller.timed("GET", paths[0])  # warm
    took = [caller.timed("GET", path) for path in paths[1:]]
    return f"{ms(median(took))}, p99 {ms(percentile(took, 99))}"

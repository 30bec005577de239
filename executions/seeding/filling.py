"""Filling a development database with the history of an invented city."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import StringIO
from pathlib import Path
from random import Random

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from executions.calendars import calendar_of, due_by
from executions.models import HumanTask, StepRun, WorkflowExecution
from executions.seeding import city, patterns
from executions.seeding.stories import COLUMNS, REVISIONS, RUNS, Keys, Story, World
from executions.seeding.writing import Rows, copy, reserve
from executions.worktime import begin
from issues.models import Department, Issue, IssueNote, Reporter
from mudda.errors import Conflict
from mudda.models import Event
from workflows.models import PlanApproval, PlannerRun, PlanRevision, WorkflowPlan
from workflows.plan.catalogue import offered

BATCH = 2_000
"""Issues of one transaction."""
PER_ISSUE = {"revisions": 2, "approvals": 1, "notes": 1}
"""The most numbered rows that one issue has of each kind."""
FIRST = ("issues_reporter", "issues_issue", "workflow_plans")
THEN = ("plan_approvals", "planner_runs")
LAST = ("step_runs", "human_tasks", "issues_issuenote", "mudda_event")
MODELS = (
    Reporter, Issue, IssueNote, WorkflowPlan, PlanRevision, PlanApproval, PlannerRun, WorkflowExecution, StepRun,
    HumanTask, Event,
)  # fmt: skip


class SeededAlready(Conflict):
    code = "seeded_already"
    title = "This database was filled with this seed before: choose another."


@dataclass
class Filled:
    """How much has been written so far, and how many seconds it took."""

    issues: int = 0
    plans: int = 0
    runs: int = 0
    steps: int = 0
    tasks: int = 0
    events: int = 0
    seconds: float = 0.0


def is_development() -> bool:
    """Whether the database is one that may be filled with inventions: DEBUG is on, or its data lies in ``MUDDA_HOME``,
    as that of this project's own stack does. Another server doesn't say where they lie."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        row = cursor.fetchone()
    return bool(settings.DEBUG) or (row is not None and Path(row[0]).is_relative_to(settings.MUDDA_HOME))


def fill(
    issues: int, *, seed: int, now: datetime, progress: Callable[[Filled], None] = lambda filled: None
) -> Filled:
    """Add so many issues with all that became of them: plans in every status, runs, steps, tasks, events.

    The same ``seed`` and ``now`` make the same city. A batch is written as a whole or not at all.

    Args:
        now: up to when things have happened; the first report lies two years before.
        progress: told after every batch.

    Raises:
        SeededAlready: there is a row of this seed already.
    """
    call_command("load_reference_data", stdout=StringIO())
    world = _world(now)
    filled, begun = Filled(), time.monotonic()
    for number, size in enumerate(_batches(issues)):
        with transaction.atomic():
            _write(_tell(world, Random(f"{seed} {number}"), size), filled)  # noqa: S311
        filled.issues += size
        filled.seconds = time.monotonic() - begun
        progress(filled)
    _look()
    filled.seconds = time.monotonic() - begun
    return filled


def _world(now: datetime) -> World:
    due = _clock()
    staff = city.staff()
    everybody = [key for keys in staff.values() for key in keys]
    return World(
        now=now,
        kinds=city.kinds(),
        patterns=patterns.prepare(),
        staff={**staff, "": everybody},
        catalogue=offered().digest,
        due=due,
    )


def _clock() -> Callable[[datetime, str, int | None], datetime | None]:
    """Due times, counted from the last full hour, and once for all that begin to count together: counting each anew
    takes longer than writing its rows."""
    own = {row.pk: row for row in Department.objects.all() if row.working_hours or row.closed_days}

    @lru_cache(maxsize=100_000)
    def begun(hour: datetime, department: int | None) -> datetime:
        return begin(hour, calendar_of(own.get(department or 0)))

    @lru_cache(maxsize=500_000)
    def counted(start: datetime, working: str, department: int | None) -> datetime | None:
        return due_by(start, working, own.get(department or 0))

    def due(start: datetime, working: str, department: int | None) -> datetime | None:
        if not working:
            return None
        whose = department if department in own else None
        return counted(begun(start.replace(minute=0, second=0, microsecond=0), whose), working, whose)

    return due


def _batches(issues: int) -> Iterator[int]:
    for done in range(0, issues, BATCH):
        yield min(BATCH, issues - done)


def _tell(world: World, chance: Random, size: int) -> Rows:
    rows = Rows()
    keys = Keys(
        issues=reserve(Issue, size),
        revisions=reserve(PlanRevision, size * PER_ISSUE["revisions"]),
        approvals=reserve(PlanApproval, size * PER_ISSUE["approvals"]),
        notes=reserve(IssueNote, size * PER_ISSUE["notes"]),
    )
    for _number in range(size):
        Story(world, chance, keys, rows).tell()
    return rows


def _write(rows: Rows, filled: Filled) -> None:
    """What others name first."""
    plans = [row[0] for row in rows.of["workflow_plans"][:1]]
    if WorkflowPlan.objects.filter(pk__in=plans).exists():
        raise SeededAlready
    for table in FIRST:
        copy(table, COLUMNS[table], rows.of[table])
    patterns.copy_revisions(rows.of[REVISIONS])
    for table in THEN:
        copy(table, COLUMNS[table], rows.of[table])
    patterns.copy_executions(rows.of[RUNS])
    for table in LAST:
        copy(table, COLUMNS[table], rows.of[table])
    filled.plans += rows.count("workflow_plans")
    filled.runs += rows.count(RUNS)
    filled.steps += rows.count("step_runs")
    filled.tasks += rows.count("human_tasks")
    filled.events += rows.count("mudda_event")


def _look() -> None:
    """Let PostgreSQL look at what there is now; outside of a transaction it tidies up too."""
    how = "ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE"
    with connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(f"{how} {connection.ops.quote_name(model._meta.db_table)}")


def floored(now: datetime) -> datetime:
    """The last full hour: what ``now`` is for a command that two people run on the same afternoon."""
    return now.replace(minute=0, second=0, microsecond=0)

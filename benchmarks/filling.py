"""Rows by the hundred thousand, written by PostgreSQL itself: copies of one row, each with values of its own.

Believable where lists and reads look: every execution has its plan, its issue, its steps and its task, spread over
departments, categories, states and time. To be imported when Django is set up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Max, Model

from benchmarks.rows import make_executions, notes
from executions.models import ExecutionStatus, HumanTask, StepRun, TaskStatus, WorkflowExecution
from issues.models import Category, Issue, IssueStatus
from workflows.models import PlanStatus, PolicyDocument, WorkflowPlan
from workflows.policies.models import PolicyLanguage, PolicyStatus

PLAN_STEPS = 2
GROUPS = ("dispatcher", "planner", "approver", "supervisor")
STATEMENTS = ("A water leak at house", "The lamp is out at lamp", "A deep hole at house", "Rubbish at house")
KINDS = ("approval", "site_inspection", "confirm_completion", "uncertain_effect")
AGE = "now() - n * interval '53 seconds'"
TABLES = (Issue, WorkflowPlan, WorkflowExecution, StepRun, HumanTask, PolicyDocument)


@dataclass(frozen=True)
class Key:
    """How the key of the n-th copy is made: a UUID of its own, or a number above all that were there."""

    model: type[Model]

    @property
    def expression(self) -> str:
        if self.model._meta.pk.get_internal_type() == "UUIDField":
            return f"md5('{self.model._meta.db_table} ' || n)::uuid"
        return f"{self.model._default_manager.aggregate(last=Max('pk'))['last'] or 0} + n"


@transaction.atomic
def fill(count: int, *, policies: int = 0) -> None:
    """Add ``count`` executions with what belongs to them, and as many ``policies``."""
    execution = make_executions(notes(PLAN_STEPS), 1)[0]
    issue, plan, run = (Key(model).expression for model in (Issue, WorkflowPlan, WorkflowExecution))
    categories = list(Category.objects.order_by("pk").values_list("pk", "department_id"))
    departments = [department for _, department in categories]
    with connection.cursor() as cursor:
        # The copies refer to one another by construction; checking each takes longer than writing it.
        cursor.execute("SET LOCAL session_replication_role = replica")
    _copy(
        execution.plan.issue,
        count,
        id=issue,
        category_id=_one_of([pk for pk, _ in categories]),
        department_id=_one_of(departments),
        status=_one_of(IssueStatus.values, every=len(categories)),
        statement=f"{_one_of(STATEMENTS)} || ' ' || n",
        updated_at=AGE,
        reported_at=AGE,
    )
    _copy(
        execution.plan,
        count,
        id=plan,
        issue_id=issue,
        status=_mostly(PlanStatus.APPROVED, PlanStatus.values),
        created_at=AGE,
    )
    _copy(
        execution,
        count,
        id=run,
        plan_id=plan,
        status=_mostly(ExecutionStatus.COMPLETED, ExecutionStatus.values, one_in=10),
        department_id=_one_of(departments),
        compiled="'{}'::jsonb",  # neither lists nor reads look at it
        created_at=AGE,
        due_at=f"{AGE} + interval '5 days'",
    )
    for step in execution.steps.all():
        _copy(step, count, execution_id=run)
    _copy(
        HumanTask.objects.create(execution=execution, step_id="ask", key="like", form={}, outcomes=[]),
        count,
        id=Key(HumanTask).expression,
        execution_id=run,
        key="'copy ' || n",
        kind=_one_of(KINDS, every=7),
        group=_one_of(GROUPS, every=5),
        status=_mostly(TaskStatus.DECIDED, TaskStatus.values),
        department_id=_one_of(departments),
        assignee_id=_one_of(list(User.objects.values_list("pk", flat=True)), every=3),
        due_at=f"{AGE} + interval '2 days'",
        opened_at=AGE,
    )
    if policies:
        _copy(
            PolicyDocument.objects.create(heading="Street lighting"),
            policies,
            id=Key(PolicyDocument).expression,
            department_id=_one_of([*departments, None]),
            status=_mostly(PolicyStatus.PUBLISHED, PolicyStatus.values),
            language=_mostly(PolicyLanguage.ENGLISH, PolicyLanguage.values),
            created_at=AGE,
        )
    HumanTask.objects.filter(key="like").delete()


def analyze() -> None:
    """Let PostgreSQL look at what there is now."""
    with connection.cursor() as cursor:
        for model in TABLES:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _copy(row: Model, count: int, **expressions: str) -> None:
    """Insert ``count`` rows like ``row``, but with these columns of the n-th one."""
    quote = connection.ops.quote_name
    meta = row._meta
    columns = [
        field.column
        for field in meta.concrete_fields
        if not field.generated and (not field.primary_key or field.column in expressions)
    ]
    values = ", ".join(expressions.get(name, f"pattern.{quote(name)}") for name in columns)
    names, table, key = ", ".join(map(quote, columns)), quote(meta.db_table), quote(meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS pattern, generate_series(1, {count}) AS n"  # noqa: S608
            f" WHERE pattern.{key} = %s",
            [row.pk],
        )
        if meta.pk.get_internal_type() != "UUIDField" and meta.pk.column in expressions:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, %s), (SELECT max({key}) FROM {table}))",  # noqa: S608
                [table, meta.pk.column],
            )


def _one_of(values: Sequence[Any], *, every: int = 1) -> str:
    """The n-th copy's of ``values``, each as often as the others; ``every`` copies have the same."""
    return f"({_array(values)})[1 + mod(n / {every}, {len(values)})]"


def _mostly(usual: str, values: Sequence[str], *, one_in: int = 10) -> str:
    """The usual one, as it is with things that are over, but for ``one_in`` so many copies."""
    return f"CASE WHEN mod(n, {one_in}) > 0 THEN '{usual}' ELSE {_one_of(values, every=one_in)} END"


def _array(values: Sequence[Any]) -> str:
    shown = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
    kind = "bigint" if isinstance(values[0], int) else "text"
    return f"ARRAY[{shown}]::{kind}[]"

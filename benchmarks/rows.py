"""Plans and runs by the thousand, written as the services write them, but many at once.

To be imported when Django is set up.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from benchmarks.activities import LOCAL, REMOTE
from executions.models import StepRun, WorkflowExecution
from issues.models import Issue
from workflows.launching import issue_facts
from workflows.models import PlanApproval, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.compiler import compile_plan
from workflows.plan.schema import canonical_text, digest, normalise
from workflows.plan.validation import has_errors, validate

Document = dict[str, Any]
BATCH = 500


def notes(count: int, activity_id: str = REMOTE, *, words: str = "") -> Document:
    """A plan of ``count`` steps, one after the other, each of which writes a note on the issue.

    Args:
        words: in each note, so that no other plan has the same text.
    """
    note = f"This is step {{}} {words}".strip() + "."
    return _document(
        {"step_id": f"step_{n}", "activity_id": activity_id, "inputs": {"note": note.format(n)}}
        for n in range(1, count + 1)
    )


def local_notes(count: int) -> Document:
    """The same with the core's own activity, which runs in the workflow's worker."""
    return notes(count, LOCAL)


def question() -> Document:
    """A plan that asks a person and then waits."""
    inputs = {"question": "Is it done?", "group": "supervisor"}
    return _document([{"step_id": "confirm", "activity_id": "confirm_completion", "inputs": inputs}])


def _document(steps: Any) -> Document:
    titled = [{**step, "title": f"Step {at}"} for at, step in enumerate(steps, 1)]
    document = normalise({"schema_version": 1, "workflow_name": "A benchmark", "steps": titled})
    problems = validate(document, offered())
    if has_errors(problems):
        raise ValueError(problems)
    return dict(document)


@cache
def staff() -> User:
    """Whoever writes and approves the plans."""
    return User.objects.create_superuser("benchmark")


def make_plans(
    document: Document, count: int, *, status: PlanStatus = PlanStatus.DRAFT
) -> list[WorkflowPlan]:
    """Plans with this text, each for an issue of its own."""
    text, sha = canonical_text(document), digest(document)
    made: list[WorkflowPlan] = []
    for size in _batches(count):
        with transaction.atomic():
            issues = Issue.objects.bulk_create(
                Issue(statement="Water leak at 123 Main St", address="123 Main St") for _ in range(size)
            )
            plans = WorkflowPlan.objects.bulk_create(
                WorkflowPlan(issue=issue, title="A benchmark", status=status, created_by=staff())
                for issue in issues
            )
            revisions = PlanRevision.objects.bulk_create(
                PlanRevision(
                    plan=plan, number=1, document=document, canonical_text=text, digest=sha, planner="staff"
                )
                for plan in plans
            )
            for plan, revision in zip(plans, revisions, strict=True):
                plan.current = revision
            WorkflowPlan.objects.bulk_update(plans, ["current"])
        made += plans
    return made


def make_executions(document: Document, count: int) -> list[WorkflowExecution]:
    """Launched runs that nobody has started in Temporal yet, and that the dispatcher leaves alone."""
    compiled = compile_plan(document, offered())
    text = compiled.to_json()
    plans = make_plans(document, count, status=PlanStatus.APPROVED)
    made: list[WorkflowExecution] = []
    for at in range(0, count, BATCH):
        with transaction.atomic():
            batch = plans[at : at + BATCH]
            approvals = PlanApproval.objects.bulk_create(
                PlanApproval(
                    revision=plan.current,
                    digest=digest(document),
                    catalogue_digest=offered().digest,
                    approver=staff(),
                )
                for plan in batch
            )
            executions = WorkflowExecution.objects.bulk_create(
                WorkflowExecution(
                    plan=plan,
                    revision=plan.current,
                    approval=approval,
                    compiled=text,
                    issue_facts=issue_facts(plan.issue),
                    temporal_run_id="benchmark",
                    started_by=staff(),
                )
                for plan, approval in zip(batch, approvals, strict=True)
            )
            StepRun.objects.bulk_create(_steps(executions, compiled.steps))
        made += executions
    return made


def _steps(executions: Sequence[WorkflowExecution], steps: Sequence[Any]) -> list[StepRun]:
    return [
        StepRun(
            execution=execution,
            step_id=step.step_id,
            position=at,
            activity_id=step.activity_id,
            title=step.title,
        )
        for execution in executions
        for at, step in enumerate(steps)
    ]


def _batches(count: int) -> list[int]:
    return [min(BATCH, count - at) for at in range(0, count, BATCH)]

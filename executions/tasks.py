"""Opening tasks for people, and withdrawing them. Opening the same one twice finds the row that is there."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from executions.calendars import due_by
from executions.models import Effect, HumanTask, StepRun, TaskStatus, WorkflowExecution
from issues.models import Department
from mudda import events

APPROVAL = "approval"
UNCERTAIN_EFFECT = "uncertain_effect"
ESCALATION = "escalation"
COMPENSATION_FAILED = "compensation_failed"
DONE = "done"
"""The outcome of an activity's own task: its answer becomes the step's output."""

STILL_OPEN = (TaskStatus.OPEN, TaskStatus.ON_HOLD)

NO_FORM: dict[str, Any] = {"type": "object", "properties": {}}


@transaction.atomic
def open_task(
    step: StepRun,
    *,
    kind: str,
    title: str,
    outcomes: Sequence[str],
    question: str = "",
    form: dict[str, Any] | None = None,
    group: str = "",
    four_eyes: bool = False,
    department: Department | None = None,
    due: str = "",
    suffix: str = "",
    awaited: bool = True,
) -> HumanTask:
    """Open a task for a step of a run, once: its key is the execution, the step, the kind and ``suffix``, and how
    often a person has had the step tried again.

    It is due in the working time of its department, counted from now: what the plan says, else the target of the
    issue's category.

    Args:
        due: working time, where it isn't the compiled plan that says it.
    """
    said = _said_of(step, kind)
    department = department or step.execution.plan.issue.department
    due = due or said.get("due") or _target(step)
    now = timezone.now()
    due_at = due_by(now, due, department)
    task, made = HumanTask.objects.get_or_create(
        key=_key(step, kind, suffix),
        defaults={
            "execution": step.execution,
            "sandbox_id": step.execution.sandbox_id,
            "step_id": step.step_id,
            "kind": kind,
            "title": title[:300],
            "question": question,
            "form": form or NO_FORM,
            "outcomes": list(outcomes),
            "group": group,
            "four_eyes": four_eyes,
            "department": department,
            "due": due if due_at else "",
            "due_at": due_at,
            "overdue": said.get("overdue") or {},
            "next_look_at": due_at,
            "opened_at": now,
            "awaited": awaited,
        },
    )
    if made:
        data = {"task": str(task.pk), "step_id": step.step_id, "kind": kind, "group": group}
        events.append(step.execution, "task.opened", data)
    return task


def _key(step: StepRun, kind: str, suffix: str = "") -> str:
    """Tells a question that is asked again from one that an activity is repeated with.

    A step is tried again after its end only because a person said so about its failure: then a question that was
    answered, or ran out of time, before is asked anew. Without such a word between, whatever became of the task is
    the answer to this very question: the activity's own answer was lost, and somebody was fast.
    """
    again = 0 if kind == ESCALATION else _retries(step)  # a failure is asked about before the word is there
    parts = [str(step.execution_id), step.step_id, kind, suffix, f"retry-{again}" if again else ""]
    return ":".join(filter(None, parts))


def _retries(step: StepRun) -> int:
    asked = HumanTask.objects.filter(execution=step.execution_id, step_id=step.step_id, kind=ESCALATION)
    return asked.filter(outcome="retry").count()


def is_closed(task: HumanTask) -> bool:
    """Whether nobody can decide it any more."""
    return task.status not in STILL_OPEN


def answered_task(step: StepRun) -> HumanTask | None:
    """The step's own task, once a person or the clock has decided it: whatever else happens, that is its result."""
    decided = HumanTask.objects.filter(status__in=[TaskStatus.DECIDED, TaskStatus.EXPIRED])
    return decided.filter(key=_key(step, step.activity_id)).first()


def _said_of(step: StepRun, kind: str) -> dict[str, Any]:
    """Where the compiled plan says ``due`` and ``overdue`` of a step's task of this kind; empty for our own."""
    if kind == APPROVAL:
        return step.compiled.get("approval") or {}
    return step.compiled if kind == step.activity_id else {}


def _target(step: StepRun) -> str:
    category = step.execution.plan.issue.category
    return category.target if category is not None else ""


def ask_about_uncertain_effect(step: StepRun, effect: Effect) -> HumanTask:
    """Ask the supervisors what only a person can find out: whether something happened outside."""
    asked = HumanTask.objects.filter(execution=step.execution_id, step_id=step.step_id, kind=UNCERTAIN_EFFECT)
    stopped = asked.filter(
        outcome="stop"
    ).count()  # answered without saying what is true: a new attempt asks again
    return open_task(
        step,
        kind=UNCERTAIN_EFFECT,
        title=f"Did it happen? {step.title}",
        question=(
            "mudda was interrupted between doing this and noting it, and doing it twice would be wrong. "
            "Please find out (ask the recipient, look into the mail server's log) and say what is true."
        ),
        outcomes=["it_happened", "do_it_again", "stop"],
        group="supervisor",
        suffix=f"{effect.pk}.{effect.started_at.timestamp():.6f}" + (f".{stopped}" if stopped else ""),
    )


def ask_approval(step: StepRun, compiled_step: dict[str, Any]) -> HumanTask:
    """Ask the group that the compiled plan names, in the department concerned, whether the step may start."""
    approval = compiled_step["approval"]
    return open_task(
        step,
        kind=APPROVAL,
        title=f"Approve: {step.title}",
        question=approval["reason"],
        outcomes=["approve", "reject"],
        group=approval["group"],
        four_eyes=approval["four_eyes"],
        department=_department_concerned(compiled_step),
    )


def _department_concerned(compiled_step: dict[str, Any]) -> Department | None:
    """The one that the step's inputs name, written out; None for the issue's own, or one that isn't known yet."""
    properties = compiled_step.get("input_schema", {}).get("properties", {})
    for name, schema in properties.items():
        code = compiled_step["inputs"].get(name)
        if schema.get("x-role") == "department" and isinstance(code, str):
            return Department.objects.filter(code=code.removeprefix("department:"), active=True).first()
    return None


def asked_about_failure(step: StepRun, asking: str) -> HumanTask | None:
    """The question about a step's failure that was asked under this name; without one, any that is still open."""
    if asking:
        return HumanTask.objects.filter(key=_key(step, ESCALATION, asking)).first()
    asked = HumanTask.objects.filter(execution=step.execution_id, step_id=step.step_id, kind=ESCALATION)
    return asked.filter(status__in=STILL_OPEN).first()


def ask_about_failed_step(
    step: StepRun, group: str, failure: dict[str, str], output_schema: dict[str, Any], asking: str = ""
) -> HumanTask:
    """Ask a group what to do about a failed step.

    Args:
        asking: a name of this question; asking again under it finds the same task, answered or not. Without one, asking
            again before the answer does.
    """
    known = asked_about_failure(step, asking)
    if known is not None:
        return known
    asked = HumanTask.objects.filter(execution=step.execution_id, step_id=step.step_id, kind=ESCALATION)
    return open_task(
        step,
        kind=ESCALATION,
        title=f"It failed: {step.title}",
        question=f"{failure['message']} Try it again, go on without it, give its result by hand, or stop the run?",
        form=output_schema,
        outcomes=["retry", "skip", "answer", "stop"],
        group=group,
        suffix=asking or str(asked.count() + 1),
    )


def ask_about_failed_compensation(step: StepRun, why: str) -> HumanTask:
    """Ask the supervisors to undo by hand what could not be undone; the run doesn't wait for it."""
    return open_task(
        step,
        kind=COMPENSATION_FAILED,
        title=f"Undo by hand: {step.title}",
        question=f"The run was stopped and this step could not be undone: {why}",
        outcomes=[DONE],
        group="supervisor",
        awaited=False,
    )


def withdraw_tasks(execution: WorkflowExecution, why: str, **which: Any) -> list[HumanTask]:
    """Nobody needs to decide what no longer matters; whoever wants to is told when and why it stopped to.

    Args:
        which: a filter of the execution's tasks; those that are closed stay as they are.
    """
    open_tasks = HumanTask.objects.filter(execution=execution, status__in=STILL_OPEN, **which)
    withdrawn = list(open_tasks.select_for_update(of=("self",)))
    for task in withdrawn:
        task.status, task.decided_at, task.comment = TaskStatus.WITHDRAWN, timezone.now(), why
        task.save(update_fields=["status", "decided_at", "comment"])
        events.append(execution, "task.withdrawn", {"task": str(task.pk), "step_id": task.step_id})
    return withdrawn

"""What crews and staff do: a task for a person, and a letter to the department that it is for.

``dispatch_crew`` is complete once the crew has been told. The others wait for the person's answer.
"""

from typing import Any

from django.conf import settings
from django.urls import reverse

from executions.activities.notify import send_once
from executions.activities.recipients import Recipient, find_department
from executions.activities.registry import StepContext, Waiting, implements
from executions.models import HumanTask
from executions.tasks import DONE, open_task
from issues.models import Department
from workflows.plan.core import CONFIRM_COMPLETION, DISPATCH_CREW, INSPECT_SITE

NOTHING_YET: dict[str, Any] = dict.fromkeys(("crew", "accepted_at", "completed_at", "notes", "photos"))


@implements(DISPATCH_CREW)
def dispatch_crew(step: StepContext) -> dict[str, Any]:
    department = find_department(step.inputs["department"])
    task = _open(step, department=department, question=step.inputs["instructions"], awaited=False)
    _tell(step, task, department, urgency=step.inputs["urgency"], instructions=step.inputs["instructions"])
    return NOTHING_YET


@implements(INSPECT_SITE)
def inspect_site(step: StepContext) -> Waiting:
    department = find_department(step.inputs["department"])
    asked = "\n".join(question["ask"] for question in step.inputs["questions"].values())
    task = _open(step, department=department, question=asked)
    _tell(step, task, department, urgency=step.execution.issue_facts["urgency"], instructions=asked)
    return Waiting(task)


@implements(CONFIRM_COMPLETION)
def confirm_completion(step: StepContext) -> Waiting:
    return Waiting(_open(step, question=step.inputs["question"], group=step.inputs["group"]))


def _open(
    step: StepContext,
    *,
    question: str,
    department: Department | None = None,
    group: str = "",
    awaited: bool = True,
) -> HumanTask:
    """The step's task: its form is what the compiled plan promises as the step's output."""
    compiled = next(s for s in step.execution.compiled["steps"] if s["step_id"] == step.step.step_id)
    return open_task(
        step.step,
        kind=step.step.activity_id,
        title=step.step.title,
        question=question,
        form=compiled["output_schema"],
        outcomes=[DONE],
        group=group,
        department=department,
        due=compiled["due"] or "",
        awaited=awaited,
    )


def _tell(
    step: StepContext, task: HumanTask, department: Department, *, urgency: str, instructions: str
) -> None:
    recipient = Recipient(f"department:{department.code}", department.name, department.email)
    subject = f"[{urgency}] {step.execution.plan.issue.reference}: {step.step.title}"
    context = {
        "title": step.step.title,
        "department": department.name,
        "address": step.inputs["address"],
        "urgency": urgency,
        "instructions": instructions,
        "due": task.due,
        "link": settings.PUBLIC_URL + reverse("admin:executions_humantask_change", args=[task.pk]),
    }
    send_once(step, "letter", recipient, "dispatch", subject, context)

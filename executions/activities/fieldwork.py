"""What crews, staff and reporters do: a task that waits for them, and a letter with a signed link to it."""

from typing import Any

from executions.activities.notify import send_once, words_of_step
from executions.activities.recipients import Recipient, find_department, find_recipient
from executions.activities.registry import StepContext, Waiting, implements
from executions.adapters.email.letters import Kind, due_in_words
from executions.crews import CREW_FORM, photo_form
from executions.links import issue_link
from executions.models import HumanTask
from executions.tasks import DONE, is_closed, open_task
from issues.models import Department
from workflows.plan.core import ASK_REPORTER, CONFIRM_COMPLETION, DISPATCH_CREW, INSPECT_SITE, REQUEST_PHOTOS
from workflows.plan.messages import instructions_of, urgency_of


@implements(DISPATCH_CREW)
def dispatch_crew(step: StepContext) -> Waiting:
    department = find_department(step.inputs["department"])
    task = _open(step, department=department, question=instructions_of(step.inputs), form=CREW_FORM)
    _tell_crew(step, task, department)
    return Waiting(task)


@implements(INSPECT_SITE)
def inspect_site(step: StepContext) -> Waiting:
    department = find_department(step.inputs["department"])
    task = _open(step, department=department, question=instructions_of(step.inputs))
    _tell_crew(step, task, department)
    return Waiting(task)


@implements(CONFIRM_COMPLETION)
def confirm_completion(step: StepContext) -> Waiting:
    return Waiting(_open(step, question=step.inputs["question"], group=step.inputs["group"]))


@implements(REQUEST_PHOTOS)
def request_photos(step: StepContext) -> Waiting:
    task = _open(step, question=words_of_step(step).text, form=photo_form(step.inputs.get("count") or 1))
    _ask(step, task, find_recipient(step, step.inputs["from"]))
    return Waiting(task)


@implements(ASK_REPORTER)
def ask_reporter(step: StepContext) -> Waiting:
    task = _open(step, question=words_of_step(step).text)
    _ask(step, task, find_recipient(step, "issue.reporter"))
    return Waiting(task)


def _open(
    step: StepContext,
    *,
    question: str,
    department: Department | None = None,
    group: str = "",
    form: dict[str, Any] | None = None,
) -> HumanTask:
    """The step's task. Its form is what the compiled plan promises as the step's output, unless ``form`` is given
    because a part of the output comes from elsewhere."""
    compiled = step.step.compiled
    return open_task(
        step.step,
        kind=step.step.activity_id,
        title=step.step.title,
        question=question,
        form=form or compiled["output_schema"],
        outcomes=[DONE],
        group=group,
        department=department,
        due=compiled["due"] or "",
    )


def _tell_crew(step: StepContext, task: HumanTask, department: Department) -> None:
    recipient = Recipient(f"department:{department.code}", department.name, department.email)
    subject = words_of_step(step).subject
    context = {
        "title": step.step.title,
        "department": department.name,
        "address": step.inputs["address"],
        "urgency": urgency_of(step.inputs, step.execution.issue_facts),
        "instructions": instructions_of(step.inputs),
        "due": due_in_words(task.due_at),
    }
    _send(step, task, recipient, "dispatch", subject, context)


def _ask(step: StepContext, task: HumanTask, recipient: Recipient) -> None:
    """A letter with the question. Without an address in the records the task stays for staff to answer."""
    words = words_of_step(step)
    _send(step, task, recipient, "request", words.subject, {"question": words.text})


def _send(
    step: StepContext,
    task: HumanTask,
    recipient: Recipient,
    kind: Kind,
    subject: str,
    context: dict[str, Any],
) -> None:
    """The letter about a task, which has a link to it. A task that is asked anew after a retry has one of its own; one
    that somebody has answered while the letter could not be sent needs none."""
    if is_closed(task):
        return
    letter = ":".join(["letter", *task.key.split(":")[3:]])
    send_once(step, letter, recipient, kind, subject, context, link=lambda: issue_link(task, recipient.role))

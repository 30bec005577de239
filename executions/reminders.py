"""Letters about a task to those who can do it: a reminder, or that it is theirs now.

They go through the outbox: written with what they tell of, sent after commit, tried again while the mail server is
away, each at most once. The message names ids and roles; addresses are looked up when the letter is written.
"""

import logging
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from executions.adapters.email.letters import due_in_words, write_letter
from executions.adapters.email.transport import Letter, send_letter
from executions.adapters.errors import AdapterError
from executions.effects import Effects, LeaseHeld, UncertainEffect
from executions.links import issue_link
from executions.models import HumanTask, StepRun, TaskStatus
from executions.withholding import USER, withheld_letter
from issues.models import Department
from mudda import outbox
from mudda.errors import Unavailable
from mudda.models import OutboxMessage
from workflows.plan.messages import one_line

logger = logging.getLogger(__name__)

TASK_LETTER = "task_letter"
Occasion = Literal["reminder", "escalated", "assigned", "handed"]

REPORTER, DEPARTMENT = "issue.reporter", "department:"

LEASE_SECONDS = 60
MAIL_AWAY = timedelta(minutes=1)
"""How long all letters about tasks wait once one found the mail server away. They share the dispatcher with what
runs are waiting to hear, and an attempt may take as long as ``EMAIL_TIMEOUT``."""

SAYS = {
    "reminder": ("Reminder", "This is still waiting for you."),
    "escalated": ("Overdue", "This was not done in time, and it has been handed to your group."),
    "assigned": ("For you", "This has been given to you."),
    "handed": ("For your group", "This has been handed to your group."),
}


class BeingSent(Unavailable):
    code = "being_sent"
    title = "Another process is sending this letter."


def put_letters(task: HumanTask, occasion: Occasion) -> int:
    """Write letters to those who can do ``task`` into the outbox, in the current transaction; how many."""
    found = addressees(task)
    for to in found:
        outbox.put(TASK_LETTER, {"task": str(task.pk), "to": to, "occasion": occasion})
    return len(found)


def addressees(task: HumanTask) -> list[str]:
    """Who is written to: whoever has it; else its group; else whoever was sent a link to it; else its department."""
    if task.assignee is not None and task.assignee.is_active and task.assignee.email:
        return [f"{USER}{task.assignee.pk}"]
    if task.group and (members := _members(task)):
        return [f"{USER}{pk}" for pk in members]
    sent = task.links.filter(revoked_at=None)  # whose link was withdrawn gets no new one by itself
    if roles := [] if task.group else sorted(set(sent.values_list("role", flat=True))):
        return roles
    return [f"{DEPARTMENT}{task.department.code}"] if task.department and task.department.email else []


def _members(task: HumanTask) -> list[int]:
    """The group's active members who have an address and may see the task."""
    may_see = Q(departments__isnull=True) | Q(departments=task.department_id) | Q(is_superuser=True)
    members = User.objects.filter(may_see, groups__name=task.group, is_active=True).exclude(email="")
    return list(members.order_by("pk").values_list("pk", flat=True).distinct())


def deliver_letter(message: OutboxMessage) -> None:
    """The outbox's handler. A letter about a task that is no longer open isn't sent.

    Raises:
        AdapterError: it was not sent; permanent ones are given up.
        BeingSent: to be tried again.
    """
    task = (
        HumanTask.objects.filter(pk=message.payload["task"], status=TaskStatus.OPEN)
        .select_related("execution__plan__issue__reporter", "department")
        .first()
    )
    address = _address(task, message.payload["to"]) if task is not None else ""
    if task is None or not address:
        return
    step = StepRun.objects.select_related("execution").get(execution=task.execution_id, step_id=task.step_id)
    write = partial(_write, task, address, message.payload)
    try:
        Effects(step, lease_seconds=LEASE_SECONDS).once(
            f"letter-{message.pk}",
            lambda key: _send(write(key), message.payload["to"]),
            "at_most_once",
            withheld=lambda key: withheld_letter(write(key), message.payload["to"]),
        )
    except UncertainEffect:
        # Not worth a person's time: it is a reminder of what the task list shows anyway.
        logger.warning("it is not known whether the letter %s was sent; it is not repeated", message.pk)
    except LeaseHeld as error:
        raise BeingSent from error
    except AdapterError as error:
        if error.retryable:
            _let_others_wait()
        raise


def _address(task: HumanTask, to: str) -> str:
    """The address in the city's records; "" when there is none (any more)."""
    if to.startswith(USER):
        user = User.objects.filter(pk=int(to.removeprefix(USER)), is_active=True).first()
        return user.email if user is not None else ""
    if to == REPORTER:
        reporter = task.execution.plan.issue.reporter
        return reporter.email if reporter is not None else ""
    department = Department.objects.filter(code=to.removeprefix(DEPARTMENT), active=True).first()
    return department.email if department is not None else ""


def _send(letter: Letter, to: str) -> dict[str, Any]:
    receipt = send_letter(letter)
    return {"message_id": receipt.message_id, "transport": receipt.transport, "role": to}


def _write(task: HumanTask, address: str, payload: dict[str, Any], key: str) -> Letter:
    to = payload["to"]
    word, says = SAYS[payload["occasion"]]
    reference = task.execution.plan.issue.reference
    title = f"a question about {reference}" if to == REPORTER else f"{reference}: {task.title}"
    subject = one_line(f"{word}: {title}")
    text, html = write_letter(
        "task",
        {
            "subject": subject,
            "title": "" if to == REPORTER else task.title,
            "says": says,
            "question": task.question,
            "due": due_in_words(task.due_at),
            "reference": reference,
            "language": settings.LANGUAGE_CODE,
            "link": _link(task, to),
            "signed": not to.startswith(USER) and not task.group,
        },
    )
    return Letter(to=address, subject=subject, text=text, html=html, key=key)


def _link(task: HumanTask, to: str) -> str:
    """A user signs in; everybody else gets a signed link, where the task may have one."""
    if to.startswith(USER) or task.group or task.four_eyes:
        return f"{settings.PUBLIC_URL}{reverse('admin:executions_humantask_change', args=[task.pk])}"
    return issue_link(task, to)


def _let_others_wait() -> None:
    later = timezone.now() + MAIL_AWAY
    waiting = OutboxMessage.objects.filter(
        kind=TASK_LETTER, delivered_at=None, gave_up_at=None, due_at__lt=later
    )
    waiting.update(due_at=later)

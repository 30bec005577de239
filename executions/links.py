"""Signed links: one task for somebody without an account, reached by a letter.

Who has the link may answer, so a link opens one task and nothing else, ends with the task, can be revoked, and
decides once. Only the token's SHA-256 is stored: neither the database nor a copy of it opens anything. Tasks that
ask for a certain person (a group, four eyes) get no links, because a link doesn't say who opens it.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from executions.models import HumanTask, TaskLink, WorkflowExecution
from mudda import events
from mudda.errors import Conflict, MuddaError

LIVES = timedelta(days=14)
"""After its making, or after the task's due time where that is later."""
TOKEN_BYTES = 32
NO_TOKEN = "sandbox"  # noqa: S105 (it opens nothing)


class LinkExpired(MuddaError):
    code = "link_expired"
    status = 410
    title = "This link has expired."


class LinkRevoked(MuddaError):
    code = "link_revoked"
    status = 410
    title = "This link was withdrawn."


class NotForLinks(Conflict):
    code = "not_for_links"
    title = "Only a signed-in member of the group may decide this task."


def issue_link(task: HumanTask, role: str) -> str:
    """A new link, as ``make_link``: its URL alone, which is all that a letter needs.

    In a sandbox the link is there, so that whom it was for is remembered, but its URL isn't: what is withheld is kept
    and shown, and opens nothing.
    """
    url = make_link(task, role)[1]
    return _url(NO_TOKEN) if task.is_sandbox else url


def make_link(task: HumanTask, role: str) -> tuple[TaskLink, str]:
    """A new link to ``task`` for ``role`` (``issue.reporter`` or ``department:<code>``), and its URL.

    The URL is not kept: whoever needs it again gets a new link. It belongs in one letter and nowhere else.

    Raises:
        NotForLinks: the task asks for a certain group, or for four eyes.
    """
    if task.group or task.four_eyes:
        raise NotForLinks
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    link = TaskLink.objects.create(
        task=task,
        role=role,
        token_sha256=_hash(token),
        created_at=now,
        expires_at=max(now, task.due_at or now) + LIVES,
    )
    return link, _url(token)


def find_link(token: str) -> TaskLink | None:
    """The link with this token, whether it can still be used or not."""
    return TaskLink.objects.filter(token_sha256=_hash(token)).first()


def ensure_usable(link: TaskLink) -> None:
    """Raises:
    LinkExpired: its time is over.
    LinkRevoked: it was withdrawn.
    """
    if link.revoked_at is not None:
        raise LinkRevoked
    if link.expires_at <= timezone.now():
        raise LinkExpired


@transaction.atomic
def revoke_links(task: HumanTask, *, by: events.Actor = None) -> int:
    """Withdraw every link to ``task`` that is still good, such as when it is handed to somebody else; how many."""
    # The run first, then the task, as everybody locks them; whoever answers just now is first.
    WorkflowExecution.objects.select_for_update().values_list("pk").get(pk=task.execution_id)
    HumanTask.objects.select_for_update(of=("self",)).get(pk=task.pk)
    good = task.links.filter(revoked_at=None, used_at=None)
    revoked = good.update(revoked_at=timezone.now())
    if revoked:
        data = {"task": str(task.pk), "step_id": task.step_id, "links": revoked}
        events.append(task.execution, "task.links_revoked", data, actor=by)
    return revoked


def _url(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('open-link', args=[token])}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""The page between reading a plan and deciding about it. It is bound to what was read: the digest comes along
from the plan's page, and a plan that was changed meanwhile is not decided about but shown again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from issues.models import Department, Issue
from mudda import console
from workflows.console.offers import DEPARTMENT, REPORTER, as_written
from workflows.console.review import Cited, Review, review
from workflows.departments import PREFIX
from workflows.models import WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.policies.checking import CitedPolicy, cited_policies
from workflows.services import StaleDigest, current_revision, locked_plan, validate_document

CHANGED = gettext_lazy(
    "The plan was changed since you read it, so nothing was decided. Please read it again."
)
WHAT_DIFFERS = gettext_lazy(
    "The plan was changed since you read it, so nothing was decided. This is what differs: please read it, then decide."
)

WRITING = gettext_lazy("The plan is being written. Its page shows how far it is.")


class CommentForm(forms.Form):
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=2_000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("For whoever writes the next version."),
    )


def review_of(plan: WorkflowPlan, document: Any = None) -> Review:
    """The plan, or another document for it, as a reviewer reads it; with what validation finds now."""
    document = current_revision(plan).document if document is None else document
    return review(
        document,
        [problem.as_dict() for problem in validate_document(document, plan.issue)],
        catalogue=offered(),
        departments=dict(Department.objects.values_list("code", "name")),
        policies={
            text: _cited(policy) for text, policy in cited_policies(document, sandbox=plan.sandbox_id).items()
        },
    )


def _cited(policy: CitedPolicy) -> Cited:
    page = reverse("admin:workflows_policydocument_change", args=[policy.document])
    return Cited(f"{policy.heading}, version {policy.version}", f"{page}?version={policy.version}")


def address(view: str, plan: WorkflowPlan) -> str:
    """The address of a confirmation, with the digest of what the page that links to it shows."""
    return f"{reverse(f'admin:{view}', args=[plan.pk])}?digest={current_revision(plan).digest}"


def seen_digest(request: HttpRequest) -> str:
    """The digest of what the person has read."""
    return (request.POST if request.method == "POST" else request.GET).get("digest", "")


def changed_meanwhile(request: HttpRequest, plan: WorkflowPlan) -> HttpResponse | None:
    """Back to what differs, with a word of why, when the plan isn't what the person has read; back to the plan when it
    isn't there to be read yet, or when nobody knows what was read."""
    if plan.current is None:
        messages.warning(request, WRITING)
        return redirect(console.page_of(plan))
    if seen_digest(request) == current_revision(plan).digest:
        return None
    return refused_as_changed(request, plan)


def refused_as_changed(request: HttpRequest, plan: WorkflowPlan) -> HttpResponse:
    """The answer to a decision about a text that isn't the plan's any more."""
    address = difference_since(plan, seen_digest(request))
    messages.error(request, CHANGED if address == console.page_of(plan) else WHAT_DIFFERS)
    return redirect(address)


def difference_since(plan: WorkflowPlan, digest: str) -> str:
    """Where it stands what differs between what was read and the plan as it is now; the plan's page where what was
    read is no text of this plan, or is the same."""
    now = current_revision(plan)
    read = plan.revisions.filter(digest=digest).order_by("-number").values_list("number", flat=True).first()
    if read is None or digest == now.digest:
        return console.page_of(plan)
    return f"{reverse('admin:workflows_workflowplan_diff', args=[plan.pk])}?from={read}&to={now.number}"


@dataclass(frozen=True)
class Contact:
    """Somebody whom the plan tells something; ``gap`` is why it wouldn't arrive, "" where it would."""

    who: str
    gap: str


def contacts_of(plan: WorkflowPlan, read: Review) -> list[Contact]:
    """Whom the plan contacts, in at most one query."""
    departments = Department.objects.filter(active=True).exclude(email="").values_list("code", flat=True)
    reachable = frozenset(departments) if read.told else frozenset()
    return [Contact(one.words, _gap(one.role, plan.issue, reachable)) for one in read.told]


def _gap(role: str, issue: Issue, reachable: frozenset[str]) -> str:
    if role == REPORTER:
        if issue.reporter is None:
            return _("nobody is on file as the reporter")
        return "" if issue.reporter.email or issue.reporter.phone else _("no address on file")
    if role == DEPARTMENT:
        if issue.department is None:
            return _("the issue has no department yet")
        return "" if issue.department.code in reachable else _("no address on file")
    if as_written(role):
        return ""
    return "" if role.removeprefix(PREFIX) in reachable else _("no address on file")


def confirmation(
    admin: console.RoomAdmin,
    request: HttpRequest,
    plan: WorkflowPlan,
    form: forms.Form,
    words: Mapping[str, str],
) -> HttpResponse:
    """The page that asks. ``words``: title, intro, submit, and perhaps tone."""
    read = review_of(plan)
    revision = current_revision(plan)
    context = {
        "opts": plan._meta,
        "plan": plan,
        "digest": revision.digest,
        "revision": revision.number,
        "review": read,
        "contacts": contacts_of(plan, read),
        "form": form,
        "cancel_url": console.page_of(plan),
        "simulate_url": reverse("admin:workflows_workflowplan_simulate", args=[plan.pk]),
        **words,
    }
    return admin.ask(request, plan, "admin/console/confirm.html", context, 422 if form.errors else 200)


@transaction.atomic
def ensure_unchanged(*, plan_id: UUID, digest: str, by: User) -> None:
    """Lock the plan and see that it is what ``by`` has read; for services that don't take a digest. To be
    called in the transaction of the service.

    Raises:
        NotFound: there is no such plan, or ``by`` may not see it.
        StaleDigest: it was changed.
    """
    revision = current_revision(locked_plan(plan_id, by))
    if revision.digest != digest:
        raise StaleDigest(extra={"digest": revision.digest})

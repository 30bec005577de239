"""The page between reading a plan and deciding about it. It is bound to what was read: the digest comes along
from the plan's page, and a plan that was changed meanwhile is not decided about but shown again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from issues.models import Department
from mudda import console
from workflows.console.review import Cited, Review, review
from workflows.models import WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.policies.checking import CitedPolicy, cited_policies
from workflows.services import StaleDigest, current_revision, locked_plan, validate_document

CHANGED = "The plan was changed since you read it. This is the plan as it is now: please read it again."

WRITING = "The plan is being written. Its page shows how far it is."


class CommentForm(forms.Form):
    comment = forms.CharField(
        max_length=2_000, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For whoever writes the next version.",
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
    """Back to the plan, with a word of why, when it isn't what the person has read, or isn't there to be read yet."""
    if plan.current is None:
        messages.warning(request, WRITING)
        return redirect(console.page_of(plan))
    if seen_digest(request) == current_revision(plan).digest:
        return None
    messages.error(request, CHANGED)
    return redirect(console.page_of(plan))


def confirmation(
    admin: console.RoomAdmin,
    request: HttpRequest,
    plan: WorkflowPlan,
    form: forms.Form,
    words: Mapping[str, str],
) -> HttpResponse:
    """The page that asks. ``words``: title, intro, submit, and perhaps tone."""
    context = {
        "opts": plan._meta,
        "plan": plan,
        "digest": current_revision(plan).digest,
        "revision": current_revision(plan).number,
        "review": review_of(plan),
        "form": form,
        "cancel_url": console.page_of(plan),
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

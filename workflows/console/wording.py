"""The city's own words for what a playbook tells people: written, looked at, saved, taken back."""

from collections.abc import Callable, Mapping

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from mudda import console
from mudda.languages import translated
from workflows.plan.references import BadReference, Reference, parse
from workflows.plan.wording import describe
from workflows.planning.playbooks import Playbook, load_playbooks
from workflows.services import PlanHasProblems
from workflows.wording import Message, forget_wording, messages_of, word_message

WRITE = "workflows.change_policydocument"
"""Whoever writes the policies of the whole city also writes what it says to people."""

SAMPLE = {
    "reference": "ISSUE-000123",
    "address": "123 Main St",
    "statement": "Water runs over the sidewalk.",
    "urgency": "high",
}


class WordingForm(forms.Form):
    subject = forms.CharField(label=_("Subject"), max_length=300, widget=UnfoldAdminTextInputWidget())
    message = forms.CharField(
        label=_("Message"),
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_(
            "What stands in double braces is filled in, such as {{ issue.address }} or {{ issue.reference }}."
        ),
    )


def may_write(request: HttpRequest) -> bool:
    return request.user.has_perm(WRITE) and not console.is_limited(request.user)


def wording_page(request: HttpRequest, kind: str, step_id: str) -> HttpResponse:
    """One message, with how it would look."""
    if not may_write(request):
        raise PermissionDenied
    playbook, told = _found(kind, step_id)
    page = reverse("admin:playbook", args=[kind])
    do = request.POST.get("do", "") if request.method == "POST" else ""
    if do == "forget":
        forget_wording(kind=kind, step_id=step_id)
        messages.success(request, gettext("From now on what ships is said again."))
        return redirect(page)
    form = WordingForm(request.POST or None, initial={"subject": told.subject, "message": told.message})
    if do == "save" and form.is_valid() and _save(request, kind, step_id, form):
        return redirect(page)
    given = form.cleaned_data if form.is_bound and form.is_valid() else {}
    context = {
        **admin.site.each_context(request),
        "title": told.moment,
        "playbook": playbook,
        "told": told,
        "form": form,
        "preview": preview(playbook, given.get("subject", told.subject), given.get("message", told.message)),
        "cancel_url": page,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/console/wording.html", context, status=status)


def preview(playbook: Playbook, subject: str, message: str) -> tuple[str, str]:
    """Subject and text with the facts of a made-up issue; what only a run will know is named in brackets."""
    titles = {step["step_id"]: step.get("title", "") for step in playbook.plan["steps"]}
    return _filled_in(subject, titles), _filled_in(message, titles)


def wording_address(playbook: Playbook, told: Message) -> str:
    return reverse("admin:playbook-wording", args=[playbook.kind, told.step_id])


def _found(kind: str, step_id: str) -> tuple[Playbook, Message]:
    playbook = load_playbooks().playbooks.get(kind)
    told = next((one for one in messages_of(playbook) if one.step_id == step_id), None) if playbook else None
    if playbook is None or told is None:
        raise Http404(step_id)
    return playbook, told


def _save(request: HttpRequest, kind: str, step_id: str, form: WordingForm) -> bool:
    by = console.person(request)
    return keep(request, form, lambda: word_message(kind=kind, step_id=step_id, by=by, **form.cleaned_data))


def keep(request: HttpRequest, form: WordingForm, say: Callable[[], object]) -> bool:
    """Whether ``say`` took the words; what is wrong with them is told at their fields."""
    try:
        say()
    except PlanHasProblems as error:
        for problem in error.errors:
            name = problem["pointer"].removeprefix("/")
            form.add_error(name if name in form.fields else None, translated(problem["message"]))
        return False
    messages.success(request, gettext("Saved. Plans that are drafted from now on say this."))
    return True


def _filled_in(text: str, titles: Mapping[str, str]) -> str:
    try:
        parts = parse(text)
    except BadReference:
        return text
    return "".join(part if isinstance(part, str) else _sample(part, titles) for part in parts)


def _sample(reference: Reference, titles: Mapping[str, str]) -> str:
    root, *rest = reference.path
    known = SAMPLE.get(".".join(rest)) if root == "issue" else None
    return known if known is not None else f"[{describe(reference, titles)}]"

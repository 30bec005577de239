"""The playbooks in the admin: what is done about each kind of issue, and which of them a citizen's words call for.

They are files that ship with mudda, so they are read here and changed there: docs/planner.md. Only for what they tell
people the city may have words of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from issues.models import Category, Department
from issues.services import LONGEST_STATEMENT
from mudda import console
from mudda.languages import in_words
from workflows.console.review import Review, review
from workflows.console.wording import may_write, preview, wording_address, wording_page
from workflows.plan.catalogue import offered
from workflows.planning.base import DraftRequest
from workflows.planning.playbooks import Choice, Playbook, PlaybookPlanner, choose, load_playbooks
from workflows.services import validate_document
from workflows.wording import messages_of

VIEW = "workflows.view_workflowplan"
SHOWN_CHOICES = 5
SHOWN_WORDS = 60


class TryForm(forms.Form):
    q = forms.CharField(
        label=_("A citizen's words"),
        max_length=LONGEST_STATEMENT,
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 3, "placeholder": _("Such as: water runs over the sidewalk at 123 Main St")}
        ),
    )


@dataclass(frozen=True)
class Tried:
    """What the playbooks make of a statement."""

    choices: tuple[tuple[Choice, str], ...]
    place: str
    urgency: str
    confidence: int


def _for_readers_of_plans(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def guarded(request: HttpRequest, **given: str) -> HttpResponse:
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        return view(request, **given)

    return guarded


@_for_readers_of_plans
def playbook_list(request: HttpRequest) -> HttpResponse:
    """All playbooks, and which of them fit the words in ``q``."""
    form = TryForm(request.GET or None)
    words = form.cleaned_data["q"].strip() if form.is_valid() else ""
    names = dict(Category.objects.values_list("code", "name"))
    playbooks = sorted(load_playbooks().playbooks.values(), key=lambda playbook: playbook.title)
    context = {
        **admin.site.each_context(request),
        "title": gettext("Playbooks"),
        "form": form,
        "words": words,
        "tried": _tried(words) if words else None,
        "rows": [(playbook, _page(playbook), names.get(playbook.category, "")) for playbook in playbooks],
    }
    return TemplateResponse(
        request, "admin/console/playbooks.html", context, status=422 if form.errors else 200
    )


@_for_readers_of_plans
def playbook_page(request: HttpRequest, kind: str) -> HttpResponse:
    """One playbook: what it listens for, and its steps as a reviewer of a plan reads them."""
    playbook = load_playbooks().playbooks.get(kind)
    if playbook is None:
        raise Http404(kind)
    category = Category.objects.select_related("department").filter(code=playbook.category).first()
    heaviest = sorted(playbook.terms, key=lambda term: -term.weight)
    context = {
        **admin.site.each_context(request),
        "title": playbook.title,
        "playbook": playbook,
        "category": category,
        "category_url": console.page_of(category) if category else "",
        "urgency": in_words(playbook.default_urgency),
        "words": [term.written for term in heaviest[:SHOWN_WORDS]],
        "more_words": max(0, len(heaviest) - SHOWN_WORDS),
        "alike": [
            (one, _page(one)) for name in playbook.alike if (one := load_playbooks().playbooks.get(name))
        ],
        "review": _review(playbook),
        "messages_told": [
            (told, preview(playbook, told.subject, told.message), wording_address(playbook, told))
            for told in messages_of(playbook)
        ],
        "may_write": may_write(request),
        "list_url": reverse("admin:playbooks"),
    }
    return TemplateResponse(request, "admin/console/playbook.html", context)


def _tried(words: str) -> Tried:
    facts = PlaybookPlanner().draft(DraftRequest(statement=words)).facts
    return Tried(
        choices=tuple((choice, _page(choice.playbook)) for choice in choose(words)[:SHOWN_CHOICES]),
        place=facts.place or "",
        urgency=in_words(facts.urgency),
        confidence=round(facts.confidence * 100),
    )


def _review(playbook: Playbook) -> Review:
    document = dict(playbook.plan)
    return review(
        document,
        [problem.as_dict() for problem in validate_document(document)],
        catalogue=offered(),
        departments=dict(Department.objects.values_list("code", "name")),
    )


def _page(playbook: Playbook) -> str:
    return reverse("admin:playbook", args=[playbook.kind])


console.add_page("playbooks/", playbook_list, name="playbooks")
console.add_page("playbooks/<slug:kind>/", playbook_page, name="playbook")
console.add_page(
    "playbooks/<slug:kind>/say/<slug:step_id>/", _for_readers_of_plans(wording_page), name="playbook-wording"
)

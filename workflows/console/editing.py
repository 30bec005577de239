"""Editing a plan as JSON: the same reading and the same validation as the API's."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from mudda import console, strictjson
from workflows.console.confirm import WRITING, difference_since, review_of, seen_digest
from workflows.console.review import in_order
from workflows.console.saving import save_plan
from workflows.models import WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.schema import PLAN_FIELDS, STEP_FIELDS, normalise
from workflows.services import current_revision

EDIT = "workflows.change_workflowplan"


class DocumentForm(forms.Form):
    """A plan's text. ``problems`` are those of reading it; what is wrong with the plan itself is another
    matter: a draft with errors may be saved."""

    text = forms.CharField(
        label=gettext_lazy("The plan as JSON"),
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 32, "class": "md-code-input", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: list[strictjson.JsonProblem] = []

    def clean_text(self) -> Any:
        document, self.problems = strictjson.loads(self.cleaned_data["text"])
        if self.problems:
            raise forms.ValidationError(
                [f"{problem.pointer} {problem.message}".strip() for problem in self.problems]
            )
        return document


class EditsText(console.RoomAdmin):
    """The page of a plan's admin where its text is changed as a whole."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.edit_view)
        return [path("<uuid:plan_id>/edit/", view, name="workflows_workflowplan_edit"), *super().get_urls()]

    def edit_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        plan = self.find_or_deny(request, plan_id, EDIT)
        if plan is None:
            return self.gone(request, plan_id)
        if plan.current is None:
            messages.warning(request, WRITING)
            return redirect(console.page_of(plan))
        if request.method != "POST":
            form = DocumentForm(initial={"text": as_text(current_revision(plan).document)})
            return self._text_page(request, plan, form, current_revision(plan).digest)
        form = DocumentForm(request.POST)
        if not form.is_valid():
            return self._text_page(request, plan, form, seen_digest(request), status=422)
        document = form.cleaned_data["text"]
        if "check" in request.POST:
            return self._text_page(request, plan, form, seen_digest(request), document=document)
        if save_plan(request, plan, lambda before: document, seen_digest(request)) is not None:
            return redirect(console.page_of(plan))
        return self._text_page(request, plan, form, seen_digest(request), document=document, status=409)

    def _text_page(
        self,
        request: HttpRequest,
        plan: WorkflowPlan,
        form: DocumentForm,
        digest: str,
        *,
        document: Any = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "title": _("Edit as JSON"),
            "plan": plan,
            "form": form,
            "digest": digest,
            "checked": review_of(plan, normalise(document, offered())) if document is not None else None,
            "meanwhile": difference_since(plan, digest) if digest != current_revision(plan).digest else "",
            "plan_url": console.page_of(plan),
        }
        return self.ask(request, plan, "admin/console/edit.html", context, status)


def as_text(document: Any) -> str:
    """A plan's document indented, its fields in the order in which people read them."""
    return json.dumps(_ordered(document), indent=2, ensure_ascii=False)


def _ordered(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    plan = _in_order(document, PLAN_FIELDS)
    if isinstance(plan.get("steps"), list):
        plan["steps"] = [_ordered_step(step) if isinstance(step, dict) else step for step in plan["steps"]]
    return plan


def _ordered_step(step: dict[str, Any]) -> dict[str, Any]:
    found = _in_order(step, STEP_FIELDS)
    if isinstance(found.get("inputs"), dict):
        found["inputs"] = in_order(found["inputs"], offered().get(str(step.get("activity_id"))))
    return found


def _in_order(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**{name: data[name] for name in names if name in data}, **data}

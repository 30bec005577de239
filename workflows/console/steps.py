"""Editing a plan step by step, in the admin. Each change is a new revision, made by the service that the API calls;
what somebody else changed meanwhile is never overwritten unseen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.models import Department
from mudda import console
from workflows.console.changing import (
    id_of,
    inserted,
    moved,
    needs_of,
    new_id,
    place_of,
    removed,
    replaced,
    steps_in,
    with_fields,
)
from workflows.console.confirm import WRITING, difference_since, review_of, seen_digest
from workflows.console.graph import draw, steps_of_cards
from workflows.console.periods import period
from workflows.console.review import Review
from workflows.console.saving import MEANWHILE, StepGone, save_plan
from workflows.console.step_form import StepForm
from workflows.models import PlanRevision, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.durations import working_in_words
from workflows.plan.schema import MAX_NAME, normalise
from workflows.services import current_revision

EDIT = "workflows.change_workflowplan"
FIRST = ""
"""Where a new step stands that waits for none."""
Change = Callable[[Any], Any]
"""From a plan's document to a changed one."""


class PlanForm(forms.Form):
    """What the plan says of itself."""

    workflow_name = forms.CharField(
        label=gettext_lazy("Name"), max_length=MAX_NAME, widget=forms.TextInput({"class": "md-input"})
    )
    description = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea({"class": "md-input", "rows": "2"}),
    )
    due = forms.CharField(
        label=gettext_lazy("The whole is due within"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("In working time, such as 3 days. Empty: the target of the category."),
        widget=forms.TextInput({"class": "md-input md-input-short"}),
    )

    def clean_due(self) -> str:
        text = str(self.cleaned_data["due"])
        if not text or text == self.initial.get("due"):
            return text
        try:
            return period(text, working=True)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def patched(self, document: Mapping[str, Any]) -> dict[str, Any]:
        changes = {name: self.cleaned_data[name].replace("\r\n", "\n") or None for name in self.changed_data}
        return with_fields(document, changes)


class NewStepForm(forms.Form):
    """What is added, and where."""

    activity = forms.ChoiceField(
        label=gettext_lazy("What is to be done"), widget=forms.Select({"class": "md-select"})
    )
    after = forms.ChoiceField(
        label=gettext_lazy("After"), required=False, widget=forms.Select({"class": "md-select"})
    )
    between = forms.BooleanField(
        label=gettext_lazy("What waited for that step waits for the new one"), required=False, initial=True
    )

    def __init__(self, document: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["activity"].choices = [(name, spec.title) for name, spec in offered().items()]  # type: ignore[attr-defined]
        steps = [
            (id_of(step), f"{at}. {step.get('title') or id_of(step)}")
            for at, step in enumerate(steps_in(document), 1)
            if id_of(step)
        ]
        self.fields["after"].choices = [(FIRST, _("nothing: at once")), *steps]  # type: ignore[attr-defined]
        if steps:
            self.fields["after"].initial = steps[-1][0]


@dataclass(frozen=True)
class _Edited:
    """A plan, what the person has read of it, and what it is now."""

    plan: WorkflowPlan
    base: PlanRevision
    now: PlanRevision


class EditsSteps(console.RoomAdmin):
    """The pages of a plan's admin where its steps are changed."""

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("<uuid:plan_id>/steps/", self.steps_view, "steps"),
            ("<uuid:plan_id>/steps/add/", self.add_step_view, "add_step"),
            ("<uuid:plan_id>/steps/<int:number>/", self.step_view, "step"),
            ("<uuid:plan_id>/steps/<int:number>/remove/", self.remove_step_view, "remove_step"),
        )
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"workflows_workflowplan_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    # --- all of them ----------------------------------------------------------------------------

    def steps_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """The list, with what can be done to each step; and what the plan says of itself."""
        edited = self._edited(request, plan_id)
        if isinstance(edited, HttpResponse):
            return edited
        document = edited.now.document
        about = PlanForm(
            request.POST if "about" in request.POST else None, initial=_about(edited.base.document)
        )
        if request.method == "POST":
            back = redirect("admin:workflows_workflowplan_steps", plan_id)
            if "move" in request.POST:
                return self._move(request, edited, request.POST["move"])
            if about.is_bound and about.is_valid():
                saved = self._save(request, edited, about.patched)
                if saved is not None:
                    return back
        read = review_of(edited.plan, document)
        context = {
            "title": _("Edit step by step"),
            "plan": edited.plan,
            "revision": edited.now,
            "digest": edited.now.digest,
            "review": read,
            "graph": draw(steps_of_cards(read.cards)),
            "about": about,
            "new": NewStepForm(document),
            "plan_url": console.page_of(edited.plan),
            "meanwhile": self._meanwhile(request, edited),
        }
        status = 422 if about.errors else 409 if context["meanwhile"] else 200
        return self.ask(request, edited.plan, "admin/console/steps_edit.html", context, status)

    def _move(self, request: HttpRequest, edited: _Edited, asked: str) -> HttpResponse:
        """``asked`` is ``<step id>:up`` or ``<step id>:down``."""
        step_id, _colon, way = asked.rpartition(":")
        at = place_of(edited.now.document, step_id)
        address = reverse("admin:workflows_workflowplan_steps", args=[edited.plan.pk])
        if at is None or way not in {"up", "down"}:
            messages.warning(request, _("There is no such step any more."))
            return redirect(address)
        by = -1 if way == "up" else 1
        if self._save(request, edited, lambda document: moved(document, at, by)) is None:
            return redirect(address)
        return redirect(f"{address}#step-{at + 1 + by}")

    # --- one ------------------------------------------------------------------------------------

    def step_view(self, request: HttpRequest, plan_id: UUID, number: int) -> HttpResponse:
        edited = self._edited(request, plan_id)
        if isinstance(edited, HttpResponse):
            return edited
        at = number - 1
        steps = steps_in(edited.base.document)
        if at not in range(len(steps)):
            messages.warning(request, _("There is no such step any more."))
            return redirect("admin:workflows_workflowplan_steps", plan_id)
        step = steps[at] if isinstance(steps[at], dict) else {}
        spec = _activity(request, step)
        form = StepForm(
            edited.base.document,
            step,
            spec,
            _departments(),
            request.POST if request.method == "POST" else None,
        )
        back = f"{reverse('admin:workflows_workflowplan_steps', args=[plan_id])}#step-{number}"

        def change(document: Any) -> Any:
            place = place_of(document, id_of(step)) if id_of(step) else at
            if place is None or place >= len(steps_in(document)):
                raise StepGone
            now = steps_in(document)[place]
            return replaced(document, place, form.patched(now if isinstance(now, dict) else {}))

        title = _("Step %(number)s: %(title)s") % {
            "number": number,
            "title": step.get("title") or id_of(step),
        }
        return self._step_page(
            request, edited, form, change, {"title": title, "back": back, "number": number}
        )

    def add_step_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        edited = self._edited(request, plan_id)
        if isinstance(edited, HttpResponse):
            return edited
        back = reverse("admin:workflows_workflowplan_steps", args=[plan_id])
        where = NewStepForm(edited.base.document, request.GET)
        if not where.is_valid():
            messages.error(request, _("Say what is to be done, and after which step."))
            return redirect(back)
        after, between = where.cleaned_data["after"], where.cleaned_data["between"]
        spec = offered()[where.cleaned_data["activity"]]
        step = {"title": "", "activity_id": spec.activity_id, "needs": [after] if after else []}
        form = StepForm(
            edited.base.document,
            step,
            spec,
            _departments(),
            request.POST if request.method == "POST" else None,
        )

        def change(document: Any) -> Any:
            new = form.patched(step)
            new["step_id"] = new_id(new["title"], document)
            needs = needs_of(new)
            found = inserted(document, after, new, between=between)
            place = place_of(found, new["step_id"])
            return found if place is None else replaced(found, place, {**new, "needs": needs})

        words = {"title": _("A new step: %(what)s") % {"what": spec.title}, "back": back, "number": 0}
        return self._step_page(request, edited, form, change, words)

    def _step_page(
        self, request: HttpRequest, edited: _Edited, form: StepForm, change: Change, words: Mapping[str, Any]
    ) -> HttpResponse:
        checked = None
        if form.is_bound and form.is_valid():
            if "check" in request.POST:
                checked = self._checked(edited, change)
            elif self._save(request, edited, change) is not None:
                return redirect(words["back"])
        context = {
            **words,
            "plan": edited.plan,
            "form": form,
            "digest": edited.base.digest,
            "activities": [(name, spec.title) for name, spec in offered().items()],
            "spec": form.spec,
            "checked": checked,
            "meanwhile": self._meanwhile(request, edited),
            "now_digest": edited.now.digest,
        }
        status = 422 if form.errors else 409 if context["meanwhile"] else 200
        return self.ask(request, edited.plan, "admin/console/step.html", context, status)

    def _checked(self, edited: _Edited, change: Change) -> Review | None:
        try:
            return review_of(edited.plan, normalise(change(edited.now.document), offered()))
        except StepGone:
            return None

    def remove_step_view(self, request: HttpRequest, plan_id: UUID, number: int) -> HttpResponse:
        edited = self._edited(request, plan_id)
        if isinstance(edited, HttpResponse):
            return edited
        back = reverse("admin:workflows_workflowplan_steps", args=[plan_id])
        at = number - 1
        if at not in range(len(steps_in(edited.base.document))):
            messages.warning(request, _("There is no such step any more."))
            return redirect(back)
        if edited.base.pk != edited.now.pk:
            messages.error(request, MEANWHILE)
            return redirect(difference_since(edited.plan, edited.base.digest))
        if request.method == "POST":
            self._save(request, edited, lambda document: removed(document, at))
            return redirect(back)
        without = review_of(edited.plan, normalise(removed(edited.base.document, at), offered()))
        context = {
            "title": _("Take this step out?"),
            "plan": edited.plan,
            "digest": edited.base.digest,
            "card": review_of(edited.plan).cards[at],
            "checked": without,
            "cancel_url": back,
        }
        return self.ask(request, edited.plan, "admin/console/step_remove.html", context)

    # --- shared ---------------------------------------------------------------------------------

    def _edited(self, request: HttpRequest, plan_id: UUID) -> _Edited | HttpResponse:
        """The plan that is to be edited; or the answer where it can't be."""
        plan = self.find_or_deny(request, plan_id, EDIT)
        if plan is None:
            return self.gone(request, plan_id)
        if plan.current is None:
            messages.warning(request, WRITING)
            return redirect(console.page_of(plan))
        now = current_revision(plan)
        seen = seen_digest(request)
        base = now
        if seen and seen != now.digest:
            base = plan.revisions.filter(digest=seen).order_by("-number").first() or now
        return _Edited(plan, base, now)

    def _save(self, request: HttpRequest, edited: _Edited, change: Change) -> WorkflowPlan | None:
        """``onto`` is the digest of what somebody else has made of it, once the person has been shown that."""
        return save_plan(request, edited.plan, change, request.POST.get("onto") or seen_digest(request))

    def _meanwhile(self, request: HttpRequest, edited: _Edited) -> str:
        """Where it stands what somebody else changed since the person has read the plan; "" where nothing was."""
        if request.method != "POST" or edited.base.pk == edited.now.pk:
            return ""
        return difference_since(edited.plan, edited.base.digest)


def _activity(request: HttpRequest, step: Mapping[str, Any]) -> Any:
    """The activity whose inputs are asked for: another one where the person wants it, else the step's own."""
    wanted = (request.POST if request.method == "POST" else request.GET).get("activity") or step.get(
        "activity_id"
    )
    return offered().get(wanted) if isinstance(wanted, str) else None


def _departments() -> dict[str, str]:
    return dict(Department.objects.filter(active=True).order_by("name").values_list("code", "name"))


def _about(document: Any) -> dict[str, str]:
    plan = document if isinstance(document, dict) else {}
    texts = {
        name: plan[name] if isinstance(plan.get(name), str) else ""
        for name in ("workflow_name", "description")
    }
    return {**texts, "due": working_in_words(plan["due"]) if plan.get("due") else ""}


__all__ = ["EditsSteps"]

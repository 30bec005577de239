"""What a plan would do, as a page: the timeline, and every message as it would be sent. Nothing is done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.models import Department
from mudda import console
from mudda.errors import MuddaError
from workflows.console.confirm import WRITING
from workflows.console.data import DataForm
from workflows.console.graph import draw, state_in_words, steps_of_cards
from workflows.console.review import BY, ICONS, Review, review
from workflows.console.words import Vocabulary
from workflows.departments import PREFIX
from workflows.models import WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.durations import seconds_in_words
from workflows.plan.people import REPORTER
from workflows.plan.validation import required_data
from workflows.services import current_revision
from workflows.simulating import simulate_plan

GROUP = "group:"
THINNEST = 0.6
"""Per cent of the timeline that the shortest bar takes, so that it can be seen."""
ENDS = {
    "completed": gettext_lazy("It comes to its end."),
    "failed": gettext_lazy("It fails."),
    "cancelled": gettext_lazy("It is cancelled."),
}


class AssumptionsForm(forms.Form):
    """What is assumed of the run."""

    failing = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    refused = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, read: Review, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = [(card.step_id, f"{card.number}. {card.title}") for card in read.cards]
        self.fields["failing"].choices = steps  # type: ignore[attr-defined]
        self.fields["failing"].label = _("These steps fail")
        asked = [
            (card.step_id, f"{card.number}. {card.title}: {card.approval}")
            for card in read.cards
            if card.approval
        ]
        self.fields["refused"].choices = asked  # type: ignore[attr-defined]
        self.fields["refused"].label = _("These approvals are refused")
        if not asked:
            del self.fields["refused"]


@dataclass(frozen=True)
class Row:
    """One line of the timeline. ``offset`` is from the launch, in words; ``bar`` a drawing of when it goes on."""

    number: int
    title: str
    note: str
    by: str
    icon: str
    offset: str
    at: Any
    took: str
    status: SafeString
    reason: str
    bar: SafeString


@dataclass(frozen=True)
class Letter:
    """A message, to whom, and of which step. ``gaps`` are those who have no address on file."""

    number: int
    step: str
    to: str
    channel: str
    subject: str
    text: str
    gaps: tuple[str, ...]


class Simulates(console.RoomAdmin):
    """The page of a plan's admin that plays it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.simulate_view)
        return [
            path("<uuid:plan_id>/simulate/", view, name="workflows_workflowplan_simulate"),
            *super().get_urls(),
        ]

    def simulate_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        plan = self.find_or_deny(request, plan_id)
        if plan is None:
            return self.gone(request, plan_id)
        if plan.current is None:
            messages.warning(request, WRITING)
            return redirect(console.page_of(plan))
        document = current_revision(plan).document
        departments = dict(Department.objects.values_list("code", "name"))
        read = review(document, [], catalogue=offered(), departments=departments)
        keys = required_data(document)
        asked = request.GET if request.GET else None
        assumed = AssumptionsForm(read, asked)
        data = DataForm(keys, asked) if keys else None
        context = {
            "title": _("What this plan would do"),
            "plan": plan,
            "revision": current_revision(plan),
            "assumed": assumed,
            "data": data,
            "plan_url": console.page_of(plan),
        }
        ready = (asked is None or assumed.is_valid()) and (data is None or data.is_valid())
        status = 200
        if ready:
            try:
                told = _simulated(plan, assumed, data, request)
                context |= _shown(told, read, Vocabulary({}, departments), console.page_of(plan))
            except MuddaError as error:
                console.tell(request, error)
                context["refused"] = error.detail
                status = error.status
        return self.ask(request, plan, "admin/console/simulate.html", context, status)


def _simulated(
    plan: WorkflowPlan, assumed: AssumptionsForm, data: DataForm | None, request: HttpRequest
) -> dict[str, Any]:
    given = assumed.cleaned_data if assumed.is_bound else {}
    return simulate_plan(
        plan_id=plan.pk,
        by=console.person(request),
        execution_data=data.execution_data() if data else {},
        answers={},
        approvals=dict.fromkeys(given.get("refused", ()), False),
        failing=given.get("failing", []),
        escalations={},
    )


def _shown(told: Mapping[str, Any], read: Review, known: Vocabulary, page: str) -> dict[str, Any]:
    """The simulation for the template."""
    numbers = {card.step_id: card.number for card in read.cards}
    titles = {card.step_id: card.title for card in read.cards}
    states = {entry["step_id"]: entry["status"] for entry in told["timeline"] if entry["kind"] == "step"}
    failure = told["finish"].get("failure") or {}
    steps = [replace(step, url=f"{page}#step-{step.number}") for step in steps_of_cards(read.cards)]
    return {
        "ends": ENDS.get(told["finish"]["outcome"], told["finish"]["outcome"]),
        "why": failure.get("message", ""),
        "took": seconds_in_words(told["total_seconds"]),
        "cost": told["total_cost"],
        "graph": draw(steps, states, name="simulated"),
        "rows": [_row(entry, told, numbers) for entry in told["timeline"]],
        "people": [
            (
                person_in_words(one["who"], known),
                one["has_address"],
                [titles[step] for step in one["step_ids"]],
            )
            for one in told["people"]
        ],
        "letters": [_letter(one, numbers, titles, known) for one in told["messages"]],
        "approvals": [
            (
                numbers[one["step_id"]],
                one,
                person_in_words(GROUP + one["group"], known),
                _offset(one["asked_seconds"]),
            )
            for one in told["approvals"]
        ],
    }


def _row(entry: Mapping[str, Any], told: Mapping[str, Any], numbers: Mapping[str, int]) -> Row:
    start, end = entry["start_seconds"], entry["end_seconds"]
    launched = parse_datetime(told["started_at"]) or timezone.now()
    undone = entry["kind"] == "compensation"
    spec = offered().get(entry["activity_id"])
    begun = entry["inputs"] is not None
    return Row(
        number=numbers[entry["step_id"]],
        title=entry["title"],
        note=_("undone: %(how)s") % {"how": spec.title if spec else entry["activity_id"]} if undone else "",
        by=str(BY.get(entry["done_by"], "")),
        icon=ICONS.get(entry["done_by"], "help"),
        offset=_offset(start),
        at=launched + timedelta(seconds=start),
        took=seconds_in_words(end - start) if begun and end > start else "",
        status=console.badge(entry["status"], state_in_words(entry["status"])),
        reason=entry["reason"],
        bar=_bar(start, end, told["total_seconds"]) if begun else SafeString(""),
    )


def _bar(start: int, end: int, total: int) -> SafeString:
    """Where a step lies in the whole, as a drawing without words: the columns beside it say the same."""
    whole = max(total, 1)
    width = max(100 * (end - start) / whole, THINNEST)
    left = min(100 * start / whole, 100 - width)
    return format_html(
        '<svg class="md-bar" width="100%" height="8" aria-hidden="true">'
        '<rect class="md-bar-whole" width="100%" height="8"/>'
        '<rect class="md-bar-part" x="{}%" width="{}%" height="8"/></svg>',
        f"{left:.2f}",
        f"{width:.2f}",
    )


def _offset(seconds: int) -> str:
    return _("after %(time)s") % {"time": seconds_in_words(seconds)} if seconds else _("at once")


def _letter(
    message: Mapping[str, Any], numbers: Mapping[str, int], titles: Mapping[str, str], known: Vocabulary
) -> Letter:
    gaps = (one["role"] for one in message["to"] if one["has_address"] is False)
    return Letter(
        number=numbers[message["step_id"]],
        step=titles[message["step_id"]],
        to=", ".join(person_in_words(one["role"], known) for one in message["to"]),
        channel=_("text message") if message["channel"] == "sms" else _("e-mail"),
        subject=message["subject"],
        text=message["text"],
        gaps=tuple(person_in_words(one, known) for one in gaps),
    )


def person_in_words(who: str, known: Vocabulary) -> str:
    """``department:water`` as "Water Supply", ``issue.reporter`` as "the reporter"."""
    if who == REPORTER:
        return _("the reporter")
    if who.startswith(GROUP):
        return _("the group %(name)s") % {"name": who.removeprefix(GROUP)}
    return known.department(who) or who.removeprefix(PREFIX)


@console.adds_to(WorkflowPlan)
def simulate_button(request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
    if plan.current is not None and "revision" not in request.GET:
        yield console.Button(_("Simulate"), reverse("admin:workflows_workflowplan_simulate", args=[plan.pk]))


__all__ = ["Simulates", "person_in_words"]

"""Arranging a task: take it, give it back, hand it on, stop its clock; a crew's word; the signed links to it.

Each way calls the service that the API's door of the same name calls, and is offered where that would not refuse.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from executions.accepting import accept_task, decline_task
from executions.assigning import (
    DECIDE,
    claim_task,
    hold_task,
    leads,
    reassign_task,
    release_task,
    resume_task,
)
from executions.console.answers import TimeInput
from executions.console.whom import REPORTER, named, role_named
from executions.deadlines import stronger_group
from executions.deciding import TaskTaken, ensure_may_decide, ensure_not_taken
from executions.giving_links import give_link, withdraw_links
from executions.models import HumanTask, TaskLink, TaskStatus
from executions.tasks import is_closed
from issues.models import Department
from mudda import console
from mudda.errors import Forbidden
from workflows.plan.core import DISPATCH_CREW
from workflows.plan.schema import GROUPS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Widget = forms.TextInput
else:
    Widget = UnfoldAdminTextInputWidget

SHOWN_LINKS = 20
SUGGESTED = 200
"""Colleagues whose names are suggested; any other can be typed."""


# --- forms ------------------------------------------------------------------------------------------


class Suggesting(Widget):
    """A line of text for which the browser suggests some values."""

    suggestions: Iterable[str] = ()

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        names = f"{name}-suggested"
        shown = super().render(name, value, {**(attrs or {}), "list": names}, renderer)
        options = format_html_join("", '<option value="{}"></option>', ((one,) for one in self.suggestions))
        return format_html('{}<datalist id="{}">{}</datalist>', shown, names, options)


class ArrangeForm(forms.Form):
    """What a service needs besides the task: its fields are the service's arguments."""

    def __init__(self, task: HumanTask, data: Any = None) -> None:
        super().__init__(data)
        self.task = task

    def arguments(self) -> dict[str, Any]:
        return dict(self.cleaned_data)

    def show(self, problems: Iterable[Mapping[str, Any]]) -> None:
        """Put what the service says (``{pointer, message}``) at its field."""
        for problem in problems:
            name = str(problem.get("pointer", "")).strip("/")
            self.add_error(name if name in self.fields else None, str(problem.get("message", "")))


class ReasonedForm(ArrangeForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept with the task, with your name and the time."),
    )


class HandOnForm(ReasonedForm):
    """To one person or to a group."""

    user = forms.CharField(
        label=_("A person"),
        required=False,
        max_length=150,
        widget=Suggesting(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("A username. They get a letter, and nobody else can decide it until they give it back."),
    )
    group = forms.ChoiceField(
        label=_("Or a group"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_(
            "Anybody of the group can take it. A task that asks for a group never goes to one with less say."
        ),
    )
    field_order = ("user", "group", "reason")

    def __init__(self, task: HumanTask, data: Any = None) -> None:
        super().__init__(task, data)
        offer(self, "group", [("", "—"), *((name, name) for name in groups_for(task))])
        names = may_have(task).values_list("username", flat=True)[:SUGGESTED]
        self.fields["user"].widget.suggestions = list(names)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not self.errors and bool(given.get("user")) == bool(given.get("group")):
            self.add_error("user", _("Name a person, or choose a group; one of the two."))
        return given


class AcceptForm(ArrangeForm):
    crew = forms.CharField(
        label=_("Crew"), max_length=500, widget=UnfoldAdminTextInputWidget(), help_text=_("Who comes.")
    )
    arrival_at = forms.DateTimeField(
        label=_("Expected there"),
        widget=TimeInput(attrs={"class": "md-time"}),
        help_text=_("In the city's time."),
    )


class LinkForm(ArrangeForm):
    """For the reporter or the department."""

    role = forms.ChoiceField(
        label=_("For"),
        widget=UnfoldAdminSelectWidget(),
        help_text=_("The link is shown once. Whoever has it can answer this one task, and nothing else."),
    )

    def __init__(self, task: HumanTask, data: Any = None) -> None:
        super().__init__(task, data)
        departments = Department.objects.filter(active=True).order_by("name").values_list("code", "name")
        choices = [(f"department:{code}", name) for code, name in departments]
        offer(self, "role", [*choices, (REPORTER, role_named(REPORTER))])
        if task.department is not None:
            self.fields["role"].initial = f"department:{task.department.code}"


def offer(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    """Set what a field can be chosen from."""
    field = form.fields[name]
    if isinstance(field, forms.ChoiceField):
        field.choices = choices


def groups_for(task: HumanTask) -> list[str]:
    """The groups that a task may go to, as ``reassign_task`` has it."""
    names = list(Group.objects.order_by("name").values_list("name", flat=True))
    if task.group not in GROUPS:
        return names
    return [name for name in names if name in GROUPS and stronger_group(task.group, name) == name]


def may_have(task: HumanTask) -> QuerySet[User]:
    """The users who may decide a task and see it, but for what four eyes ask: the service knows."""
    able = User.objects.with_perm(DECIDE, backend="django.contrib.auth.backends.ModelBackend")
    sees = Q(departments__isnull=True) | Q(departments=task.department_id) | Q(is_superuser=True)
    found = able.filter(sees, is_active=True, is_staff=True)
    if task.group:
        found = found.filter(Q(groups__name=task.group) | Q(is_superuser=True))
    return found.order_by("username").distinct()


# --- the ways ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrangement:
    """One way of arranging a task. Without a ``form`` a button does it at once."""

    service: Callable[..., object]
    button: "StrOrPromise"
    done: "StrOrPromise"
    form: type[ArrangeForm] | None = None
    title: "StrOrPromise" = ""
    intro: "StrOrPromise" = ""
    tone: str = ""
    key: str = ""


CLAIM, RELEASE, RESUME, HAND_ON, HOLD = "claim", "release", "resume", "hand-on", "hold"
ACCEPT, DECLINE, GIVE_LINK, WITHDRAW_LINKS = "accept", "decline", "give-link", "withdraw-links"

ARRANGEMENTS = {
    CLAIM: Arrangement(claim_task, _("Claim"), _("The task is yours."), key="c"),
    RELEASE: Arrangement(
        release_task, _("Give back"), _("Anybody of its group can take the task now."), key="b"
    ),
    RESUME: Arrangement(resume_task, _("Let its clock go on"), _("The clock of the task goes on."), key="h"),
    HAND_ON: Arrangement(
        reassign_task,
        _("Hand on"),
        _("The task is handed on, and who has it now is told."),
        HandOnForm,
        _("Hand this task on?"),
        _("Whoever has it now reads why. Signed links that were given out for it stop to work."),
        key="r",
    ),
    HOLD: Arrangement(
        hold_task,
        _("Put on hold"),
        _("The task is on hold: its clock stands still."),
        ReasonedForm,
        _("Put this task on hold?"),
        _(
            "Nobody is reminded and it does not run out of time until its clock goes on. It can still be decided."
        ),
        key="h",
    ),
    ACCEPT: Arrangement(
        accept_task,
        _("A crew comes"),
        _("It is noted who comes, and when."),
        AcceptForm,
        _("Which crew comes, and when?"),
        _("For a crew that says so by phone. With its link it can say so itself."),
    ),
    DECLINE: Arrangement(
        decline_task,
        _("The crew can't come"),
        _("The task is back in its department's queue."),
        ReasonedForm,
        _("Why can't the crew come?"),
        _("The task goes back to its department's queue, undecided."),
    ),
    GIVE_LINK: Arrangement(
        give_link,
        _("Make a link"),
        "",
        LinkForm,
        _("Make a signed link to this task?"),
        _("For a letter that was lost, or a crew that is called by phone. Links before it stay good."),
    ),
    WITHDRAW_LINKS: Arrangement(
        withdraw_links,
        _("Withdraw the links"),
        _("The links to this task do not work any more."),
        ArrangeForm,
        _("Withdraw every link to this task?"),
        _("Whoever opens one reads that it was withdrawn. A new one can be made afterwards."),
        "danger",
    ),
}


def ways_for(task: HumanTask, by: User) -> frozenset[str]:
    """The names of what this person can do with the task now."""
    if is_closed(task) or not by.has_perm(DECIDE):
        return frozenset()
    lead, decides = leads(by), _allows(ensure_may_decide, task, by)
    free = _allows(ensure_not_taken, task, by)
    found = set()
    if task.assignee_id is None and decides:
        found.add(CLAIM)
    if task.assignee_id is not None and (lead or task.assignee_id == by.pk):
        found.add(RELEASE)
    if lead or (decides and free):
        found |= {HAND_ON, RESUME if task.status == TaskStatus.ON_HOLD else HOLD}
    if decides and task.kind == DISPATCH_CREW.activity_id:
        found |= {DECLINE} if task.accepted_at is not None else {ACCEPT, DECLINE}
    if decides and free and not task.group and not task.four_eyes:
        found.add(GIVE_LINK)
    if decides:
        found.add(WITHDRAW_LINKS)
    return frozenset(found)


def url_name(name: str) -> str:
    return f"admin:executions_humantask_{name.replace('-', '_')}"


def button_for(name: str, task: HumanTask, tone: str | None = None) -> console.Button:
    way = ARRANGEMENTS[name]
    url = reverse(url_name(name), args=[task.pk])
    post = way.form is None
    return console.Button(str(way.button), url, way.tone if tone is None else tone, post=post, key=way.key)


def task_buttons(task: HumanTask, ways: frozenset[str]) -> list[console.Button]:
    """Those at the head of the page, in the order of use."""
    return [button_for(name, task) for name in (CLAIM, RELEASE, HAND_ON, HOLD, RESUME) if name in ways]


@dataclass(frozen=True)
class LinkRow:
    """A signed link. ``state`` is good, used, withdrawn, or over."""

    link: TaskLink
    to: str
    state: str


def links_of(task: HumanTask) -> list[LinkRow]:
    """The last links to a task that were made, newest first."""
    links = task.links.order_by("-created_at")[:SHOWN_LINKS]
    return [
        LinkRow(link, role_named(link.role, named(task.department)), _state(link, task)) for link in links
    ]


def _state(link: TaskLink, task: HumanTask) -> str:
    if link.revoked_at is not None:
        return "withdrawn"
    if link.used_at is not None:
        return "used"
    return "over" if is_closed(task) or link.expires_at <= timezone.now() else "good"


def _allows(ensure: Callable[[HumanTask, User], None], task: HumanTask, by: User) -> bool:
    try:
        ensure(task, by)
    except (Forbidden, TaskTaken):
        return False
    return True

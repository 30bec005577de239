"""Handing many issues over at once: the same change, event and rights as for each alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from issues.changing import change_issue
from issues.models import Department, Issue, reference_of
from mudda import console
from mudda.errors import InvalidRequest, MuddaError

CHANGE = "issues.change_issue"
MOST = 200
"""Issues at once: what a request carries out while somebody waits for its page."""
SHOWN = 10
LONGEST_NOTE = 2_000


class TooMany(InvalidRequest):
    code = "too_many"
    title = f"At most {MOST} issues are handed over at once."


@dataclass
class Assigned:
    """What became of each: those that have the department now, those that had it already, and why others were
    refused, by their keys."""

    moved: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def assign_issues(keys: Iterable[int], department: str, *, note: str = "", by: User) -> Assigned:
    """Give each issue to a department, one transaction each: one that is refused keeps no other from its place.

    Args:
        keys: the issues' primary keys.
        department: its code.
        note: left on each that is moved.

    Raises:
        TooMany: more than ``MOST``.
    """
    wanted = sorted(set(keys))
    if len(wanted) > MOST:
        raise TooMany(f"You have chosen {len(wanted):,}. Choose fewer, or narrow the list first.")
    found = Issue.objects.visible_to(by).select_related("department").in_bulk(wanted)
    result = Assigned()
    for key in wanted:
        _assign(key, found.get(key), department, note, by, result)
    return result


def _assign(key: int, issue: Issue | None, department: str, note: str, by: User, result: Assigned) -> None:
    if issue is None:
        result.refused[key] = _("There is no such issue.")
        return
    if issue.department is not None and issue.department.code == department:
        result.same.append(key)
        return
    changes: dict[str, Any] = {"department": department, **({"note": note} if note else {})}
    try:
        change_issue(issue, changes, by=by)
    except MuddaError as error:
        result.refused[key] = error.detail
    else:
        result.moved.append(key)


# --- the console's page -----------------------------------------------------------------------------


class AssignForm(forms.Form):
    department = forms.ChoiceField(
        label=gettext_lazy("Department"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Its people see the issues from then on, with their plans and runs."),
    )
    note = forms.CharField(
        label=gettext_lazy("Why"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("A note on each issue, for colleagues. It may stay empty."),
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        active = Department.objects.filter(active=True).values_list("code", "name")
        chosen = self.fields["department"]
        assert isinstance(chosen, forms.ChoiceField)  # noqa: S101 (for the type checker)
        chosen.choices = [("", _("choose one")), *active]


def ask_whom(
    admin: console.RoomAdmin, request: HttpRequest, keys: list[int], form: AssignForm
) -> HttpResponse:
    """The page that asks for the department of the chosen issues."""
    issues = Issue.objects.visible_to(request.user).filter(pk__in=keys).only("statement", "sandbox")
    shown = list(issues[:SHOWN])
    count = len(keys)
    context = {
        "title": ngettext("Assign %(count)d issue", "Assign %(count)d issues", count) % {"count": count},
        "form": form,
        "keys": keys,
        "shown": shown,
        "left": count - len(shown),
        "action": reverse("admin:issues_issue_assign"),
        "cancel_url": reverse("admin:issues_issue_changelist"),
    }
    return admin.ask(
        request, None, "admin/console/issue_assign.html", context, 422 if form.errors or not keys else 200
    )


def assign_view(admin: console.RoomAdmin, request: HttpRequest) -> HttpResponse:
    """Assign the issues that were chosen in the list, and say what became of each."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    admin.find_or_deny(request, 0, CHANGE)
    keys = _keys(request)
    form = AssignForm(request.POST)
    if not keys or not form.is_valid():
        return ask_whom(admin, request, keys, form)
    given = form.cleaned_data
    done = console.carry_out(
        request,
        lambda: assign_issues(
            keys, given["department"], note=given["note"].strip(), by=console.person(request)
        ),
        "",
    )
    if done is not None:
        _tell(request, done)
    return redirect("admin:issues_issue_changelist")


def _keys(request: HttpRequest) -> list[int]:
    """The keys that were sent; whatever could be none is passed over."""
    sent = request.POST.getlist("issue")
    return [int(key) for key in sent if key.isascii() and key.isdecimal() and len(key) < 19]


def _tell(request: HttpRequest, done: Assigned) -> None:
    if done.moved:
        count = len(done.moved)
        words = ngettext("%(count)d issue is assigned.", "%(count)d issues are assigned.", count)
        messages.success(request, words % {"count": count})
    if done.same:
        count = len(done.same)
        words = ngettext(
            "%(count)d had that department already.", "%(count)d had that department already.", count
        )
        messages.info(request, words % {"count": count})
    if done.refused:
        first = list(done.refused.items())[:SHOWN]
        why = " · ".join(f"{reference_of(key)}: {reason}" for key, reason in first)
        words = ngettext(
            "%(count)d was left as it is: %(why)s",
            "%(count)d were left as they are: %(why)s",
            len(done.refused),
        )
        messages.error(request, words % {"count": len(done.refused), "why": why})

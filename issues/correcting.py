"""The admin's page on which staff correct what is known of an issue."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from issues.facts import FACTS, MOST_PEOPLE, correct_facts, facts_of
from issues.models import Category, Issue, Urgency
from issues.panels import choices_in_words
from issues.services import LONGEST_ADDRESS
from mudda import console


class FactsForm(forms.Form):
    """An issue's facts as they are. What isn't changed stays a guess unless ``confirm`` is ticked."""

    version = forms.IntegerField(widget=forms.HiddenInput())
    category = forms.ChoiceField(
        label=gettext_lazy("Category"),
        widget=UnfoldAdminSelectWidget(),
        required=False,
        help_text=gettext_lazy("A category of another department hands the issue over to it."),
    )
    place = forms.CharField(
        label=gettext_lazy("Where"),
        max_length=LONGEST_ADDRESS,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Empty: not known."),
    )
    urgency = forms.ChoiceField(
        label=gettext_lazy("Urgency"),
        choices=choices_in_words(Urgency.choices),
        widget=UnfoldAdminSelectWidget(),
    )
    people_affected = forms.IntegerField(
        label=gettext_lazy("People affected"),
        min_value=0,
        max_value=MOST_PEOPLE,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("About how many. Empty: not known."),
    )
    confirm = forms.BooleanField(
        label=gettext_lazy("The rest is right too: no draft may change it"),
        required=False,
        widget=UnfoldBooleanWidget(),
    )

    def __init__(self, data: Any, *, issue: Issue) -> None:
        values = {fact.name: fact.value for fact in facts_of(issue)}
        super().__init__(data, initial={**values, "version": issue.event_seq})
        current = (
            [(issue.category.code, str(issue.category))] if issue.category else [("", _("not decided yet"))]
        )
        active = Category.objects.filter(active=True).values_list("code", "name")
        category = self.fields["category"]
        assert isinstance(category, forms.ChoiceField)  # noqa: S101 (for the type checker)
        category.choices = [*current, *(choice for choice in active if choice[0] != current[0][0])]

    def said(self) -> dict[str, Any]:
        """What the person has said: the facts that they changed, or all that are known."""
        given = {name: self.cleaned_data[name] for name in FACTS}
        known = {name for name, value in given.items() if value not in (None, "")}
        chosen = {*self.changed_data, *known} if self.cleaned_data["confirm"] else set(self.changed_data)
        return {name: value for name, value in given.items() if name in chosen}


def facts_view(admin: console.RoomAdmin, request: HttpRequest, issue_id: int) -> HttpResponse:
    """Ask for the facts, and set them by the person's word."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    issue = admin.find_or_deny(request, issue_id, "issues.change_issue")
    if issue is None:
        return admin.gone(request, issue_id)
    form = FactsForm(request.POST if request.method == "POST" else None, issue=issue)
    if request.method != "POST" or not form.is_valid():
        return _page(admin, request, issue, form)
    console.carry_out(
        request,
        lambda: correct_facts(
            issue,
            by=console.person(request),
            expected_version=form.cleaned_data["version"],
            **form.said(),
        ),
        _("Saved. No draft changes what you have said."),
    )
    if not Issue.objects.visible_to(request.user).filter(pk=issue.pk).exists():
        return redirect("admin:issues_issue_changelist")  # it was handed over to another department
    return redirect(console.page_of(issue))


def _page(admin: console.RoomAdmin, request: HttpRequest, issue: Issue, form: FactsForm) -> HttpResponse:
    context = {
        "title": _("What is known of %(issue)s") % {"issue": issue.reference},
        "about": issue.statement,
        "form": form,
        "submit": _("Save"),
        "cancel_url": console.page_of(issue),
    }
    return admin.ask(request, issue, "admin/console/form.html", context, 422 if form.errors else 200)

"""Issues, departments and categories in the admin."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from issues import home, reporting  # noqa: F401 (register what the home page and reports say of issues)
from issues.assigning import CHANGE, MOST, AssignForm, TooMany, ask_whom, assign_view
from issues.correcting import facts_view
from issues.duplicates import OPEN, possible_duplicates
from issues.lists import Target, with_words
from issues.models import (
    UNKNOWN_ADDRESS,
    Category,
    Department,
    Issue,
    IssueStatus,
    Urgency,
    within_departments,
)
from issues.page import (
    files_of,
    history_of,
    neighbourhood,
    notes_of,
    others_panel,
    overdue_badge,
    reporter_of,
)
from issues.panels import choices_in_words, cut, duplicates_panel, facts_panel
from issues.reading import VIEW_REPORTER
from issues.reference import WORKING_TIME
from issues.services import LONGEST_ADDRESS, LONGEST_STATEMENT, clean_statement, report_issue, update_issue
from issues.setup_forms import DepartmentForm
from issues.targets import words_of
from mudda import console
from mudda.errors import MuddaError
from mudda.saved_filters import KeepsFilters

SHOWN_STATEMENT = 100
LONGEST_NAME, LONGEST_EMAIL, LONGEST_PHONE = 120, 254, 40
"""Characters, as the columns have room for them."""


@console.limited_by
def is_in_a_department(user: Any) -> bool:
    """People in a department see the work of their departments only."""
    return Department.objects.filter(staff=user.pk).exists()


class WithinMyDepartments(admin.RelatedFieldListFilter):
    """Offers only the departments that the person may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        mine = Department.objects.filter(within_departments(request.user, "pk"))
        return [(str(pk), name) for pk, name in mine.values_list("pk", "name")]


def shortened(text: str) -> str:
    """A statement on one line, cut to what a list can show."""
    return cut(text, SHOWN_STATEMENT)


class ReportForm(forms.Form):
    """What somebody says at the counter or on the telephone."""

    statement = forms.CharField(
        label=gettext_lazy("What is wrong, in the reporter's words"),
        max_length=LONGEST_STATEMENT,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=LONGEST_ADDRESS,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Where it is."),
    )
    category = forms.ModelChoiceField(
        Category.objects.none(),
        label=gettext_lazy("Category"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        empty_label=gettext_lazy("not decided yet"),
    )
    urgency = forms.ChoiceField(
        label=gettext_lazy("Urgency"),
        choices=choices_in_words(Urgency.choices),
        initial="normal",
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(
        label=gettext_lazy("Name of the reporter"),
        required=False,
        max_length=LONGEST_NAME,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Empty: they want to stay unknown."),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address of the reporter"),
        required=False,
        max_length=LONGEST_EMAIL,
        widget=UnfoldAdminEmailInputWidget(),
        help_text=gettext_lazy("Where they are told how it goes."),
    )
    phone = forms.CharField(
        label=gettext_lazy("Telephone number of the reporter"),
        required=False,
        max_length=LONGEST_PHONE,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Category.objects.filter(within_departments(user, "department"), active=True)
        category = self.fields["category"]
        assert isinstance(category, forms.ModelChoiceField)  # noqa: S101 (for the type checker)
        category.queryset = mine
        category.required = console.is_limited(user)  # else the person couldn't see what they reported

    def clean_statement(self) -> str:
        try:
            return clean_statement(self.cleaned_data["statement"])
        except MuddaError as error:
            raise forms.ValidationError(_(error.title)) from error

    def said(self) -> dict[str, Any]:
        """What ``report_issue`` takes: who reported it only where something is known of them."""
        given = dict(self.cleaned_data)
        reporter = {name: given.pop(name) for name in ("name", "email", "phone")}
        return {**given, "reporter": reporter if any(reporter.values()) else None}


class NoteForm(forms.Form):
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        choices=[("", gettext_lazy("stays as it is")), *choices_in_words(IssueStatus.choices)],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=10_000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    visible = forms.BooleanField(required=False, label=gettext_lazy("The reporter may read the note"))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not given.get("note") and not given.get("status"):
            raise forms.ValidationError(_("Write a note, or choose another status."))
        return given


@admin.register(Issue)
class IssueAdmin(KeepsFilters):
    page_template = "admin/console/issue.html"
    add_words = gettext_lazy("Record an issue")
    list_display = (
        "reference_column",
        "what",
        "status_column",
        "urgency_column",
        "category_column",
        "age",
    )
    list_filter = (
        "status",
        Target,
        "urgency",
        "category",
        ("department", WithinMyDepartments),
        "reported_at",
    )
    list_select_related = ("category", "department")
    actions = ("assign",)
    search_fields = ("statement", "address")
    search_help_text = gettext_lazy(
        "Words of the statement or the address, or a reference such as ISSUE-000123."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("issues.add_issue"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("facts")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return with_words(queryset, search_term), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        return found if request.user.has_perm(CHANGE) else {}

    @admin.action(description=gettext_lazy("Assign to a department"))
    def assign(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask for the department of the chosen issues, or of all that the list has found."""
        keys = list(queryset.order_by().values_list("pk", flat=True)[: MOST + 1])
        if len(keys) > MOST:
            console.tell(request, TooMany(_("Choose fewer, or narrow the list first.")))
            return None
        return ask_whom(self, request, keys, AssignForm(None))

    @admin.display(description=gettext_lazy("Reference"), ordering="pk")
    def reference_column(self, issue: Issue) -> str:
        return issue.reference

    @admin.display(description=gettext_lazy("Statement"))
    def what(self, issue: Issue) -> SafeString:
        where = issue.address or _(UNKNOWN_ADDRESS)
        return format_html(
            '<span class="md-two md-two-wide">{}<small>{}</small></span>', shortened(issue.statement), where
        )

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def status_column(self, issue: Issue) -> SafeString:
        return format_html("{} {}", console.badge(issue.status), overdue_badge(issue))

    @admin.display(description=gettext_lazy("Urgency"), ordering="urgency")
    def urgency_column(self, issue: Issue) -> SafeString:
        return console.badge(issue.urgency)

    @admin.display(description=gettext_lazy("Category and department"), ordering="category")
    def category_column(self, issue: Issue) -> SafeString:
        category, department = issue.category or _("not decided"), issue.department or _("no department yet")
        return format_html('<span class="md-two">{}<small>{}</small></span>', category, department)

    @admin.display(description=gettext_lazy("Age"), ordering="-reported_at")
    def age(self, issue: Issue) -> str:
        return timesince(issue.reported_at, timezone.now(), depth=1)

    # --- the page -----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        note, assign = (
            self.admin_site.admin_view(self.note_view),
            self.admin_site.admin_view(partial(assign_view, self)),
        )
        facts = self.admin_site.admin_view(partial(facts_view, self))
        return [
            path("<int:issue_id>/note/", note, name="issues_issue_note"),
            path("<int:issue_id>/facts/", facts, name="issues_issue_facts"),
            path("assign/", assign, name="issues_issue_assign"),
            *super().get_urls(),
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = Issue.objects.visible_to(request.user).select_related("category", "department", "reporter")
        return (
            found.filter(pk=int(object_id)).first() if object_id.isdecimal() and len(object_id) < 19 else None
        )

    def page_parts(self, request: HttpRequest, issue: Issue) -> Iterable[console.Part]:
        yield facts_panel(request, issue, _("What is known"))
        found = possible_duplicates(issue, viewer=request.user) if issue.status in OPEN else []
        if (duplicates := duplicates_panel(found, request.user)) is not None:
            yield duplicates
        if request.user.has_perm(VIEW_REPORTER):
            others = others_panel(issue, console.person(request))
            if others is not None:
                yield others

    def page_context(self, request: HttpRequest, issue: Issue) -> dict[str, Any]:
        me = console.person(request)
        return {
            "title": issue.reference,
            "status": console.badge(issue.status),
            "urgency": console.badge(issue.urgency),
            "overdue": overdue_badge(issue),
            "target": words_of(issue.category.target) if issue.category is not None else "",
            "files": files_of(issue),
            **neighbourhood(issue, me),
            **reporter_of(issue, me, shown=request.method != "HEAD"),
            "notes": notes_of(issue),
            "note_form": NoteForm() if request.user.has_perm(CHANGE) else None,
            "note_url": reverse("admin:issues_issue_note", args=[issue.pk]),
            "timeline": history_of(request, issue),
        }

    def note_view(self, request: HttpRequest, issue_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        issue = self.find_or_deny(request, issue_id, "issues.change_issue")
        if issue is None:
            return self.gone(request, issue_id)
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self.render_page(request, issue, {"note_form": form}, status=422)
        given = form.cleaned_data
        console.carry_out(
            request,
            lambda: update_issue(
                issue_id=issue.pk,
                status=given["status"] or None,
                note=given["note"],
                visible=given["visible"],
                by=request.user,
            ),
            _("Saved."),
        )
        return redirect(console.page_of(issue))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ReportForm(request.POST or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            issue = console.carry_out(
                request,
                lambda: report_issue(**form.said(), by=request.user),
                _("The issue is recorded."),
            )
            if issue is not None:
                return redirect(console.page_of(issue))
        context = {
            "title": _("Record an issue"),
            "form": form,
            "submit": _("Record the issue"),
            "cancel_url": reverse("admin:issues_issue_changelist"),
        }
        return self.ask(request, None, "admin/console/form.html", context, 422 if form.errors else 200)


# --- setup ------------------------------------------------------------------------------------------


class SetupAdmin(console.ListAdmin):
    """Reference data: changed by people who are responsible for the whole city; never deleted, for history
    and plans name it."""

    warn_unsaved_form = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not console.is_limited(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not console.is_limited(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Department)
class DepartmentAdmin(SetupAdmin):
    list_display = ("name", "code", "email", "people", "active")
    list_filter = ("active",)
    search_fields = ("name", "code")
    form = DepartmentForm
    fields = ("name", "code", "email", "active", "staff", "working_hours", "closed_days")
    autocomplete_fields = ("staff",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        mine = super().get_queryset(request).filter(within_departments(request.user, "pk"))
        counted: QuerySet[Any] = mine.annotate(people_count=Count("staff", filter=Q(staff__is_active=True)))
        return counted

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()  # plans name departments by their code

    @admin.display(description=gettext_lazy("People"), ordering="people_count")
    def people(self, department: Any) -> int:
        return int(department.people_count)


@admin.register(Category)
class CategoryAdmin(SetupAdmin):
    list_display = ("name", "code", "department", "target_column", "active")
    list_filter = ("active", ("department", WithinMyDepartments))
    list_select_related = ("department",)
    search_fields = ("name", "code")
    fields = ("name", "code", "department", "target", "active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(within_departments(request.user, "department"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    @admin.display(description=gettext_lazy("Target"), ordering="target", empty_value="")
    def target_column(self, category: Any) -> str:
        return words_of(category.target)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "target" and field is not None:
            field.validators.append(_working_time)
        return field


def _working_time(text: str) -> None:
    """A category's target is read by the plan language: a broken one would spoil every plan's validation."""
    if not WORKING_TIME.fullmatch(text):
        raise forms.ValidationError(_("Write working time like P2D, PT4H or P1DT4H."))

"""People's tasks in the admin: the inbox, the list of all, and a page to decide and arrange one."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from executions.console.arranging import (
    ARRANGEMENTS,
    GIVE_LINK,
    ArrangeForm,
    task_buttons,
    url_name,
    ways_for,
)
from executions.console.columns import due_words
from executions.console.home import ForWhom
from executions.console.inbox import sections_for
from executions.console.keys import INBOX_KEYS
from executions.console.task_form import TaskForm, posted_form
from executions.console.task_page import DECIDE, ensure_may_answer, is_overdue, labels_of, task_page
from executions.console.whom import named, role_named
from executions.deciding import GIVES_ANSWER, decide_task, ensure_open
from executions.models import HumanTask, TaskStatus
from executions.task_models import OPEN_FIRST, TASK_WORDS
from executions.tasks import APPROVAL, COMPENSATION_FAILED, ESCALATION, UNCERTAIN_EFFECT
from issues.admin import WithinMyDepartments
from issues.lists import query_for
from mudda import console
from mudda.errors import Forbidden, MuddaError
from mudda.long_lists import offering
from workflows.plan.catalogue import offered
from workflows.plan.schema import GROUPS

TO_DO = (TaskStatus.OPEN, TaskStatus.ON_HOLD)


def kinds() -> list[str]:
    """What tasks are about: what people do for plans, and what runs ask them."""
    asked = (APPROVAL, UNCERTAIN_EFFECT, ESCALATION, COMPENSATION_FAILED)
    return [*asked, *(one.activity_id for one in offered().values() if one.done_by == "person")]


class OpenFirst(admin.SimpleListFilter):
    """Open and held tasks unless something else is asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ours = [
            ("todo", _("To be done")),
            ("mine", _("Claimed by me or given to me")),
            ("overdue", _("Overdue")),
        ]
        return [*ours, *((value, console.in_words(value)) for value in TaskStatus.values)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "todo":
            return queryset.filter(status__in=TO_DO)
        if self.value() == "mine":
            return queryset.filter(status__in=TO_DO, assignee=request.user.pk)
        if self.value() == "overdue":
            return queryset.filter(status=TaskStatus.OPEN, due_at__lt=timezone.now())
        return queryset.filter(status=self.value()) if self.value() in TaskStatus.values else queryset


@admin.register(HumanTask)
class TaskAdmin(console.RoomAdmin):
    page_template = "admin/console/task.html"
    list_before_template = "admin/console/tasks_before.html"
    empty_says = gettext_lazy("Runs open tasks when they need a person: an approval, an inspection, a crew.")
    list_display = (
        "title", "issue_column", "status_column", "due_column", "group", "assignee", "department", "opened_at",
    )  # fmt: skip
    list_filter = (
        OpenFirst,
        ForWhom,
        ("group", offering(lambda: GROUPS)),
        ("department", WithinMyDepartments),
        ("kind", offering(kinds)),
    )
    list_select_related = ("execution__plan__issue", "department", "assignee")
    search_fields = ("title", "question")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        heavy = ("execution__compiled", "execution__execution_data", "execution__issue_facts")
        return super().get_queryset(request).defer(*heavy)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        query = query_for(search_term)
        if query is None:
            return (queryset.none() if search_term.strip() else queryset), False
        return queryset.alias(words=TASK_WORDS).filter(words=query), False

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (OPEN_FIRST, "-opened_at", "-pk")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        related = ("execution__plan__issue", "department", "decided_by", "assignee")
        heavy = ("execution__compiled", "execution__issue_facts")
        return console.find(
            HumanTask.objects.visible_to(request.user).select_related(*related).defer(*heavy), object_id
        )

    def get_urls(self) -> list[URLPattern]:
        ours = self.admin_site.admin_view
        arranged = [
            path(
                f"<uuid:task_id>/{way}/",
                ours(self.arrange_view),
                {"way": way},
                name=url_name(way).removeprefix("admin:"),
            )
            for way in ARRANGEMENTS
        ]
        return [
            path("mine/", ours(self.inbox_view), name="executions_mytask_changelist"),
            path("<uuid:task_id>/decide/", ours(self.decide_view), name="executions_humantask_decide"),
            *arranged,
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("Issue"), ordering="execution__plan__issue")
    def issue_column(self, task: HumanTask) -> str:
        return task.execution.plan.issue.reference

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def status_column(self, task: HumanTask) -> SafeString:
        return console.badge(task.status)

    @admin.display(description=gettext_lazy("Due"), ordering="due_at", empty_value="")
    def due_column(self, task: HumanTask) -> SafeString | None:
        return due_words(task.due_at, is_overdue(task))

    def page_parts(self, request: HttpRequest, task: HumanTask) -> Iterable[console.Part]:
        return task_buttons(task, ways_for(task, console.person(request)))

    def page_context(self, request: HttpRequest, task: HumanTask) -> dict[str, Any]:
        return task_page(request, task)

    def inbox_view(self, request: HttpRequest) -> HttpResponse:
        """What this person has to do, what is due first at the top."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        all_tasks = reverse("admin:executions_humantask_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("My tasks"),
            "sections": sections_for(console.person(request), all_tasks, timezone.now()),
            "all_url": f"{all_tasks}?state=todo",
            "keys": INBOX_KEYS,
        }
        return TemplateResponse(request, "admin/console/inbox.html", context)

    def arrange_view(self, request: HttpRequest, task_id: UUID, way: str) -> HttpResponse:
        """Claim a task, hand it on, put it on hold and so on: at once, or through a page that asks."""
        arrangement = ARRANGEMENTS[way]
        if arrangement.form is None and request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self.find_or_deny(request, task_id, DECIDE)
        if task is None:
            return self.gone(request, task_id)
        try:
            ensure_open(task)
            form = (arrangement.form or ArrangeForm)(task, request.POST if request.method == "POST" else None)
            if request.method != "POST" or not form.is_valid():
                return self._ask_how(request, task, way, form)
            try:
                result = arrangement.service(task_id=task.pk, by=console.person(request), **form.arguments())
            except MuddaError as error:
                if not error.errors or arrangement.form is None:
                    raise
                form.show(error.errors)
                return self._ask_how(request, task, way, form)
        except MuddaError as error:
            console.tell(request, error)
            return redirect(console.page_of(task))
        if way == GIVE_LINK:
            return self._link_once(request, task, result)
        messages.success(request, str(arrangement.done))
        return redirect(_back(request) or console.page_of(task))

    def _ask_how(self, request: HttpRequest, task: HumanTask, way: str, form: ArrangeForm) -> HttpResponse:
        """The page that asks, for those who are offered the way: it names colleagues.

        Raises:
            Forbidden: the person could not do it now.
        """
        if way not in ways_for(task, console.person(request)):
            raise Forbidden("This is not yours to do with the task as it is now.")
        arrangement = ARRANGEMENTS[way]
        context = {
            "title": arrangement.title,
            "intro": arrangement.intro,
            "submit": arrangement.button,
            "tone": arrangement.tone or "primary",
            "form": form,
            "cancel_url": console.page_of(task),
            "about": task,
        }
        status = 422 if form.errors else 200
        return self.ask(request, task, "admin/console/form.html", context, status)

    def _link_once(self, request: HttpRequest, task: HumanTask, made: Any) -> HttpResponse:
        link, url = made
        context = {
            "title": _("The link to this task"),
            "link": link,
            "url": url,
            "whom": role_named(link.role, named(task.department)),
            "cancel_url": console.page_of(task),
            "about": task,
        }
        response = self.ask(request, task, "admin/console/link_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def decide_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Decide a task, or only keep the files that were chosen."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self.find_or_deny(request, task_id, DECIDE)
        if task is None:
            return self.gone(request, task_id)
        form: TaskForm | None = None
        try:
            ensure_may_answer(task, console.person(request))
            if "save" in request.POST or request.POST.get("outcome") in GIVES_ANSWER.intersection(
                task.outcomes
            ):
                form = posted_form(request, task, labels_of(task))
                if "save" in request.POST:
                    return self._saved(request, task, form)
                if not form.is_valid() or form.file_errors:
                    return self._again(request, task, form)
            self._decide(request, task, form)
        except MuddaError as error:
            if form is not None and error.errors:
                form.show(error.errors)
                return self._again(request, task, form)
            console.tell(request, error)
            return redirect(console.page_of(task))
        messages.success(
            request,
            _("Thank you. The run has been told.") if task.awaited else _("Thank you. It is noted."),
        )
        return redirect(console.page_of(task))

    def _decide(self, request: HttpRequest, task: HumanTask, form: TaskForm | None) -> None:
        decide_task(
            task_id=task.pk,
            outcome=request.POST.get("outcome", ""),
            answer=form.answer() if form is not None else None,
            comment=_comment(request),
            by=console.person(request),
        )

    def _saved(self, request: HttpRequest, task: HumanTask, form: TaskForm) -> HttpResponse:
        form.be_quiet()
        if form.file_errors:
            return self._again(request, task, form)
        said = _("Saved so far. Send it when everything is filled in.")
        return self.render_page(request, task, {"form": form, "comment": _comment(request), "said": said})

    def _again(self, request: HttpRequest, task: HumanTask, form: TaskForm) -> HttpResponse:
        """The page with what was typed, and what is wrong with it."""
        return self.render_page(request, task, {"form": form, "comment": _comment(request)}, status=422)


def _back(request: HttpRequest) -> str:
    """The inbox, for whoever claimed a task there."""
    inbox = reverse("admin:executions_mytask_changelist")
    return inbox if request.POST.get("back") == "inbox" else ""


def _comment(request: HttpRequest) -> str:
    return request.POST.get("comment", "")[:2_000].replace("\x00", "")

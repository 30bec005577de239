"""The page behind a signed link: one task, on a phone, without an account and without JavaScript.

The token is in the address of the first GET only. That answers with a signed cookie, good for this link's page
alone, and redirects there, so that no later address, Referer or bookmark has the token. A GET or HEAD decides
nothing: mail scanners open links. Each page's cookie has a path of its own, so that two tasks that are open side
by side can't be mistaken for one another.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from executions.accepting import AlreadyAccepted, accept_task, decline_task
from executions.adapters.errors import AdapterError
from executions.deciding import TaskClosed, decide_task
from executions.link_forms import AcceptForm, DeclineForm, ReportForm
from executions.links import LinkExpired, LinkRevoked, ensure_usable, find_link
from executions.models import HumanTask, StepRun, TaskLink, TaskStatus, TaskUpload
from executions.tasks import DONE
from executions.uploads import add_upload
from mudda.errors import MuddaError
from mudda.files.checking import ACCEPTED
from mudda.files.serving import file_response
from mudda.languages import in_words, translated
from workflows.plan.core import ASK_REPORTER, DISPATCH_CREW, INSPECT_SITE

COOKIE, SALT = "mudda_task", "mudda.executions.link_views"
COOKIE_LIVES = timedelta(hours=24)
"""From the last visit: a crew opens the page in the morning and reports in the evening."""
CONTENT_SECURITY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
OPEN = (TaskStatus.OPEN, TaskStatus.ON_HOLD)
CREW_KINDS = (DISPATCH_CREW.activity_id, INSPECT_SITE.activity_id)


@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Trade the token for the page's cookie."""
    link = find_link(token)
    if link is None:
        return _say(request, "unknown", 404)
    response = redirect("link-page", link_id=link.pk)
    _admit(response, link)
    return _guarded(response, referrer="no-referrer")


@require_http_methods(["GET", "HEAD", "POST"])
def task_page(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Show the task, or take what its form says."""
    link = _admitted(request, link_id)
    if link is None:
        return _say(request, "lost", 403)
    try:
        ensure_usable(link)
        if link.task.status not in OPEN:
            return _closed(request, link, 409 if request.method == "POST" else 200)
        response = _Page(request, link).answer()
    except LinkExpired:
        return _say(request, "expired", 410, link)
    except LinkRevoked:
        return _say(request, "revoked", 410, link)
    except TaskClosed:  # somebody was faster
        link.task.refresh_from_db()
        return _closed(request, link, 409)
    _admit(response, link)
    return response


@require_safe
def read_file(request: HttpRequest, link_id: UUID, upload_id: UUID) -> HttpResponseBase:
    """A file of this task."""
    link = _admitted(request, link_id)
    upload = TaskUpload.objects.filter(pk=upload_id, task=link.task).first() if link is not None else None
    if link is None or upload is None:
        return _say(request, "unknown", 404)
    try:
        ensure_usable(link)
    except MuddaError:
        return _say(request, "expired", 410, link)
    return file_response(upload)


class _Page:
    """One request to the page of a link that is good, to a task that was open a moment ago."""

    def __init__(self, request: HttpRequest, link: TaskLink) -> None:
        self.request, self.link, self.task = request, link, link.task
        self.is_crew = self.task.kind == DISPATCH_CREW.activity_id
        self.accept, self.decline = AcceptForm(), DeclineForm()
        self.accept.initial = {"arrival_at": timezone.localtime() + timedelta(hours=1)}
        self.report: ReportForm | None = None
        self.file_errors: dict[str, list[str]] = {}
        self.notice = ""
        self.quiet = True

    def answer(self) -> HttpResponse:
        match self.request.POST.get("do") if self.request.method == "POST" else None:
            case "accept" if self.is_crew:
                return self._accept()
            case "decline" if self.is_crew:
                return self._decline()
            case "save" | "done" as what:
                return self._report(done=what == "done")
        return self._show()

    def _accept(self) -> HttpResponse:
        self.accept, self.quiet = AcceptForm(self.request.POST), False
        if not self.accept.is_valid():
            return self._show(422)
        try:
            accept_task(task_id=self.task.pk, by=self.link, **self.accept.cleaned_data)
        except AlreadyAccepted as error:
            self.task.refresh_from_db()
            self.notice = translated(error.detail)
            return self._show(409)
        except MuddaError as error:
            if not error.errors:
                raise
            self.accept.show(error.errors)
            return self._show(422)
        return self._again()

    def _decline(self) -> HttpResponse:
        self.decline, self.quiet = DeclineForm(self.request.POST), False
        if not self.decline.is_valid():
            return self._show(422)
        decline_task(task_id=self.task.pk, by=self.link, **self.decline.cleaned_data)
        return self._again()

    def _report(self, *, done: bool) -> HttpResponse:
        """Keep the files first, whatever else is wrong: nobody should have to send them twice."""
        data = self.request.POST.copy()
        self._keep_files(data)
        self.report = self._report_form(data)
        if not done:
            self.notice = (
                "" if self.file_errors else gettext("Saved so far. Send it when everything is filled in.")
            )
            return self._show(422 if self.file_errors else 200)
        self.quiet = False
        if not self.report.is_valid() or self.file_errors:
            return self._show(422)
        try:
            decide_task(task_id=self.task.pk, outcome=DONE, answer=self.report.answer(), by=self.link)
        except MuddaError as error:
            if not error.errors:
                raise
            self.report.show(error.errors)
            return self._show(422)
        return self._again()

    def _keep_files(self, data: QueryDict) -> None:
        for name in self._report_form().photo_fields:
            for file in self.request.FILES.getlist(f"files-{name}"):
                try:
                    upload = add_upload(task_id=self.task.pk, file=file, title=file.name or "", by=self.link)
                except (TaskClosed, LinkExpired, LinkRevoked):
                    raise
                except AdapterError:
                    self._blame(
                        name, file.name, gettext("It could not be stored just now. Please try again.")
                    )
                except MuddaError as error:
                    self._blame(name, file.name, translated(error.detail))
                else:
                    data.appendlist(f"answer-{name}", str(upload.pk))

    def _blame(self, name: str, file: str | None, message: str) -> None:
        named = (file or gettext("A file"))[:80]
        self.file_errors.setdefault(name, []).append(f"{named}: {message}")

    def _report_form(self, data: Any = None) -> ReportForm:
        uploads = list(self.task.uploads.order_by("created_at", "pk"))
        form = ReportForm(self.task.form, _labels(self.task), data, kind=self.task.kind, uploads=uploads)
        form.initial = {"crew": self.task.crew}
        return form

    def _again(self) -> HttpResponse:
        return _guarded(redirect("link-page", link_id=self.link.pk))

    def _show(self, status: int = 200) -> HttpResponse:
        task = self.task
        report = self.report or self._report_form()
        context = {
            **_facts(self.link),
            "is_crew": self.is_crew,
            "accepted": task.accepted_at is not None or not self.is_crew,
            "accept": self.accept,
            "decline": self.decline,
            "report": report,
            "fields": [
                (field, field.name in report.photo_fields, self.file_errors.get(field.name, []))
                for field in report
            ],
            "accepted_types": ACCEPTED,
            "notice": self.notice,
            "quiet": self.quiet,
        }
        return _guarded(render(self.request, "links/task.html", context, status=status))


def _facts(link: TaskLink) -> dict[str, Any]:
    """What the page may say: of the task, and of nothing else."""
    task = link.task
    facts: dict[str, Any] = {
        "city_name": settings.CITY_NAME,
        "task": task,
        "not_real": task.is_sandbox,
        "to_reporter": link.role == "issue.reporter",
        "reference": task.execution.plan.issue.reference,
    }
    inputs = _inputs(task)
    if task.kind in CREW_KINDS and link.role.startswith("department:"):
        facts |= {"address": inputs.get("address", ""), "urgency": inputs.get("urgency", "")}
        facts["urgency_words"] = in_words(str(facts["urgency"])).lower()
    return facts


def _inputs(task: HumanTask) -> dict[str, Any]:
    steps = StepRun.objects.filter(execution=task.execution_id, step_id=task.step_id)
    inputs = steps.values_list("inputs", flat=True).first()
    return inputs if isinstance(inputs, dict) else {}


def _labels(task: HumanTask) -> dict[str, str]:
    if task.kind == ASK_REPORTER.activity_id:
        return {"answer": gettext("Your answer")}
    asked = _inputs(task).get("questions")
    if not isinstance(asked, dict):
        return {}
    return {name: str(one["ask"]) for name, one in asked.items() if isinstance(one, dict) and one.get("ask")}


# --- who is let in, and what every answer says ---------------------------------------------------------


def _admit(response: HttpResponse, link: TaskLink) -> None:
    response.set_signed_cookie(
        COOKIE,
        str(link.pk),
        salt=SALT,
        max_age=COOKIE_LIVES,
        path=reverse("link-page", args=[link.pk]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # Strict would not come along from the letter's click
    )


def _admitted(request: HttpRequest, link_id: UUID) -> TaskLink | None:
    shown = request.get_signed_cookie(COOKIE, "", salt=SALT, max_age=COOKIE_LIVES)
    if shown != str(link_id):
        return None
    heavy = ("task__execution__compiled", "task__execution__execution_data", "task__execution__issue_facts")
    links = TaskLink.objects.select_related("task__execution__plan__issue", "task__department")
    return links.defer(*heavy).filter(pk=link_id).first()


def _say(request: HttpRequest, what: str, status: int, link: TaskLink | None = None) -> HttpResponse:
    not_real = link is not None and link.task.is_sandbox
    context = {"city_name": settings.CITY_NAME, "what": what, "not_real": not_real}
    return _guarded(render(request, "links/closed.html", context, status=status))


def _closed(request: HttpRequest, link: TaskLink, status: int) -> HttpResponse:
    task = link.task
    if task.decided_role:
        is_reporter = task.decided_role == "issue.reporter"
        who = gettext("the reporter") if is_reporter else gettext("the department")
    else:
        who = gettext("a member of staff")
    context = {
        "city_name": settings.CITY_NAME,
        "what": task.status,
        "not_real": task.is_sandbox,
        "who": who,
        "when": task.decided_at,
        "late": status == 409,
    }
    return _guarded(render(request, "links/closed.html", context, status=status))


def _guarded(response: HttpResponse, *, referrer: str = "same-origin") -> HttpResponse:
    """The page itself sends Referer to itself only: Django's CSRF check wants an Origin, and with ``no-referrer``
    browsers say that it is null. Its address has no token."""
    response["Referrer-Policy"] = referrer
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = CONTENT_SECURITY
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response

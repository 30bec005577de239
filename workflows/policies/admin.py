"""Policies in the admin: read, write, put in force, withdraw, and try what a search finds."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from issues.admin import WithinMyDepartments
from mudda import console
from mudda.errors import PreconditionFailed
from mudda.languages import translated
from workflows.policies.citing import citation
from workflows.policies.forms import NewPolicyForm, PublishForm, SearchForm, TextForm, VersionForm
from workflows.policies.models import PolicyDocument, PolicyStatus, PolicyVersion
from workflows.policies.search import search_passages
from workflows.policies.services import (
    create_policy,
    current_version,
    may_write,
    newest_version,
    publish_policy,
    revise_policy,
    withdraw_policy,
)

ADD, CHANGE = "workflows.add_policydocument", "workflows.change_policydocument"
TONES = {PolicyStatus.DRAFT: "DRAFT", PolicyStatus.PUBLISHED: "APPROVED", PolicyStatus.WITHDRAWN: "ARCHIVED"}
"""The statuses of plans that the colours are borrowed from."""


@admin.register(PolicyDocument)
class PolicyAdmin(console.RoomAdmin):
    page_template = "admin/console/policy.html"
    list_display = ("heading", "status_column", "department_column", "language", "version", "updated_at")
    list_filter = ("status", ("department", WithinMyDepartments), "language")
    list_select_related = ("department", "current")
    search_fields = ("heading", "current__text")
    search_help_text = _("Words as they stand there. “Try a search” finds what a citizen's words are about.")
    actions_list = ("search",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(ADD))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("current__text")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        rows = PolicyDocument.objects.visible_to(request.user).select_related("department", "current")
        return console.find(rows, object_id)

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("<uuid:policy_id>/edit/", self.edit_view, "edit"),
            ("<uuid:policy_id>/publish/", self.publish_view, "publish"),
            ("<uuid:policy_id>/withdraw/", self.withdraw_view, "withdraw"),
        )
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"workflows_policydocument_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description=_("Status"), ordering="status")
    def status_column(self, document: PolicyDocument) -> SafeString:
        return _badge(document)

    @admin.display(description=_("Department"), ordering="department")
    def department_column(self, document: PolicyDocument) -> str:
        return str(document.department or gettext("the whole city"))

    @admin.display(description=_("Version"), ordering="current__number")
    def version(self, document: PolicyDocument) -> int | None:
        return document.current.number if document.current else None

    # --- reading ------------------------------------------------------------------------------------

    def page_parts(self, request: HttpRequest, document: PolicyDocument) -> Iterable[console.Part]:
        if not _may_change(request, document):
            return
        shown = _shown(request, document)
        in_force = document.status == PolicyStatus.PUBLISHED
        if not in_force or shown.pk != document.current_id:
            address = f"{_address('publish', document)}?version={shown.number}"
            yield console.Button(
                gettext("Publish version %(number)s") % {"number": shown.number}, address, "primary"
            )
        yield console.Button(gettext("Edit"), _address("edit", document))
        if in_force:
            yield console.Button(gettext("Withdraw"), _address("withdraw", document), "danger")

    def page_context(self, request: HttpRequest, document: PolicyDocument) -> dict[str, Any]:
        shown, newest = _shown(request, document), newest_version(document)
        return {
            "title": shown.heading,
            "status": _badge(document),
            "shown": shown,
            "current": current_version(document),
            "in_force": document.status == PolicyStatus.PUBLISHED and shown.pk == document.current_id,
            "newest": newest,
            "citation": citation(document.pk, shown.number),
            "passages": shown.passages.defer("search"),
            "versions": document.versions.select_related("author").defer("text").order_by("-number"),
            "search_url": reverse("admin:workflows_policydocument_search"),
            "history": console.history_of(document),
        }

    def _search(self, request: HttpRequest) -> HttpResponse:
        """What a citizen's words find among the policies in force that the person may see."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = SearchForm(request.GET or None, user=request.user)
        documents = PolicyDocument.objects.visible_to(request.user).beside(None)
        words = request.GET.get("q", "")
        if form.is_valid() and form.cleaned_data["department"] is not None:
            documents = documents.within(form.cleaned_data["department"].code)
        found = search_passages(words, documents) if words.strip() else []
        rows = [
            (p, f"{_page(p.document)}?version={p.version}", citation(p.document, p.version)) for p in found
        ]
        context = {
            "title": gettext("Try a search of the policies"),
            "form": form,
            "words": words,
            "rows": rows,
            "cancel_url": reverse("admin:workflows_policydocument_changelist"),
        }
        return self.ask(request, None, "admin/console/policy_search.html", context)

    search = action(description=_("Try a search"), icon="search", url_path="search")(_search)

    # --- writing ------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewPolicyForm(request.POST or None, request.FILES or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            given = {name: value for name, value in form.cleaned_data.items() if name != "file"}
            made = console.carry_out(
                request,
                lambda: create_policy(**given, by=request.user),
                gettext(
                    "Saved as a draft. Please read what it was cut into; it grounds plans once it is published."
                ),
            )
            if made is not None:
                return redirect(console.page_of(made))
        changelist = reverse("admin:workflows_policydocument_changelist")
        return self._write(request, None, form, gettext("Write a policy"), changelist)

    def edit_view(self, request: HttpRequest, policy_id: UUID) -> HttpResponse:
        document = self._find(request, policy_id)
        if document is None:
            return self.gone(request, policy_id)
        title = gettext("Edit %(what)s") % {"what": document.heading}
        newest = newest_version(document)
        if request.method != "POST":
            initial = {"heading": newest.heading, "text": newest.text, "seen": newest.number}
            return self._write(request, document, VersionForm(initial=initial), title)
        form = VersionForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._write(request, document, form, title)
        given = form.cleaned_data

        def save() -> PolicyDocument | None:
            try:
                return revise_policy(
                    policy_id=policy_id,
                    heading=given["heading"],
                    text=given["text"],
                    source=given["source"],
                    expected_version=given["seen"],
                    by=console.person(request),
                )
            except PreconditionFailed:
                return None

        saved = console.carry_out(request, lambda: [save()], "")
        if saved is None:
            return self._write(request, document, form, title, status=422)
        if saved[0] is None:
            words = gettext(
                "Somebody else wrote a version meanwhile. Your text is still here; it was not saved."
            )
            messages.error(request, words)
            return self._write(request, document, form, title, status=409)
        number = newest_version(saved[0]).number
        messages.success(request, gettext("Saved: version %(number)s is the newest.") % {"number": number})
        return redirect(f"{console.page_of(document)}?version={number}")

    def _write(
        self,
        request: HttpRequest,
        document: PolicyDocument | None,
        form: TextForm,
        title: str,
        cancel_url: str = "",
        status: int | None = None,
    ) -> HttpResponse:
        context = {
            "title": title,
            "form": form,
            "intro": gettext(
                "It grounds no plan until it is published; the version in force stays so until then."
            ),
            "cancel_url": cancel_url or (console.page_of(document) if document else ""),
        }
        status = status or (422 if form.errors else 200)
        return self.ask(request, document, "admin/console/policy_form.html", context, status)

    # --- deciding -----------------------------------------------------------------------------------

    def publish_view(self, request: HttpRequest, policy_id: UUID) -> HttpResponse:
        number = request.GET.get("version", "")
        form = PublishForm(request.POST or None, initial={"version": number})
        intro = gettext("Version %(number)s is then in force: plans are grounded on it and may cite it.") % {
            "number": number
        }

        def publish() -> PolicyDocument:
            version = form.cleaned_data["version"]
            return publish_policy(policy_id=policy_id, version=version, by=request.user)

        words = {"title": gettext("Publish this policy?"), "intro": intro, "submit": gettext("Publish")}
        return self._decide(request, policy_id, form, words, publish, gettext("Published."))

    def withdraw_view(self, request: HttpRequest, policy_id: UUID) -> HttpResponse:
        words = {
            "title": gettext("Withdraw this policy?"),
            "intro": gettext(
                "It grounds no more plans. Plans that cite it say so; it can be published again."
            ),
            "submit": gettext("Withdraw"),
            "tone": "danger",
        }

        def withdraw() -> PolicyDocument:
            return withdraw_policy(policy_id=policy_id, by=console.person(request))

        form = forms.Form(request.POST if request.method == "POST" else None)
        return self._decide(request, policy_id, form, words, withdraw, gettext("Withdrawn."))

    def _decide(
        self,
        request: HttpRequest,
        policy_id: UUID,
        form: forms.Form,
        words: dict[str, str],
        work: Callable[[], PolicyDocument],
        done: str,
    ) -> HttpResponse:
        document = self._find(request, policy_id)
        if document is None:
            return self.gone(request, policy_id)
        if request.method == "POST" and form.is_valid():
            console.carry_out(request, work, done)
            return redirect(console.page_of(document))
        context = {"form": form, "about": document.heading, "cancel_url": console.page_of(document), **words}
        status = 422 if form.errors else 200
        return self.ask(request, document, "admin/console/form.html", context, status)

    def _find(self, request: HttpRequest, policy_id: UUID) -> PolicyDocument | None:
        """The document that the person may write; None where they may not see it."""
        document: PolicyDocument | None = self.find_or_deny(request, policy_id, CHANGE)
        if document is not None and not may_write(document.department, request.user):
            raise PermissionDenied
        return document


def _may_change(request: HttpRequest, document: PolicyDocument) -> bool:
    return request.user.has_perm(CHANGE) and may_write(document.department, request.user)


def _shown(request: HttpRequest, document: PolicyDocument) -> PolicyVersion:
    """The version that the person asked for, else the one in force."""
    number = request.GET.get("version", "")
    asked = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        asked = document.versions.select_related("author").filter(number=int(number)).first()
    return asked or current_version(document)


def _badge(document: PolicyDocument) -> SafeString:
    label = PolicyStatus(document.status).label
    return console.badge(TONES[PolicyStatus(document.status)], translated(str(label)))


def _address(view: str, document: PolicyDocument) -> str:
    return reverse(f"admin:workflows_policydocument_{view}", args=[document.pk])


def _page(document: str) -> str:
    return reverse("admin:workflows_policydocument_change", args=[document])

"""What reporters are told at each state of their issue, by category: the city's own words for it, with a preview.

A step of one playbook may have words of its own, on the playbook's page; those are said before these.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from issues.models import Category, IssueStatus
from mudda import console
from mudda.languages import in_words
from workflows.console.playbooks import VIEW
from workflows.console.wording import WordingForm, keep, may_write, preview
from workflows.planning.playbooks import Playbook, load_playbooks
from workflows.planning.shelf import GENERAL
from workflows.wording import (
    EVERY,
    Message,
    Words,
    forget_state,
    letters_at,
    states_told,
    word_state,
    words_of_city,
)


@dataclass(frozen=True)
class Cell:
    """Whose words are said to reporters of a category at a state: ``own``, those for ``every`` category, what
    ``ships``; "" where nobody is told anything."""

    state: str
    whose: str
    url: str


@dataclass(frozen=True)
class Row:
    name: str
    cells: tuple[Cell, ...]


def message_list(request: HttpRequest) -> HttpResponse:
    """All categories with whose words are said at which state."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    states = states_told()
    context = {
        **admin.site.each_context(request),
        "title": gettext("Messages"),
        "states": [state_in_words(state) for state in states],
        "rows": list(_rows(states)),
        "may_write": may_write(request),
        "playbooks_url": reverse("admin:playbooks"),
    }
    return TemplateResponse(request, "admin/console/messages.html", context)


def state_in_words(state: str) -> str:
    """A state as the one who reported it hears of it."""
    return gettext("Received") if state == IssueStatus.OPEN else in_words(state)


def _rows(states: list[str]) -> Iterator[Row]:
    words = words_of_city()
    names = Category.objects.filter(active=True).values_list("code", "name")
    for code, name in ((EVERY, gettext("Every category")), *names):
        yield Row(name, tuple(_cell(code, state, words) for state in states))


def _cell(category: str, state: str, words: Words) -> Cell:
    if not letters_at(category, state, words):
        return Cell(state_in_words(state), "", "")
    if words.exactly_at_state(category, state):
        whose = "own"
    else:
        whose = "every" if words.at_state(category, state) else "ships"
    return Cell(state_in_words(state), whose, _address(category, state))


def _address(category: str, state: str) -> str:
    if category == EVERY:
        return reverse("admin:messages-every", args=[state])
    return reverse("admin:messages-category", args=[state, category])


def state_page(request: HttpRequest, state: str, category: str = EVERY) -> HttpResponse:
    """The words for a state, of one category or of every one, with how they would look."""
    if not (request.user.has_perm(VIEW) and may_write(request)):
        raise PermissionDenied
    words = words_of_city()
    letters = letters_at(category, state, words)
    found = Category.objects.filter(code=category).first()
    if not letters or (category != EVERY and found is None):
        raise Http404(state)
    page = reverse("admin:messages")
    do = request.POST.get("do", "") if request.method == "POST" else ""
    if do == "forget":
        forget_state(category=category, state=state)
        messages.success(request, gettext("These words are not said any more."))
        return redirect(page)
    now = _now(category, state, words, letters)
    form = WordingForm(request.POST or None, initial=now)
    by = console.person(request)
    if (
        do == "save"
        and form.is_valid()
        and keep(
            request, form, lambda: word_state(category=category, state=state, by=by, **form.cleaned_data)
        )
    ):
        return redirect(page)
    given = form.cleaned_data if form.is_bound and form.is_valid() else now
    context = {
        **admin.site.each_context(request),
        "title": state_in_words(state),
        "category": found or gettext("Every category"),
        "form": form,
        "own": words.exactly_at_state(category, state),
        "preview": preview(_sample(category), given["subject"], given["message"]),
        "letters": [(book, one, reverse("admin:playbook", args=[book.kind])) for book, one in letters],
        "cancel_url": page,
    }
    return TemplateResponse(
        request, "admin/console/message_wording.html", context, status=422 if form.errors else 200
    )


def _now(category: str, state: str, words: Words, letters: list[tuple[Playbook, Message]]) -> dict[str, str]:
    """What is said now; for every category nothing, as what ships is of one kind of issue each."""
    said = words.at_state(category, state)
    if said is not None:
        return {"subject": said.subject, "message": said.message}
    if category == EVERY:
        return {"subject": "", "message": ""}
    first = letters[0][1]
    return {"subject": first.shipped_subject, "message": first.shipped_message}


def _sample(category: str) -> Playbook:
    books = load_playbooks().playbooks
    return next((book for book in books.values() if book.category == category), books[GENERAL])


console.add_page("messages/", message_list, name="messages")
console.add_page("messages/<slug:state>/", state_page, name="messages-every")
console.add_page("messages/<slug:state>/<slug:category>/", state_page, name="messages-category")

"""What tests of pages look for."""

from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils.html import escape

HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "'-alert(1)-' </textarea></title></style>",
    "\u202eevil\u202c \u2067right\u2069 \u061c",
    "{{ 7*7 }} {% load static %} ${7*7} {{{{",
    "javascript:alert(1)",
)
"""Texts that have to be shown as they are and never do anything."""

MARKUP = ("<script>window", "<img src=x", "</textarea></title>", 'href="javascript:')


def said(response):
    """The messages that the next page shows."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def assert_tame(response, *shown):
    """The page is there, shows these texts, and none of the hostile ones as markup."""
    assert response.status_code in {200, 422}
    text = response.content.decode()
    for bad in MARKUP:
        assert bad not in text
    for one in shown:
        assert escape(one) in text


def page_of_task(task):
    return reverse("admin:executions_humantask_change", args=[task.pk])


def decision_on(task):
    """Where the page of a task sends what was decided."""
    return reverse("admin:executions_humantask_decide", args=[task.pk])


def assert_undecided(task):
    task.refresh_from_db()
    assert (task.status, task.outcome, task.answer) == ("open", "", None)

"""Every kind of error: told in one form, listed in the documents, and provoked here for real.

A class of errors that is new fails these tests until ``docs/errors.md`` lists it and a provocation (``by_*.py``) shows
how it comes about.
"""

import re
from collections import Counter

import pytest

from mudda.errors import MuddaError
from mudda.monitoring.logs import Ids
from tests.errors import (
    by_backups,
    by_issues,
    by_operators,
    by_plans,
    by_policies,
    by_requests,
    by_runs,
    by_sandboxes,
    by_webhooks,
)
from tests.errors.kinds import ROOT, every_kind, field_codes, given_codes, raised_families
from tests.errors.provoking import PROVOCATIONS, Scene
from tests.links.pictures import picture

PROVOKED_IN = (
    by_backups,
    by_issues,
    by_operators,
    by_plans,
    by_policies,
    by_requests,
    by_runs,
    by_sandboxes,
    by_webhooks,
)
PAGE = ROOT / "docs/errors.md"
HEADINGS = ("From the API", "Of commands, the dispatcher and the worker")
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
WORDS = re.compile(r"\S.* .*[.!?]", re.DOTALL)
"""A sentence. It may begin with the name of a field."""
NO_WORDS = re.compile(r"Traceback|Error\(|<class|psycopg|django\.|rest_framework")


def cases():
    for one in PROVOCATIONS:
        marks = [pytest.mark.django_db(transaction=True)] if one.committed else [pytest.mark.django_db]
        yield pytest.param(one, marks=marks, id=f"{one.kind.code}: {one.provoke.__name__}")


@pytest.mark.parametrize("provocation", list(cases()))
def test_an_error_is_what_its_kind_says_wherever_it_comes_from(provocation, request, caplog):
    caplog.set_level("INFO")
    caplog.handler.addFilter(Ids())
    kind = provocation.kind
    try:
        answer = provocation.provoke(Scene(request))
    except MuddaError as error:
        assert (type(error), error.code) == (kind, kind.code)
        assert error.detail
        return
    ensure_told(answer, kind, provocation.pointers)
    [line] = [line for line in caplog.records if line.request_id == answer["X-Request-ID"] and ours(line)]
    assert f"{kind.status} {kind.code}" in line.getMessage()


def ours(line):
    return line.name == "mudda.problems"


def ensure_told(answer, kind, pointers):
    """That an answer is a problem document of a kind, in words for people, with pointers where it is about fields."""
    assert (answer.status_code, answer["Content-Type"]) == (kind.status, "application/problem+json")
    told = answer.json()
    assert set(told) >= MEMBERS
    assert told["type"] == f"urn:mudda:problem:{kind.code}"
    assert (told["code"], told["status"], told["title"]) == (kind.code, kind.status, kind.title)
    assert WORDS.fullmatch(told["detail"]) and not NO_WORDS.search(told["detail"])
    assert told["request_id"] == answer["X-Request-ID"] != "-"
    assert set(pointers) <= {error["pointer"] for error in told.get("errors", [])}
    for error in told.get("errors", []):
        assert error["code"] and error["message"]
    if hasattr(kind, "retry_after"):
        assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("folder", "code"), [("/proc/nothing", "unavailable"), ("/tmp/nothing", "not_found")]
)
def test_a_storage_that_is_away_or_has_lost_a_file_is_502(api, issue, attach, settings, folder, code):
    """Its codes are given where it fails: by ``AdapterError``, a family."""
    path = f"{issue}/attachments"
    made = attach(path, picture())
    assert made.status_code == 201
    settings.MEDIA_ROOT = folder
    answer = attach(path, picture(colour="red")) if code == "unavailable" else api.get(made["Location"])
    assert (answer.status_code, answer["Content-Type"]) == (502, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["type"], told["request_id"]) == (
        code,
        f"urn:mudda:problem:{code}",
        answer["X-Request-ID"],
    )
    assert WORDS.fullmatch(told["detail"]) and folder not in told["detail"]


# --- none is forgotten ------------------------------------------------------------------------------


def test_every_kind_is_provoked():
    assert {one.provoke.__module__ for one in PROVOCATIONS} == {module.__name__ for module in PROVOKED_IN}
    assert {one.kind for one in PROVOCATIONS} == set(every_kind())


def test_no_family_is_raised_by_itself():
    assert raised_families() == []


def test_kinds_of_one_code_are_of_one_status():
    statuses = {(kind.code, kind.status) for kind in every_kind()}
    assert [code for code, many in Counter(code for code, _ in statuses).items() if many > 1] == []
    for kind in every_kind():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code) and WORDS.fullmatch(kind.title), kind


# --- the documents ----------------------------------------------------------------------------------


def listed(heading):
    """The rows of the table under a heading: code, then the other columns."""
    part = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in row.split(" | ")]
        for row in re.findall(r"^\| (`.*) \|$", part, re.MULTILINE)
    ]


def test_the_page_of_errors_lists_every_kind_with_its_status_and_its_title_and_no_other():
    known = sorted({(f"`{kind.code}`", str(kind.status), kind.title) for kind in every_kind()})
    rows = [row for heading in HEADINGS for row in listed(heading)]
    assert sorted(tuple(row[:3]) for row in rows) == known
    for row in rows:
        assert len(row) == 4 and row[3], row


def test_what_never_comes_from_the_api_is_listed_apart():
    unheard = {by_backups.__name__, by_operators.__name__}
    outside = {one.kind.code for one in PROVOCATIONS if one.provoke.__module__ not in unheard}
    assert {row[0].strip("`") for row in listed("From the API")} == outside


def test_the_page_of_errors_lists_every_code_that_failures_of_steps_and_planners_are_given():
    rows = [*listed("Of steps"), *listed("Of planners")]
    assert sorted(row[0].strip("`") for row in rows) == sorted(given_codes())


def test_the_page_of_errors_lists_every_code_that_a_field_may_have():
    rows = listed("Codes of fields")
    assert sorted(code for row in rows for code in re.findall(r"`(\w+)`", row[0])) == sorted(field_codes())


def test_every_code_that_the_api_page_and_others_name_is_one():
    """A code in a table's row or a sentence after its status is one that there is."""
    known = {kind.code for kind in every_kind()} | given_codes() | field_codes()
    for page in ("api", "keys", "webhooks"):
        text = (ROOT / f"docs/{page}.md").read_text()
        named = set(re.findall(r"\b4\d\d `([a-z_]+)`", text))
        assert named <= known, page

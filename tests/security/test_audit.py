"""The audit log as it is exported: everything that is kept about who did what, in order, and no secret."""

import json
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from issues.models import Issue
from issues.reading import read_reporter
from mudda.audit import AT_ONCE, COLUMNS
from mudda.models import ApiKey, Event, SignIn
from tests import factories
from tests.api.client import Api
from tests.security.signing import PASSWORD, make_person, sign_in

PAGE = Path(__file__).parents[2] / "docs/security.md"


def export(**given):
    written = StringIO()
    call_command("export_audit_log", **{"since": "2000-01-01", **given}, stdout=written)
    return written.getvalue()


def read(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def lived(db):
    """Somebody fails to sign in, then does, and makes a key; an issue is reported, and its reporter read."""
    factories.load_city()
    boss = make_person("boss", is_superuser=True)
    sign_in("boss", "not-the-password")
    browser = sign_in("boss", PASSWORD).client
    given = {"name": "Partner", "scopes": ["issues:write", "issues:read"], "owner": "me", "days": "30"}
    page = browser.post(reverse("admin:mudda_apikey_add"), {**given, "oauth": "on"}).content.decode()
    secrets = re.findall(r"\b[A-Za-z0-9]{8}\.[A-Za-z0-9]{20,}|\b[A-Za-z0-9]{60,}", page)
    api = Api(factories.make_key(owner=boss))
    report = {
        "statement": "Water leak at 12 Elm Street",
        "reporter": {"name": "Ottoline Quill", "email": "ottoline@example.org"},
    }
    answer = api.post("/issues", report)
    assert answer.status_code == 201, answer.content
    hook = api.post("/webhooks", {"url": "https://93.184.215.14/hook", "types": ["*"]})
    assert hook.status_code == 201, hook.content
    read_reporter(Issue.objects.get(), by=boss)
    return boss, [*secrets, hook.json()["secret"]], browser


def test_what_happened_is_exported_in_order_with_the_documented_columns(lived):
    boss, secrets, browser = lived
    key = ApiKey.objects.get(name="Partner")
    browser.post(reverse("admin:mudda_apikey_revoke", args=[key.pk]))
    text = export()
    found = read(text)
    assert all(tuple(entry) == COLUMNS for entry in found)
    moments = [entry["at"] for entry in found]
    assert moments == sorted(moments)
    told = [(entry["type"], entry["subject"], entry["actor_name"]) for entry in found]
    wanted = [
        ("sign_in.failed", f"auth.user:{boss.pk}", "boss"),
        ("sign_in.signed_in", f"auth.user:{boss.pk}", "boss"),
        ("admin.added", f"mudda.apikey:{key.pk}", "boss"),
        ("reporter.read", None, "boss"),
        ("admin.changed", f"mudda.apikey:{key.pk}", "boss"),
    ]
    places = [
        next(at for at, (kind, subject, name) in enumerate(told) if matches(kind, subject, name, one))
        for one in wanted
    ]
    assert places == sorted(places)
    assert len(found) == Event.objects.count() + SignIn.objects.count() + 2
    assert len({entry["id"] for entry in found}) == len(found)
    assert len(secrets) >= 3, "the key, its client's secret, the webhook's"
    for kept in (*secrets, PASSWORD, "not-the-password", "Ottoline", "ottoline@", "Elm Street"):
        assert kept not in text, kept


def matches(kind, subject, name, wanted):
    return kind == wanted[0] and (wanted[1] is None or subject == wanted[1]) and name == wanted[2]


def test_only_what_lies_between_is_exported_and_moments_are_exact(db):
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    moments = [noon + timedelta(microseconds=number) for number in (-1, 0, 1, 2)]
    SignIn.objects.bulk_create(SignIn(at=at, outcome="failed", request_id="r") for at in moments)
    between = read(export(since=moments[1].isoformat(), until=moments[3].isoformat()))
    assert [entry["at"] for entry in between] == [
        moments[1].isoformat("T", "microseconds"),
        moments[2].isoformat(),
    ]
    assert len(read(export(since="2026-01-05", until="2026-01-06"))) == 4
    with timezone.override("America/New_York"):
        assert read(export(since="2026-01-05T07:00", until="2026-01-05T07:01"))[0]["at"].endswith("000+00:00")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "yesterday"}, "is no date"),
        ({"since": "2026-02-30"}, "--since"),
        ({"since": "2026-01-02", "until": "2026-01-02"}, "not before"),
    ],
)
def test_what_is_no_time_is_said(db, given, said):
    with pytest.raises(CommandError, match=said):
        export(**given)


def test_much_is_fetched_in_parts_and_loses_nothing(db, monkeypatch):
    begin = timezone.now()
    for table in range(2):
        SignIn.objects.bulk_create(
            SignIn(at=begin + timedelta(seconds=2 * number + table), outcome="failed", request_id="r")
            for number in range(AT_ONCE)
        )
    fetched = []
    with connection.execute_wrapper(lambda run, sql, *rest: (fetched.append(sql), run(sql, *rest))[1]):
        found = read(export(until=(begin + timedelta(days=1)).isoformat()))
    assert len(found) == 2 * AT_ONCE
    assert [entry["at"] for entry in found] == sorted(entry["at"] for entry in found)
    assert len([sql for sql in fetched if "mudda_signin" in sql]) == 1, "one statement, read by a cursor"


def test_the_page_names_the_columns():
    section = PAGE.read_text().partition("## The audit log")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == COLUMNS

"""Personal data goes after its term, and nothing else does."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from executions.archiving import archive
from executions.models import HumanTask, StepRun, WorkflowExecution
from issues.models import Attachment, Issue, IssueNote, Reporter
from mudda import outbox, retention
from mudda.files.storage import open_document, store_document
from mudda.models import Event
from tests.backups.test_archiving import finished
from workflows.models import PlanApproval, PlanRevision

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("city", "folder", "media")]

TERM = 100
NAMES = ("reporters", "attachments", "statements", "runs")
CANARY = "Zebulon"
"""A name that stands in every row that may hold somebody's."""


@pytest.fixture
def terms(settings):
    """Every term is 100 days."""
    settings.RETENTION_DAYS = dict.fromkeys(NAMES, TERM)


def over(days: int) -> WorkflowExecution:
    """A run, and its issue with somebody's name everywhere, which were over so many days ago."""
    at = timezone.now() - timedelta(days=days)
    run = finished()
    issue = run.plan.issue
    reporter = Reporter.objects.create(name=CANARY, email=f"{CANARY}@example.org", created_at=at)
    Issue.objects.filter(pk=issue.pk).update(
        statement=f"{CANARY}'s cellar", address=f"{CANARY} St", reporter=reporter, status="CLOSED"
    )
    Issue.objects.filter(pk=issue.pk).update(ended_at=at, facts={"place": {"value": CANARY}})
    IssueNote.objects.create(issue=issue, text=CANARY)
    stored = store_document(CANARY.encode(), key=f"{run.pk}:x", suffix=".pdf", content_type="application/pdf")
    Attachment.objects.create(
        issue=issue, name=stored.name, title=CANARY, content_type="application/pdf", size=1, sha256="x"
    )
    StepRun.objects.filter(execution=run).update(
        inputs={"to": CANARY}, output={"by": CANARY}, error={"code": "bad", "message": CANARY}
    )
    HumanTask.objects.filter(execution=run).update(
        crew=CANARY, comment=CANARY, answer={"by": CANARY}, question=CANARY
    )
    WorkflowExecution.objects.filter(pk=run.pk).update(
        completed_at=at,
        execution_data={"caller": CANARY},
        issue_facts={"address": CANARY},
        failure={"code": "bad", "message": CANARY, "step_id": "confirm"},
    )
    return WorkflowExecution.objects.get(pk=run.pk)


def tables_with(word: str) -> list[str]:
    """Every table of the rooms that has the word in any row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'workflow')"
        )
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table} row WHERE row::text LIKE %s)", [f"%{word}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def lasting():
    return [
        list(model._default_manager.order_by("pk").values()) for model in (PlanApproval, PlanRevision, Event)
    ]


def test_after_its_term_nobodys_name_is_left_and_what_was_decided_is(terms):
    run = over(TERM + 1)
    [attachment] = Attachment.objects.all()
    assert len(tables_with(CANARY)) > 5
    before = lasting()
    retention.apply()
    assert tables_with(CANARY) == []
    assert lasting() == before
    run.refresh_from_db()
    assert (run.status, run.failure["code"]) == ("completed", "bad")
    assert run.approval.digest == run.revision.digest
    assert StepRun.objects.get(execution=run).error["code"] == "bad"
    assert HumanTask.objects.filter(execution=run).exists()
    assert Issue.objects.get().category.code == "water_leak"
    outbox.deliver_due()
    with pytest.raises(Exception, match="no such document"):
        open_document(attachment.name)


def test_before_its_term_everything_stays(terms):
    over(TERM - 1)
    before = tables_with(CANARY)
    outcomes = retention.apply()
    assert [outcome.due for outcome in outcomes] == [0, 0, 0, 0]
    assert tables_with(CANARY) == before


def test_without_a_term_everything_stays(settings):
    settings.RETENTION_DAYS = dict.fromkeys(NAMES, 0)
    over(10_000)
    before = tables_with(CANARY)
    retention.apply()
    assert tables_with(CANARY) == before


def test_whoever_has_an_issue_under_way_stays_known(terms):
    run = over(TERM + 1)
    reporter = run.plan.issue.reporter
    other = over(TERM + 1).plan.issue
    Issue.objects.filter(pk=other.pk).update(reporter=reporter, status="OPEN")
    retention.apply()
    assert list(Reporter.objects.all()) == [reporter]


def test_a_dry_run_counts_and_changes_nothing(terms):
    over(TERM + 1)
    before, said = tables_with(CANARY), StringIO()
    call_command("apply_retention", "--dry-run", "--json", stdout=said)
    assert {told["name"]: told["due"] for told in json.loads(said.getvalue())} == dict.fromkeys(NAMES, 1)
    assert tables_with(CANARY) == before
    report = StringIO()
    call_command("apply_retention", stdout=report)
    assert "reporters: 1 older than 100 days; removed 1 reporters" in report.getvalue()
    assert retention.apply()[0].due == 0


def test_what_is_archived_goes_as_well(terms, folder):
    run = over(TERM + 1)
    archive(run.pk, folder)
    assert folder.names()
    retention.apply()
    assert folder.names() == []
    assert tables_with(CANARY) == []
    assert StepRun.objects.filter(execution=run).exists()
    archive(run.pk, folder)  # now there is nothing of people in it
    assert [outcome.due for outcome in retention.apply()] == [0, 0, 0, 0]
    assert folder.names()

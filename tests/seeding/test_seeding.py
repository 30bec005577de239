"""The invented city: believable, whole, the same each time, and never where it doesn't belong."""

from collections import Counter
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Max, Q

from executions.models import OVER, HumanTask, StepRun, WorkflowExecution
from executions.seeding import filling
from executions.seeding.filling import SeededAlready, fill, floored
from issues.models import Issue, IssueNote, Reporter
from mudda import event_types
from mudda.models import Event
from workflows.models import PlanApproval, PlannerRun, PlanRevision, PlanStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.schema import canonical_text, digest
from workflows.plan.validation import has_errors, validate

NOW = datetime(2026, 5, 4, 15, tzinfo=UTC)
MANY = 1_500


@pytest.fixture
def seeded(db):
    return fill(MANY, seed=7, now=NOW)


def test_it_is_as_many_as_asked_for_in_every_status(seeded):
    assert seeded.issues == Issue.objects.count() == MANY
    assert seeded.plans == WorkflowPlan.objects.count() > 0.98 * MANY
    assert seeded.steps == StepRun.objects.count() > 5 * MANY
    assert seeded.events == Event.objects.count()
    assert set(WorkflowPlan.objects.values_list("status", flat=True)) >= set(PlanStatus.values) - {"DRAFTING"}
    runs = Counter(WorkflowExecution.objects.values_list("status", flat=True))
    assert set(runs) >= {"running", "completed", "failed", "cancelled"}
    assert runs["completed"] > 0.7 * sum(runs.values())
    assert set(Issue.objects.values_list("status", flat=True)) == {
        "OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", "REJECTED",
    }  # fmt: skip
    assert set(HumanTask.objects.values_list("status", flat=True)) >= {"open", "decided"}


def test_there_are_gaps_as_there_are_in_a_real_city(seeded):
    for gap in (Q(category=None), Q(reporter=None), Q(address=""), Q(latitude=None), Q(department=None)):
        assert 0 < Issue.objects.filter(gap).count() < MANY / 4


def test_streams_are_gapless_and_their_owners_know_the_last_number(seeded):
    streams = Event.objects.values("stream").annotate(count=Count("pk"), last=Max("seq"))
    assert [row for row in streams if row["count"] != row["last"]] == []
    last = {row["stream"]: row["last"] for row in streams}
    for model in (Issue, WorkflowPlan, WorkflowExecution):
        for owner in model.objects.only("pk", "event_seq"):
            assert owner.event_seq == last[owner.stream]


def test_events_are_of_known_types_with_known_members_and_in_the_order_of_time(seeded):
    kinds = event_types.known()
    for kind, data in Event.objects.values_list("type", "data").distinct():
        event_types.ensure_documented(kinds[kind], data)
    late = {}
    for stream, at in Event.objects.order_by("stream", "seq").values_list("stream", "at"):
        assert late.get(stream, at) <= at, stream
        late[stream] = at
    assert Event.objects.aggregate(last=Max("at"))["last"] <= NOW


def test_plans_are_ones_that_validate_and_are_what_was_approved(seeded):
    for revision in PlanRevision.objects.order_by("digest").distinct("digest"):
        assert not has_errors(validate(revision.document, offered()))
        assert (revision.canonical_text, revision.digest) == (
            canonical_text(revision.document), digest(revision.document),
        )  # fmt: skip
    assert not PlanApproval.objects.exclude(digest=F("revision__digest")).exists()
    assert not WorkflowPlan.objects.filter(status="APPROVED", current__approvals=None).exists()
    assert PlannerRun.objects.filter(status="done").count() == PlanRevision.objects.filter(number=1).count()
    assert PlanRevision.objects.filter(number=2).exists()


def test_runs_hang_together(seeded):
    runs = WorkflowExecution.objects.all()
    assert not runs.exclude(department=F("plan__issue__department")).filter(department__isnull=False).exists()
    assert not runs.filter(status__in=OVER, completed_at=None).exists()
    assert not runs.exclude(status__in=OVER).exclude(completed_at=None).exists()
    assert (
        not StepRun.objects.filter(execution__status="completed")
        .exclude(status__in=["completed", "skipped"])
        .exists()
    )
    assert not HumanTask.objects.filter(status="open", execution__status__in=OVER).exists()
    waiting = WorkflowExecution.objects.filter(status="running", tasks__status="open").distinct()
    assert waiting.exists()
    for run in runs.prefetch_related("steps")[:50]:
        assert [step.step_id for step in run.steps.all()] == [
            step["step_id"] for step in run.compiled["steps"]
        ]


def test_some_promises_are_kept_and_some_are_not(seeded):
    ended = Issue.objects.filter(status__in=["RESOLVED", "CLOSED"], due_at__isnull=False)
    kept = ended.filter(ended_at__lte=F("due_at")).count() / ended.count()
    assert 0.5 < kept < 0.95
    assert Issue.objects.filter(status__in=["OPEN", "IN_PROGRESS"], due_at__lt=NOW).exists()
    assert not Issue.objects.filter(ended_at__lt=F("reported_at")).exists()
    assert IssueNote.objects.exists()
    assert Reporter.objects.exclude(email="").values("email").annotate(n=Count("pk")).filter(n__gt=1).exists()


def content():
    """What was made, but for the numbers that the database gives."""
    issues = Issue.objects.order_by("reported_at").values_list(
        "statement", "address", "status", "due_at", "ended_at"
    )
    plans = WorkflowPlan.objects.order_by("pk").values_list("pk", "status", "title", "created_at")
    steps = StepRun.objects.order_by("execution", "position").values_list(
        "execution", "step_id", "status", "ended_at"
    )
    return list(issues), list(plans), list(steps)


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_makes_the_same_city_and_another_seed_another():
    from django.db import transaction

    made = []
    for seed in (3, 3, 4):
        with transaction.atomic():
            fill(60, seed=seed, now=NOW)
            made.append(content())
            transaction.set_rollback(True)
    assert made[0] == made[1] != made[2]


def test_the_same_seed_twice_is_refused_and_writes_nothing(db):
    fill(20, seed=1, now=NOW)
    with pytest.raises(SeededAlready):
        fill(20, seed=1, now=NOW)
    assert Issue.objects.count() == 20
    fill(20, seed=2, now=NOW)
    assert Issue.objects.count() == 40


def test_progress_is_told_batch_by_batch(db, monkeypatch):
    monkeypatch.setattr(filling, "BATCH", 10)
    told = []
    fill(25, seed=1, now=NOW, progress=lambda filled: told.append(filled.issues))
    assert told == [10, 20, 25]


def seed_demo(*arguments):
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_fills_a_development_database_and_says_what_it_wrote(db):
    text = seed_demo("--issues", "30", "--now", "2026-05-04T15:00:00Z")
    assert "30 of 30 issues" in text and "30 issues, " in text
    with pytest.raises(CommandError, match="--seed 2"):
        seed_demo("--issues", "30", "--now", "2026-05-04T15:00:00Z")


def test_another_database_is_left_alone_unless_told(db, settings, tmp_path):
    settings.MUDDA_HOME = tmp_path
    with pytest.raises(CommandError, match="--not-development"):
        seed_demo("--issues", "5")
    assert not Issue.objects.exists()
    seed_demo("--issues", "5", "--not-development")
    assert Issue.objects.count() == 5
    settings.DEBUG = True
    seed_demo("--issues", "5", "--seed", "2")
    assert Issue.objects.count() == 10


@pytest.mark.parametrize(
    "arguments", [["--issues", "0"], ["--now", "yesterday"], ["--now", "2026-13-01T00:00:00Z"]]
)
def test_what_cannot_be_is_refused(db, arguments):
    with pytest.raises(CommandError):
        seed_demo(*arguments)


def test_the_moment_is_the_last_full_hour():
    assert floored(datetime(2026, 5, 4, 15, 59, 3, 7, tzinfo=UTC)) == NOW

"""Prepared statements write what the models would, wholes need no savepoints, and events are written together."""

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from issues.models import Category, Department, Issue
from issues.services import report_issue
from mudda import event_types, events, prepared
from mudda.models import Event, OutboxMessage
from mudda.transactions import is_whole, whole
from tests import factories
from workflows.models import PlanApproval, PlanRevision, WorkflowPlan


def test_a_row_is_inserted_as_its_model_would_and_gets_its_key(db):
    issue = Issue(statement="Ä leak", facts={"a": [1, None, "\u2028"]}, latitude="33.749001")
    prepared.insert(issue)
    found = Issue.objects.get(pk=issue.pk)
    other = Issue.objects.create(statement="Ä leak", facts={"a": [1, None, "\u2028"]}, latitude="33.749001")
    other.refresh_from_db()
    differing = {"id", "reported_at", "updated_at"}
    for field in Issue._meta.concrete_fields:
        if field.name not in differing:
            assert getattr(found, field.attname) == getattr(other, field.attname), field.name
    assert found.reported_at == issue.reported_at


def test_many_rows_are_inserted_and_one_is_updated(db):
    rows = [OutboxMessage(kind="a", payload={"n": n}, last_error="x" * n) for n in range(3)]
    prepared.insert_all(rows)
    assert [row.payload for row in OutboxMessage.objects.order_by("last_error")] == [
        {"n": n} for n in range(3)
    ]
    rows[0].payload, rows[0].kind = {"m": None}, "b"
    prepared.update(rows[0], "payload")
    found = OutboxMessage.objects.get(pk=rows[0].pk)
    assert (found.payload, found.kind) == ({"m": None}, "a")
    prepared.insert_all([])


def test_rows_of_several_models_are_read_as_the_models_read_them(db):
    factories.load_city()
    plan = factories.make_plan()
    plan.issue.category = Category.objects.get(code="water_leak")
    plan.issue.save()
    source = """
        FROM workflow_plans plan JOIN issues_issue issue ON issue.id = plan.issue_id
        LEFT JOIN plan_revisions revision ON revision.id = plan.current_id
        LEFT JOIN issues_category category ON category.id = issue.category_id
        LEFT JOIN issues_department nobody ON nobody.id = -1
        WHERE plan.id = %(plan)s::uuid
    """
    wanted = {
        "plan": WorkflowPlan,
        "issue": Issue,
        "revision": PlanRevision,
        "category": Category,
        "nobody": Department,
    }
    [found] = prepared.fetch_models(wanted, source, {"plan": plan.pk})
    assert found.pop("nobody") is None
    for row in found.values():
        assert not row._state.adding
        same = type(row).objects.get(pk=row.pk)
        for field in row._meta.concrete_fields:
            assert getattr(row, field.attname) == getattr(same, field.attname), (row, field.name)


@pytest.mark.parametrize("insert", [prepared.insert, lambda row: prepared.insert_all([row])])
def test_what_is_too_long_is_refused_and_not_cut_off(db, insert):
    with pytest.raises(DataError), transaction.atomic():
        insert(OutboxMessage(kind="a" * 61, payload={}))
    assert not OutboxMessage.objects.exists()


def test_what_a_constraint_forbids_is_djangos_error(db):
    plan = factories.make_plan()
    approval = PlanApproval(revision=plan.current, digest="d", catalogue_digest="c")
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared.insert(approval)


def test_an_error_inside_undoes_the_whole_and_nothing_of_it_is_a_savepoint(transactional_db):
    @whole()
    def part(statement):
        assert is_whole()
        return report_issue(statement=statement)

    with CaptureQueriesContext(connection) as captured, whole():
        part("One leak")
    assert not [query for query in captured if "SAVEPOINT" in str(query["sql"])]
    assert not is_whole()
    with pytest.raises(ValueError, match="later"), whole():
        part("Another leak")
        raise ValueError("later")
    assert [issue.statement for issue in Issue.objects.all()] == ["One leak"]


def test_events_written_together_are_numbered_in_their_order_each_stream_for_itself(db, monkeypatch):
    for name in ("plan.one", "issue.two"):
        monkeypatch.setitem(event_types._types, name, event_types.EventType(name, "A test's.", {"at": "n"}))
    plan = factories.make_plan()
    before = {owner.stream: len(events.of(owner)) for owner in (plan, plan.issue)}
    with CaptureQueriesContext(connection) as captured, transaction.atomic(), events.together():
        added = [
            events.append(owner, type, {"at": at})
            for at, (owner, type) in enumerate(
                [(plan, "plan.one"), (plan.issue, "issue.two"), (plan, "plan.one"), (plan, "plan.one")]
            )
        ]
    assert len(captured) == 3  # two of them for the savepoint
    last = before[plan.stream]
    assert [event.seq for event in added] == [last + 1, before[plan.issue.stream] + 1, last + 2, last + 3]
    assert [event.data for event in events.of(plan)][-3:] == [{"at": 0}, {"at": 2}, {"at": 3}]
    assert {event.pk for event in added} <= set(Event.objects.values_list("pk", flat=True))
    assert plan.event_seq == WorkflowPlan.objects.get(pk=plan.pk).event_seq == last + 3


def test_an_error_among_events_written_together_leaves_none(db):
    plan = factories.make_plan()
    known = len(events.of(plan))
    with pytest.raises(ValueError, match="late"), transaction.atomic(), events.together():
        factories.append_event(plan, "plan.approved")
        raise ValueError("late")
    with transaction.atomic():
        factories.append_event(plan, "plan.approved")
    assert [event.seq for event in events.of(plan)] == list(range(1, known + 2))

"""Streams of events: gapless, in the order of commits."""

import threading

import pytest
from django.db import connection, transaction

from mudda import event_types, events
from mudda.models import Event
from tests import factories

pytestmark = pytest.mark.usefixtures("own_types")

OWN = ("plan.looked_at", "plan.never", "plan.really", "plan.touched", "plan.first", "plan.second")


@pytest.fixture
def own_types(monkeypatch):
    for name in OWN:
        monkeypatch.setitem(event_types._types, name, event_types.EventType(name, "A test's.", {}))


def test_an_event_of_a_type_that_no_room_has_registered_is_refused(db):
    plan = factories.make_plan()
    with pytest.raises(RuntimeError, match="plan.unheard_of"):
        events.append(plan, "plan.unheard_of")
    assert [event.type for event in events.of(plan)] == ["plan.drafted"]


def test_an_event_that_says_what_its_type_does_not_have_is_refused(db):
    plan = factories.make_plan()
    with pytest.raises(RuntimeError, match="mood"):
        events.append(plan, "plan.archived", {"digest": "x", "mood": "good"})
    assert [event.type for event in events.of(plan)] == ["plan.drafted"]


def test_an_event_that_lacks_what_its_type_has_is_refused_but_what_is_optional_may_be_left_out(db):
    plan = factories.make_plan()
    with pytest.raises(RuntimeError, match="approval"):
        events.append(plan, "plan.approved", {"digest": "x"})
    events.append(plan.issue, "issue.plan_drafted", {"plan": str(plan.pk)})
    with pytest.raises(RuntimeError, match="its plan"):
        events.append(plan.issue, "issue.plan_drafted", {"code": "x"})
    assert [event.type for event in events.of(plan)] == ["plan.drafted"]


def test_a_type_makes_nothing_optional_that_it_does_not_have(monkeypatch):
    monkeypatch.setattr(event_types, "_types", {})
    with pytest.raises(RuntimeError, match="mood"):
        event_types.register_type("plan.felt", "A test's.", {"at": "n"}, optional=["mood"])
    assert event_types.known() == {}


def test_an_event_outside_a_transaction_is_refused(transactional_db):
    plan = factories.make_plan()
    with pytest.raises(RuntimeError, match="transaction"):
        events.append(plan, "plan.looked_at")


def test_an_event_that_is_rolled_back_leaves_no_gap(db):
    plan = factories.make_plan()

    class Stop(Exception):
        pass

    with pytest.raises(Stop), transaction.atomic():
        events.append(plan, "plan.never")
        raise Stop
    events.append(plan, "plan.really")
    assert [(e.seq, e.type) for e in events.of(plan)] == [(1, "plan.drafted"), (2, "plan.really")]


def test_concurrent_writers_leave_neither_gaps_nor_doubles(transactional_db):
    plan = factories.make_plan()

    def write():
        for _ in range(10):
            with transaction.atomic():
                events.append(plan, "plan.touched")
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in events.of(plan)] == list(range(1, 62))


def test_a_writer_waits_for_an_earlier_one_of_the_same_stream(transactional_db):
    plan = factories.make_plan()
    second_may_start, seen = threading.Event(), []

    def second():
        second_may_start.wait(10)
        with transaction.atomic():
            seen.append(events.append(plan, "plan.second").seq)
        connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        first = events.append(plan, "plan.first").seq
        second_may_start.set()
        thread.join(0.3)
        assert thread.is_alive(), "the second writer has to wait for the first to commit"
    thread.join(10)
    assert [first, *seen] == [2, 3]
    assert list(Event.objects.filter(stream=plan.stream).values_list("type", flat=True)) == [
        "plan.drafted",
        "plan.first",
        "plan.second",
    ]

"""The outbox: written with the decision, delivered after it, by one process at a time, until acknowledged."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mudda import dispatcher, outbox
from mudda.errors import Conflict, Unavailable
from mudda.models import OutboxMessage

KIND = "test.message"


@pytest.fixture
def delivered(transactional_db):
    got = []
    outbox.register(KIND, lambda message: got.append(message.payload["n"]))
    return got


def put(n=1):
    with transaction.atomic():
        return outbox.put(KIND, {"n": n})


def test_a_message_is_delivered_once(delivered):
    put()
    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 0
    assert delivered == [1]


def test_many_messages_are_written_in_few_statements_and_delivered_once_they_are_due(
    delivered, django_assert_num_queries, monkeypatch
):
    monkeypatch.setattr(outbox, "AT_ONCE", 10)
    with transaction.atomic(), django_assert_num_queries(5):  # three times ten or fewer; each wakes once
        outbox.put_all(KIND, ({"n": n} for n in range(25)))
        outbox.put_all(KIND, [], due_at=timezone.now())
    with transaction.atomic():
        outbox.put_all(KIND, [{"n": 99}], due_at=timezone.now() + timedelta(hours=1))
    assert outbox.deliver_due() == 25
    assert sorted(delivered) == list(range(25))


def test_a_message_of_a_decision_that_was_rolled_back_is_never_sent(delivered):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.put(KIND, {"n": 1})
        _ = 1 / 0
    outbox.deliver_due()
    assert delivered == []


def test_trouble_that_may_pass_is_tried_again_later(delivered):
    def away(message):
        raise Unavailable("not now")

    outbox.register(KIND, away)
    put()
    assert outbox.deliver_due() == 0
    message = OutboxMessage.objects.get()
    assert message.delivered_at is None
    assert message.gave_up_at is None
    assert message.due_at > timezone.now() + timedelta(seconds=5)
    assert "not now" in message.last_error
    outbox.register(KIND, lambda message: delivered.append(message.payload["n"]))
    OutboxMessage.objects.update(due_at=timezone.now())
    assert outbox.deliver_due() == 1
    assert delivered == [1]


def test_what_can_never_be_delivered_is_given_up_and_kept_with_its_reason(delivered):
    def gone(message):
        raise Conflict("nobody there")

    outbox.register(KIND, gone)
    put()
    outbox.deliver_due()
    OutboxMessage.objects.update(due_at=timezone.now())
    assert outbox.deliver_due() == 0
    message = OutboxMessage.objects.get()
    assert message.gave_up_at is not None
    assert message.attempts == 1


def test_two_dispatchers_deliver_each_message_once(delivered):
    for n in range(40):
        put(n)

    def sweep():
        outbox.deliver_due()
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(delivered) == list(range(40))


def test_a_commit_wakes_the_dispatcher(delivered):
    """With a wait of a minute between looks, only the notification can have woken it."""
    stop, arrived = threading.Event(), threading.Event()

    def note(message):
        delivered.append(message.payload["n"])
        arrived.set()

    outbox.register(KIND, note)
    thread = threading.Thread(target=lambda: dispatcher.sweep_until(stop, longest_wait=60))
    thread.start()
    try:
        while not arrived.wait(0.2):  # the first may come before it listens; a later one wakes it
            put(7)
    finally:
        stop.set()
        put(8)
        thread.join(30)
    assert not thread.is_alive()
    assert 7 in delivered

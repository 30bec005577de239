"""What is sent, to whom, in which order, how often: by the sending loop, to a real receiver."""

import random
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from mudda import events
from mudda.apikeys import create_api_key
from mudda.models import ApiKey, DeliveryStatus, WebhookDelivery, WebhookSubscription
from mudda.webhooks import queue, services
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plan(db):
    return factories.make_plan()


def append(owner, *types):
    for type in types:
        with transaction.atomic():
            factories.append_event(owner, type)


def until(look, seconds=30):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
    return found


def status_of(subscription):
    return Counter(WebhookDelivery.objects.filter(subscription=subscription).values_list("status", flat=True))


# --- the message ------------------------------------------------------------------------------------


def test_a_message_has_ids_and_a_signature_that_somebody_elses_library_verifies(
    plan, subscribe, allowed, sender
):
    subscription, secret = subscribe("plan.approved")
    with transaction.atomic():
        event = events.append(plan, "plan.approved", {"approval": 7, "digest": "d"})
    (message,) = allowed.wait(1)
    assert Webhook(secret).verify(message.body, message.headers) == {
        "type": "plan.approved",
        "timestamp": event.at.isoformat(),
        "sandbox": False,
        "data": {
            "stream": plan.stream,
            "seq": 2,
            "issue": plan.issue.reference,
            "plan": str(plan.pk),
            "details": {"approval": 7, "digest": "d"},
        },
    }
    assert message.headers["content-type"] == "application/json"
    assert message.path == "/hook"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(message.body + b" ", message.headers)
    until(lambda: status_of(subscription) == {"delivered": 1})


def test_while_secrets_overlap_both_verify_and_afterwards_only_the_new_one(
    plan, subscribe, allowed, owner, sender
):
    subscription, old = subscribe("plan.*")
    _, new = services.rotate_secret(subscription_id=subscription.pk, overlap_hours=1, by=owner, auth=None)
    append(plan, "plan.edited")
    (message,) = allowed.wait(1)
    assert len(message.headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(message.body, message.headers)
    WebhookSubscription.objects.update(previous_until=timezone.now())
    append(plan, "plan.edited")
    later = allowed.wait(2)[1]
    Webhook(new).verify(later.body, later.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(later.body, later.headers)


def test_secrets_are_sealed_where_they_are_stored(subscribe):
    subscription, secret = subscribe("plan.*")
    assert secret.startswith("whsec_")
    assert secret.removeprefix("whsec_") not in subscription.secret


# --- which, and to whom -----------------------------------------------------------------------------


def test_what_is_rolled_back_is_never_sent(plan, subscribe, allowed, sender):
    subscribe("*")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        factories.append_event(plan, "plan.approved")
        _ = 1 / 0
    append(plan, "plan.edited")
    assert [message.type for message in allowed.wait(1)] == ["plan.edited"]
    assert allowed.stays_silent()


def test_queueing_for_webhooks_costs_an_event_no_further_round_trip(
    plan, subscribe, django_assert_num_queries
):
    subscribe("plan.*")
    with transaction.atomic(), django_assert_num_queries(1):
        factories.append_event(plan, "plan.approved")
    assert WebhookDelivery.objects.get().stream == plan.stream


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["*"], ["plan.edited", "issue.note_added"]),
        (["plan.*"], ["plan.edited"]),
        (["issue.note_added", "plan.approved"], ["issue.note_added"]),
    ],
)
def test_a_subscription_gets_the_types_that_it_names_and_no_others(plan, subscribe, types, expected):
    subscription, _ = subscribe(*types)
    append(plan, "plan.edited")
    append(plan.issue, "issue.note_added")
    rows = WebhookDelivery.objects.filter(subscription=subscription).order_by("pk")
    assert [row.event.type for row in rows] == expected


def test_filters_leave_out_what_is_about_something_else(plan, subscribe, allowed, sender):
    other = factories.make_plan()
    subscribe("plan.*", department="water", category="water_leak", plan=str(plan.pk))
    subscribe("plan.*", path="/elsewhere", department="parks")
    append(other, "plan.edited")
    append(plan, "plan.approved")
    (message,) = allowed.wait(1)
    assert (message.path, message.place) == ("/hook", (plan.stream, 2))
    assert allowed.stays_silent()
    assert [row.stream for row in WebhookDelivery.objects.all()] == [plan.stream]


def test_an_owner_who_may_see_an_issue_no_more_is_told_nothing_more_of_it(plan, subscribe, allowed, sender):
    limited = factories.make_user("administrator", departments=("water",))
    subscribe("plan.*", by=limited)
    append(plan, "plan.edited")
    allowed.wait(1)
    plan.issue.department = factories.make_department("parks")
    plan.issue.save()
    append(plan, "plan.approved")
    assert allowed.stays_silent()
    assert not WebhookDelivery.objects.filter(event__type="plan.approved").exists()


def test_an_owner_who_has_lost_the_permission_to_read_is_told_nothing(
    plan, subscribe, allowed, owner, sender
):
    subscribe("plan.*")
    owner.groups.clear()
    append(plan, "plan.edited")
    assert allowed.stays_silent()


def test_a_key_is_told_only_what_its_scopes_let_it_read(plan, subscribe, allowed, sender):
    key = create_api_key(name="narrow", scopes=["issues:read", "webhooks:write"])[0]
    subscribe("*", by=key.owner, auth=key)
    append(plan, "plan.edited")
    append(plan.issue, "issue.note_added")
    assert [message.type for message in allowed.wait(1)] == ["issue.note_added"]
    assert allowed.stays_silent()


def test_a_key_that_is_tied_to_a_department_is_told_of_that_one_only(plan, subscribe, allowed, sender):
    factories.make_department("parks")
    for code, path in (("parks", "/parks"), ("water", "/water")):
        key = create_api_key(name=code, scopes=["plans:read", "webhooks:write"], departments=[code])[0]
        subscribe("plan.*", by=key.owner, auth=key, path=path)
    append(plan, "plan.edited")
    assert [message.path for message in allowed.wait(1)] == ["/hook/water"]
    assert allowed.stays_silent()
    plan.issue.department = factories.make_department("parks")
    plan.issue.save()
    append(plan, "plan.approved")
    assert allowed.wait(2)[1].path == "/hook/parks"


@pytest.mark.parametrize("how", ["revoked", "expired", "owner"])
def test_a_key_that_opens_nothing_more_is_sent_nothing_and_its_webhook_says_why(
    plan, subscribe, allowed, sender, how
):
    key = create_api_key(name="mine", scopes=["plans:read", "webhooks:write"])[0]
    subscription, _ = subscribe("plan.*", by=key.owner, auth=key)
    if how == "owner":
        key.owner.is_active = False
        key.owner.save()
    else:
        ApiKey.objects.update(**{{"revoked": "revoked_at", "expired": "expires_at"}[how]: timezone.now()})
    append(plan, "plan.edited")
    until(lambda: not WebhookSubscription.objects.get().active)
    reason = WebhookSubscription.objects.get().disabled_reason
    assert reason == ("owner_inactive" if how == "owner" else "key_unusable")
    assert [event.type for event in events.of(subscription)] == ["webhook.created", "webhook.disabled"]
    assert allowed.received == []


# --- order and number -------------------------------------------------------------------------------


def test_each_stream_arrives_in_order_however_often_attempts_fail(subscribe, allowed, sender):
    plans = [factories.make_plan() for _ in range(4)]
    subscribe("plan.*")
    dice, arrived = random.Random(5), []

    def answer(message):
        if dice.random() < 0.5:
            return 500
        arrived.append(message.place)
        return 200

    allowed.answer = answer
    for _ in range(8):
        for plan in plans:
            append(plan, "plan.edited")
    until(lambda: len(arrived) == 32)
    for plan in plans:
        assert [seq for stream, seq in arrived if stream == plan.stream] == list(range(2, 10))
    assert len(allowed.received) > 32


def test_a_stream_that_fails_keeps_no_other_waiting(subscribe, allowed, sender):
    bad, good = factories.make_plan(), factories.make_plan()
    subscribe("plan.*")
    allowed.answer = lambda message: 500 if message.place[0] == bad.stream else 200
    append(bad, "plan.edited", "plan.approved")
    append(good, "plan.edited", "plan.approved")
    until(lambda: status_of(WebhookSubscription.objects.get())["delivered"] == 2)
    assert {message.place for message in allowed.received} == {
        (bad.stream, 2),
        (good.stream, 2),
        (good.stream, 3),
    }


def test_several_senders_send_each_message_once(subscribe, allowed, start_sender):
    plans = [factories.make_plan() for _ in range(6)]
    subscription, _ = subscribe("plan.*")
    for plan in plans:
        append(plan, *["plan.edited"] * 5)
    for _ in range(3):
        start_sender()
    until(lambda: status_of(subscription) == {"delivered": 30})
    assert len({message.id for message in allowed.received}) == len(allowed.received) == 30


def test_one_subscription_that_hangs_leaves_senders_for_the_others(subscribe, allowed, owner, sender):
    plans = [factories.make_plan() for _ in range(12)]
    subscribe("plan.edited", path="/slow")
    subscribe("plan.edited", path="/fast")
    go_on, fast = threading.Event(), []

    def answer(message):
        if message.path == "/hook/slow":
            go_on.wait(30)
        else:
            fast.append(message.id)
        return 200

    allowed.answer = answer
    for plan in plans:
        append(plan, "plan.edited")
    try:
        until(lambda: len(fast) == 12, seconds=9)
        assert len([message for message in allowed.received if message.path == "/hook/slow"]) == 2
    finally:
        go_on.set()


# --- failing ----------------------------------------------------------------------------------------


def test_attempts_are_further_and_further_apart_up_to_eight_hours():
    seconds = [queue.back_off(number).total_seconds() for number in range(1, 12)]
    for took, step in zip(seconds, [*queue.STEPS, 28_800, 28_800], strict=True):
        assert 0.8 * step <= took <= 1.2 * step
    assert sum(queue.STEPS) < queue.TRIED_FOR.total_seconds()


def test_after_three_days_a_message_is_parked_and_the_next_of_its_stream_goes(
    plan, subscribe, allowed, sender
):
    subscription, _ = subscribe("plan.*")
    allowed.answer = lambda message: 500 if message.type == "plan.edited" else 200
    append(plan, "plan.edited", "plan.approved")
    until(lambda: WebhookDelivery.objects.filter(attempts__gt=queue.LEAST_ATTEMPTS).exists())
    assert status_of(subscription) == {"pending": 2}, "three days aren't over"
    WebhookDelivery.objects.update(queued_at=timezone.now() - timedelta(days=3))
    until(lambda: status_of(subscription) == {"parked": 1, "delivered": 1})
    parked = WebhookDelivery.objects.get(status=DeliveryStatus.PARKED)
    assert (parked.event.type, parked.last_status, parked.last_error) == ("plan.edited", 500, "status_500")
    assert allowed.received[-1].type == "plan.approved"
    assert WebhookSubscription.objects.get().active


def test_what_waited_long_for_our_own_worker_is_not_parked_at_its_first_failure(plan, subscribe, allowed):
    subscribe("plan.*")
    append(plan, "plan.edited")
    WebhookDelivery.objects.update(queued_at=timezone.now() - timedelta(days=9))
    queue.failed(queue.claim(), "timeout")
    assert WebhookDelivery.objects.get().status == DeliveryStatus.PENDING


def test_a_subscription_to_which_nothing_arrived_for_three_days_is_disabled_and_says_so(
    plan, subscribe, allowed, owner, sender
):
    subscription, _ = subscribe("plan.*")
    allowed.answer = lambda message: 503
    append(plan, "plan.edited", "plan.approved")
    until(lambda: WebhookDelivery.objects.filter(attempts__gt=queue.LEAST_ATTEMPTS).exists())
    long_ago = timezone.now() - timedelta(days=3)
    WebhookSubscription.objects.update(failing_since=long_ago)
    WebhookDelivery.objects.update(queued_at=long_ago)
    until(lambda: not WebhookSubscription.objects.get().active)
    assert WebhookSubscription.objects.get().disabled_reason == "failing"
    # Enabled again, it gets what was waiting.
    allowed.answer = lambda message: 200
    services.change_subscription(subscription_id=subscription.pk, by=owner, auth=None, active=True)
    until(lambda: status_of(subscription) == {"parked": 1, "delivered": 1})


def test_410_disables_the_subscription_at_once(plan, subscribe, allowed, sender):
    subscribe("plan.*")
    allowed.answer = lambda message: 410
    append(plan, "plan.edited", "plan.approved")
    until(lambda: not WebhookSubscription.objects.get().active)
    assert WebhookSubscription.objects.get().disabled_reason == "gone"
    append(plan, "plan.edited")
    assert len(allowed.received) == 1
    assert WebhookDelivery.objects.count() == 2, "a disabled subscription collects nothing"


def test_a_success_ends_the_failing(plan, subscribe, allowed, sender):
    subscribe("plan.*")
    failing = []

    def answer(message):
        failing.append(WebhookSubscription.objects.get().failing_since)
        connection.close()
        return 500 if len(failing) == 1 else 200

    allowed.answer = answer
    append(plan, "plan.edited")
    until(lambda: status_of(WebhookSubscription.objects.get()) == {"delivered": 1})
    assert failing[0] is None
    assert failing[1] is not None
    until(lambda: WebhookSubscription.objects.get().failing_since is None)


def test_a_late_attempt_that_lost_its_lease_changes_nothing(plan, subscribe):
    subscribe("plan.*")
    append(plan, "plan.edited")
    late = queue.claim()
    assert queue.claim() is None, "it is being sent"
    WebhookDelivery.objects.update(due_at=timezone.now())
    current = queue.claim()
    queue.failed(late, "timeout")
    queue.delivered(late, 200)
    row = WebhookDelivery.objects.get()
    assert (row.status, row.attempts, row.last_error) == ("pending", 2, "")
    queue.delivered(current, 200)
    assert WebhookDelivery.objects.get().status == "delivered"


# --- again ------------------------------------------------------------------------------------------


def test_a_replayed_delivery_is_the_same_message_again(plan, subscribe, allowed, sender):
    subscription, secret = subscribe("plan.*")
    append(plan, "plan.edited")
    until(lambda: status_of(subscription) == {"delivered": 1})
    delivery = WebhookDelivery.objects.select_related("subscription").get()
    services.replay_delivery(delivery=delivery, by=subscription.owner)
    first, again = allowed.wait(2)
    assert (first.id, first.body) == (again.id, again.body)
    Webhook(secret).verify(again.body, again.headers)
    until(lambda: status_of(subscription) == {"delivered": 1})


def test_a_replayed_time_has_what_was_missed_too_and_leaves_out_what_is_not_subscribed_to(
    plan, subscribe, allowed, owner, sender
):
    before = timezone.now()
    append(plan, "plan.approved")
    append(plan.issue, "issue.note_added")
    subscription, _ = subscribe("plan.*")
    append(plan, "plan.edited")
    until(lambda: status_of(subscription) == {"delivered": 1})
    after = timezone.now()
    append(plan, "plan.rejected")
    until(lambda: status_of(subscription) == {"delivered": 2})
    count = services.replay_range(
        subscription_id=subscription.pk, since=before, until=after, by=owner, auth=None
    )
    assert count == 2
    until(lambda: status_of(subscription) == {"delivered": 3})
    sent = [message.type for message in allowed.received]
    assert sent == ["plan.edited", "plan.rejected", "plan.approved", "plan.edited"]
    assert len({message.id for message in allowed.received}) == 3, "a message sent again has its id"


def test_more_than_can_be_replayed_at_once_is_refused(plan, subscribe, owner, monkeypatch):
    monkeypatch.setattr(services, "MOST_REPLAYED", 2)
    subscription, _ = subscribe("plan.*")
    append(plan, *["plan.edited"] * 3)
    with pytest.raises(services.ReplayTooLarge):
        services.replay_range(
            subscription_id=subscription.pk,
            since=timezone.now() - timedelta(hours=1),
            until=timezone.now(),
            by=owner,
            auth=None,
        )


def test_a_test_goes_to_its_own_subscription_whatever_that_filters(subscribe, allowed, owner, sender):
    subscription, secret = subscribe("plan.approved", path="/mine")
    subscribe("*", path="/other")
    delivery = services.fire_test(subscription_id=subscription.pk, by=owner, auth=None)
    (message,) = allowed.wait(1)
    assert (message.path, message.type) == ("/hook/mine", "webhook.tested")
    assert message.said["data"]["webhook"] == str(subscription.pk)
    Webhook(secret).verify(message.body, message.headers)
    until(lambda: WebhookDelivery.objects.get(pk=delivery.pk).status == "delivered")
    assert allowed.stays_silent()


# --- forgetting -------------------------------------------------------------------------------------


def test_what_is_over_for_a_month_is_forgotten_and_what_waits_is_not(plan, subscribe):
    subscribe("plan.*")
    append(plan, "plan.edited", "plan.approved", "plan.rejected")
    old = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(seq__lt=4).update(queued_at=old)
    WebhookDelivery.objects.filter(seq=2).update(status=DeliveryStatus.PARKED)
    WebhookDelivery.objects.filter(seq=4).update(status=DeliveryStatus.DELIVERED)
    queue.forget_old()
    assert sorted(WebhookDelivery.objects.values_list("seq", flat=True)) == [3, 4]


def test_an_event_never_fails_for_a_subscription_that_is_deleted_meanwhile(plan, subscribe, owner):
    subscription, _ = subscribe("plan.*")
    done = threading.Event()

    def delete():
        services.delete_subscription(subscription_id=subscription.pk, by=owner, auth=None)
        connection.close()
        done.set()

    with transaction.atomic():
        factories.append_event(plan, "plan.edited")
        thread = threading.Thread(target=delete)
        thread.start()
        assert done.wait(10), "neither waits for the other"
    thread.join()
    assert [event.type for event in events.of(plan)] == ["plan.drafted", "plan.edited"]
    queue.forget_old()
    assert not WebhookDelivery.objects.exists()

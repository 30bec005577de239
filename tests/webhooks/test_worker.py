"""The real worker process: that it sends, that being killed loses nothing, and that receivers hold up no run."""

import threading
import time

import httpx
import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook

from executions.models import WorkflowExecution
from executions.services import launch_execution
from mudda import events
from mudda.models import WebhookDelivery
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def launch():
    factories.load_city()
    plan, by = factories.make_plan(), factories.make_user("administrator")
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by, approve=True)


def until(look, seconds=60):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)
    return found


def has_ended(run):
    return WorkflowExecution.objects.filter(pk=run.pk, status="completed").exists()


def test_what_happens_in_a_run_arrives_in_order_and_is_signed(subscribe, allowed, live_worker):
    _, secret = subscribe("execution.*", "step.*")
    run = launch()
    until(lambda: any(message.type == "execution.completed" for message in allowed.received))
    told = [(message.said["data"]["seq"], message.type) for message in allowed.received]
    assert told == [(event.seq, event.type) for event in events.of(run)]
    for message in allowed.received:
        Webhook(secret).verify(message.body, message.headers)
        assert message.said["data"]["execution"] == str(run.pk)
        assert message.said["data"]["plan"] == str(run.plan_id)


def test_a_worker_that_is_killed_while_it_sends_loses_nothing(subscribe, allowed, start_worker):
    plan = factories.make_plan()
    subscribe("plan.*")
    go_on = threading.Event()
    allowed.answer = lambda message: go_on.wait(30) and 200
    worker = start_worker()
    with transaction.atomic():
        factories.append_event(plan, "plan.edited")
        factories.append_event(plan, "plan.approved")
    allowed.wait(1)
    worker.kill()
    go_on.set()
    assert list(WebhookDelivery.objects.values_list("status", "attempts").order_by("seq")) == [
        ("pending", 1),
        ("pending", 0),
    ]
    assert WebhookDelivery.objects.filter(due_at__gt=timezone.now()).count() == 1, "the lease of the dead"
    WebhookDelivery.objects.update(due_at=timezone.now())  # a minute later
    start_worker()
    first, again, after = allowed.wait(3)
    assert (first.id, first.body) == (again.id, again.body)
    assert [again.type, after.type] == ["plan.edited", "plan.approved"]
    until(lambda: WebhookDelivery.objects.filter(status="delivered").count() == 2)


def test_a_receiver_that_hangs_delays_no_run(subscribe, allowed, live_worker):
    """Every sender hangs at a receiver before the run begins, and hangs until it has ended."""
    plans = [factories.make_plan() for _ in range(12)]
    for number in range(6):
        subscribe("*", path=f"/{number}")
    go_on = threading.Event()
    allowed.answer = lambda message: go_on.wait(60) and 200
    with transaction.atomic():
        for plan in plans:
            factories.append_event(plan, "plan.edited")
    try:
        allowed.wait(8)
        run = launch()
        until(lambda: has_ended(run))
        assert not WebhookDelivery.objects.filter(status="delivered").exists()
    finally:
        go_on.set()
    assert WebhookDelivery.objects.filter(stream=run.stream).count() == 6 * len(events.of(run))


def test_a_worker_that_is_told_to_stop_lets_the_attempt_end(subscribe, allowed, start_worker):
    plan = factories.make_plan()
    subscribe("plan.*")
    allowed.answer = lambda message: time.sleep(2) or 200
    worker = start_worker()
    with transaction.atomic():
        factories.append_event(plan, "plan.edited")
    allowed.wait(1)
    worker.stop()
    assert WebhookDelivery.objects.get().status == "delivered"


def test_two_workers_send_each_message_once(subscribe, allowed, start_worker):
    plans = [factories.make_plan() for _ in range(8)]
    subscribe("plan.*")
    for plan in plans:
        for _ in range(4):
            with transaction.atomic():
                factories.append_event(plan, "plan.edited")
    for _ in range(2):
        start_worker()
    until(lambda: WebhookDelivery.objects.filter(status="delivered").count() == 32)
    assert len({message.id for message in allowed.received}) == len(allowed.received) == 32


def test_the_whole_way_through_the_api(allowed, live_web, live_worker):
    """An integrator's first hour: subscribe, test, verify."""
    key = factories.make_key()
    with httpx.Client(
        base_url=live_web.url, headers={"Authorization": f"Api-Key {key}"}, trust_env=False, timeout=30
    ) as api:
        made = api.post("/webhooks", json={"url": allowed.url, "types": ["plan.*"]}).json()
        where = f"/webhooks/{made['webhook_id']}"
        fired = api.post(f"{where}/test").json()
        (message,) = allowed.wait(1)
        assert Webhook(made["secret"]).verify(message.body, message.headers)["type"] == "webhook.tested"
        assert message.id == fired["message_id"]
        until(lambda: api.get(f"{where}/deliveries").json()["results"][0]["status"] == "delivered")

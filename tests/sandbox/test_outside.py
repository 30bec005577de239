"""Nothing of a sandbox goes outside: with real processes, and real servers that would receive it."""

import time

import httpx
import pytest
from django.core import mail

from executions.adapters.errors import AdapterError
from executions.effects import Effects
from executions.models import Effect, StepRun, WorkflowExecution
from executions.reminders import TASK_LETTER, put_letters
from executions.sandboxes import END_RUN
from mudda import outbox, temporal
from mudda.models import OutboxMessage, WebhookDelivery
from tests import factories
from tests.faults.mail import PostOffice
from tests.sandbox.worlds import REPORT, good, make_key, make_world, send_all
from tests.time.runs import confirm, crew, open_for
from tests.webhooks.receiver import Receiver


@pytest.fixture
def office():
    """A mail server."""
    office = PostOffice()
    office.start()
    yield office
    office.stop()


@pytest.fixture
def receiver():
    """An HTTP server, in the place of a webhook's receiver and of a model's service."""
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def outside(start_web, start_worker, office, receiver):
    """A web server and a worker, to which everything outside is near: what they send arrives here."""
    model = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": f"http://127.0.0.1:{receiver.port}/v1"}
    web = start_web(EMAIL_URL=office.url, **model)
    start_worker(EMAIL_URL=office.url, PUBLIC_URL=web.url, **model)
    return web


class Caller:
    """A sandbox key's calls, to a server of its own process."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Authorization": f"Api-Key {key}", "Accept": "application/json"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def __call__(self, method: str, path: str, body=None):
        answer = self.http.request(method, path, json=body)
        assert 200 <= answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


def until(look, seconds=60):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)
    return found


NOTIFY = {
    "step_id": "tell",
    "activity_id": "send_notification",
    "title": "Tell the reporter",
    "inputs": {"to": ["{{ issue.reporter }}", "department:water"], "message": "It is mended."},
}
REPORT_STEP = {
    "step_id": "report",
    "activity_id": "generate_report",
    "title": "Write it down",
    "inputs": {"title": "What was done", "sections": ["It was mended."]},
}


@pytest.mark.django_db(transaction=True)
def test_a_run_of_a_sandbox_does_everything_but_what_would_be_seen_outside(outside, office, receiver):
    """The whole way by the API: drafted, launched, followed, its task decided, what it would have sent read, wiped."""
    factories.load_city()
    owner = factories.make_user(is_superuser=True)
    key, api = make_key(owner, "new")
    call = Caller(outside.url, api.key)
    hook = call("POST", "/webhooks", {"url": f"https://127.0.0.1:{receiver.port}/hook", "types": ["*"]})

    drafted = call("POST", "/workflows/generate", REPORT)
    assert drafted["planner"]["name"] == "playbooks"
    assert drafted["planner"]["fallback"]["code"] == "planner_in_sandbox"
    plan = f"/workflows/{drafted['workflow_id']}"
    document = factories.document(crew(), NOTIFY, REPORT_STEP)
    saved = call("PUT", plan, {"workflow_plan": document})
    launched = call("POST", f"{plan}/execute", {"approve": True, "digest": saved["digest"]})
    run = f"/workflows/executions/{launched['execution_id']}"

    [task] = until(lambda: call("GET", run)["waiting_on"])
    answer = {"photos": [], "notes": "Done."}
    call("POST", f"/workflows/tasks/{task['task_id']}/decide", {"outcome": "done", "answer": answer})
    until(lambda: call("GET", run)["status"] == "completed")

    messages = call("GET", f"{run}/messages")["results"]
    assert [(one["step_id"], one["status"], one["role"]) for one in messages] == [
        ("repair", "withheld", "department:water"),
        ("tell", "withheld", "issue.reporter"),
        ("tell", "withheld", "department:water"),
    ]
    dispatch, told, _ = (one["message"] for one in messages)
    assert (told["channel"], told["to"]) == ("email", "ann@example.org")
    assert "It is mended." in told["text"] and "<html" in told["html"]
    assert "Repair it." in dispatch["text"] and "/t/sandbox" in dispatch["text"]
    [report] = call("GET", f"{run}/documents")["results"]
    path = httpx.URL(report["url"]).path
    assert call.http.get(path, headers={"Accept": "*/*"}).content.startswith(b"%PDF")

    path = f"/webhooks/{hook['webhook_id']}/deliveries?page_size=100"
    settled = until(lambda: [d for d in call("GET", path)["results"] if d["status"] == "withheld"])
    until(lambda: not WebhookDelivery.objects.filter(status="pending").exists())
    settled = call("GET", path)["results"]
    kinds = {one["type"] for one in settled}
    assert {"execution.completed", "task.decided", "plan.approved", "issue.reported"} <= kinds
    assert {one["status"] for one in settled} == {"withheld"}
    ended = next(one for one in settled if one["type"] == "execution.completed")
    assert ended["withheld"]["sandbox"] is True
    assert ended["withheld"]["data"]["execution"] == launched["execution_id"]

    removed = call("DELETE", "/sandbox")["removed"]
    assert (removed["executions"], removed["documents"], removed["effects"]) == (1, 1, 4)
    assert office.offered == 0 and receiver.received == []
    assert not WorkflowExecution.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_wiping_ends_a_run_in_temporal(outside):
    factories.load_city()
    owner = factories.make_user(is_superuser=True)
    _, api = make_key(owner, "new")
    call = Caller(outside.url, api.key)
    drafted = call("POST", "/workflows/generate", REPORT)
    plan = f"/workflows/{drafted['workflow_id']}"
    saved = call("PUT", plan, {"workflow_plan": factories.document(crew())})
    launched = call("POST", f"{plan}/execute", {"approve": True, "digest": saved["digest"]})
    until(lambda: call("GET", f"/workflows/executions/{launched['execution_id']}")["waiting_on"])
    workflow_id = launched["temporal_workflow_id"]
    assert temporal.status_of(workflow_id) == "RUNNING"
    call("DELETE", "/sandbox")
    until(lambda: temporal.status_of(workflow_id) == "TERMINATED")
    until(lambda: OutboxMessage.objects.get(kind=END_RUN).delivered_at)
    again = OutboxMessage.objects.get(kind=END_RUN)
    outbox._handlers[END_RUN](again)  # the same once more, as after a crash


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_wiped_while_it_is_being_started_is_ended(live_worker):
    """The wipe comes between the launch's commit and Temporal's word."""
    from executions.starting import run_input, start_execution
    from mudda import sandboxes

    factories.load_city()
    world = make_world(factories.make_user(is_superuser=True), "new")
    run = WorkflowExecution.objects.get(pk=world.ids["execution_id"])
    sandboxes.wipe(world.key.sandbox_id)
    start_execution(run, run_input(run))
    assert temporal.status_of(run.temporal_workflow_id) != "RUNNING"


# --- the gate ---------------------------------------------------------------------------------------


@pytest.fixture
def step(sandbox):
    return StepRun.objects.select_related("execution").get(execution=sandbox.ids["execution_id"])


def never(_):
    raise AssertionError("this is outside")


def test_an_effect_is_withheld_once_with_what_it_would_have_been(step):
    for _ in range(2):
        effects = Effects(step, lease_seconds=60, declared="at_most_once")
        receipt = effects.once("letter", never, withheld=lambda key: {"message": key})
        assert receipt == {"message": effects.key("letter")}
    effect = Effect.objects.get()
    assert (effect.status, effect.receipt) == ("withheld", receipt)


def test_a_queryable_effect_asks_nobody(step):
    effects = Effects(step, lease_seconds=60, declared="queryable")
    for _ in range(2):
        effects.once("order", never, ask=never, withheld=lambda key: {"order": 1})
    assert Effect.objects.get().status == "withheld"


def test_an_effect_that_does_not_say_what_it_would_be_fails_in_clear_words(step):
    with pytest.raises(AdapterError) as caught:
        Effects(step, lease_seconds=60, declared="idempotent").once("call", never)
    assert (caught.value.code, caught.value.permanent) == ("not_withheld", True)
    assert Effect.objects.get().status == "failed"


def test_what_stays_in_our_own_house_is_done(step):
    receipt = Effects(step, lease_seconds=60).once("file", lambda _: {"kept": 1}, "idempotent", inside=True)
    assert (receipt, Effect.objects.get().status) == ({"kept": 1}, "done")


def test_reminders_are_withheld_and_carry_no_link_that_opens_anything(sandbox, real, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    from executions.models import HumanTask

    for world in (sandbox, real):
        task = HumanTask.objects.get(pk=world.ids["task_id"])
        assert put_letters(task, "reminder") == 1
    for message in OutboxMessage.objects.filter(kind=TASK_LETTER):
        outbox._handlers[TASK_LETTER](message)
    [sent] = mail.outbox
    assert real.ids["reference"] in sent.body and sandbox.ids["reference"] not in sent.body
    path = f"/workflows/executions/{sandbox.ids['execution_id']}/messages"
    [withheld] = good(sandbox.api.get(path))["results"]
    assert sandbox.ids["reference"] in withheld["message"]["text"]
    assert "/t/sandbox" in withheld["message"]["text"]
    assert sandbox.api.client.get("/t/sandbox").status_code in {404, 410}


def test_a_withheld_reminder_to_a_member_of_staff_does_not_tell_their_address(owner):
    from tests.sandbox.worlds import launched

    person = factories.make_user("dispatcher", email="dora@city.example.org")
    _, api = make_key(owner, "new")
    _, run = launched(api, confirm())
    assert put_letters(open_for(run), "reminder") == 1
    outbox._handlers[TASK_LETTER](OutboxMessage.objects.get(kind=TASK_LETTER))
    answer = api.get(f"/workflows/executions/{run.pk}/messages")
    [withheld] = good(answer)["results"]
    assert (withheld["role"], withheld["message"]["to"]) == (f"user:{person.pk}", f"user:{person.pk}")
    assert b"dora@" not in answer.content


def test_messages_that_were_really_sent_are_listed_without_their_words(real, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    from executions.models import HumanTask

    put_letters(HumanTask.objects.get(pk=real.ids["task_id"]), "reminder")
    for message in OutboxMessage.objects.filter(kind=TASK_LETTER):
        outbox._handlers[TASK_LETTER](message)
    [sent] = good(real.api.get(f"/workflows/executions/{real.ids['execution_id']}/messages"))["results"]
    assert (sent["status"], sent["role"], sent["message"]) == ("done", "department:water", None)
    assert sent["message_id"].startswith("<")


# --- webhooks and models ----------------------------------------------------------------------------


def test_a_webhook_of_a_sandbox_asks_no_resolver_but_has_to_be_written_well(owner):
    _, api = make_key(owner, "new")
    nowhere = {"url": "https://no-such-host.invalid/hook", "types": ["*"]}
    assert good(api.post("/webhooks", nowhere))["sandbox"] is True
    for url, code in (("http://example.org/hook", "https_needed"), ("https://a b/", "bad_url")):
        answer = api.post("/webhooks", {**nowhere, "url": url})
        assert answer.json()["errors"][0]["code"] == code


def test_webhooks_hear_of_their_own_side_only(real, sandbox, other):
    for world in (real, sandbox):
        good(world.api.post(f"/issues/{world.ids['reference']}/notes", {"text": "Seen again."}))
    for world in (real, sandbox, other):
        rows = WebhookDelivery.objects.filter(subscription=world.ids["webhook_id"])
        assert set(rows.values_list("event__sandbox", flat=True)) == {world.key.sandbox_id}


def test_events_that_a_sandbox_replays_are_its_own_and_withheld(real, sandbox):
    path = f"/webhooks/{sandbox.ids['webhook_id']}"
    send_all(sandbox)
    count = good(sandbox.api.post(f"{path}/replay", {"from": "2026-01-01T00:00:00Z"}))["events"]
    rows = WebhookDelivery.objects.filter(subscription=sandbox.ids["webhook_id"])
    assert 0 < count <= rows.count()
    send_all(sandbox)
    assert set(rows.values_list("status", flat=True)) == {"withheld"}
    assert set(rows.values_list("event__sandbox", flat=True)) == {sandbox.key.sandbox_id}
    shown = good(sandbox.api.get(f"{path}/deliveries?status=withheld"))["results"]
    assert all(one["withheld"]["type"] == one["type"] for one in shown)


def test_a_plan_of_a_sandbox_is_not_changed_in_words(owner, settings):
    settings.OPENAI_API_KEY = "sk-none"
    _, api = make_key(owner, "new")
    drafted = good(api.post("/workflows/generate", REPORT))
    answer = api.post(f"/workflows/{drafted['workflow_id']}/revise", {"instruction": "Call first."})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_model_in_sandbox")


def test_a_draft_of_a_sandbox_is_there_at_once_though_there_is_a_model(owner, settings):
    settings.OPENAI_API_KEY = "sk-none"
    _, api = make_key(owner, "new")
    answer = api.post("/workflows/generate", REPORT)
    assert answer.status_code == 201
    assert answer.json()["planner"]["fallback"]["code"] == "planner_in_sandbox"
    assert not OutboxMessage.objects.exists()


def test_a_task_of_a_group_is_done_by_the_api_too(owner):
    from tests.sandbox.worlds import launched

    _, api = make_key(owner, "new")
    _, run = launched(api, confirm())
    task = open_for(run)
    assert task.sandbox_id == run.sandbox_id is not None
    assert good(api.get("/workflows/tasks"))["results"][0]["id"] == str(task.pk)

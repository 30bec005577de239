"""One trace from the request through the outbox and Temporal into each activity and query, as a collector gets it."""

import subprocess
import sys

import pytest

from mudda.environment import BASE_DIR
from mudda.monitoring import wanted
from tests.faults.city import letter, note, until
from tests.safety.canaries import seen

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def traceparent(trace=CALLER):
    return f"00-{trace}-{PARENT}-01"


def base64_of(trace_id):
    import base64

    return base64.b64encode(bytes.fromhex(trace_id)).decode()


def parents(spans):
    """Each span by its name, and the name of its parent."""
    by_id = {span["spanId"]: span["name"] for span in spans}
    return {(span["name"], by_id.get(span.get("parentSpanId", ""), "")) for span in spans}


def test_one_trace_connects_request_workflow_activity_and_query(watched):
    plan = watched.approved(letter(), note())
    trace = "11111111111111111111111111111111"
    answer = watched.call(
        "POST", f"/workflows/{plan}/execute", {"execution_data": {}}, traceparent=traceparent(trace)
    )
    execution = answer.json()["execution_id"]
    watched.ends(execution)
    spans = watched.whole_trace(
        base64_of(trace), "CompleteWorkflow:PlanWorkflow", "RunActivity:finish_execution"
    )
    request = "POST workflows/<uuid:workflow_id>/execute"
    found = parents(spans)
    for child, parent in (
        (request, ""),
        ("INSERT", request),
        ("StartWorkflow:PlanWorkflow", request),
        ("RunWorkflow:PlanWorkflow", "StartWorkflow:PlanWorkflow"),
        ("StartActivity:send_notification", "StartWorkflow:PlanWorkflow"),
        ("RunActivity:send_notification", "StartActivity:send_notification"),
        ("UPDATE", "RunActivity:send_notification"),
        ("RunActivity:finish_execution", "StartActivity:finish_execution"),
        ("SELECT", "RunActivity:finish_execution"),
    ):
        assert (child, parent) in found, sorted(found)
    assert {span["service"] for span in spans} == {"mudda-api", "mudda-worker"}
    [served] = [span for span in spans if span["name"] == request]
    at = served["at"]
    assert at["http.route"] == "workflows/<uuid:workflow_id>/execute" and at["mudda.workflow"] == plan
    assert at["mudda.request"] == answer.headers["X-Request-ID"]
    [done] = [span for span in spans if span["name"] == "RunActivity:send_notification"]
    assert (done["at"]["mudda.execution"], done["at"]["mudda.step"]) == (execution, "tell")


def test_statements_are_told_without_their_values(watched):
    trace = "22222222222222222222222222222222"
    body = {"problem_statement": "Water leak near Quokkason at 5 Main St", "reporter": {"name": "Peregrine"}}
    watched.call("POST", "/workflows/generate", body, traceparent=traceparent(trace))
    spans = watched.whole_trace(base64_of(trace), "POST workflows/generate")
    texts = [span["at"]["db.query.text"] for span in spans if "db.query.text" in span["at"]]
    assert any("issues_issue" in text and "%" in text for text in texts)
    assert seen("\n".join(texts)) == set()
    assert "Quokkason" not in watched.receiver.bytes.decode("latin-1")


def test_a_launch_while_temporal_is_away_goes_on_in_its_own_trace(watched):
    plan = watched.approved(note())
    watched.site.temporal.stop()
    trace = "33333333333333333333333333333333"
    answer = watched.call(
        "POST", f"/workflows/{plan}/execute", {"execution_data": {}}, traceparent=traceparent(trace)
    )
    assert answer.status_code == 202
    watched.site.web.kill()  # whatever it knew is gone: what is committed remembers
    watched.mend()
    watched.ends(answer.json()["execution_id"], deadline=90)
    spans = watched.whole_trace(base64_of(trace), "start a pending run", "RunActivity:update_issue")
    assert ("StartWorkflow:PlanWorkflow", "start a pending run") in parents(spans)


def test_an_answer_travels_through_the_outbox_in_the_trace_of_who_gave_it(watched):
    execution = watched.launch(note(requires_approval=True))
    task = watched.task(execution)
    trace = "44444444444444444444444444444444"
    path = f"/workflows/tasks/{task['id']}/decide"
    assert watched.call(
        "POST", path, {"outcome": "approve"}, by="supervisor", traceparent=traceparent(trace)
    ).is_success
    watched.ends(execution)
    spans = watched.whole_trace(base64_of(trace), "deliver task_decided", "SignalWorkflow:task_decided")
    found = parents(spans)
    assert ("deliver task_decided", "POST workflows/tasks/<uuid:task_id>/decide") in found
    assert ("SignalWorkflow:task_decided", "deliver task_decided") in found


def test_a_drafting_that_lasts_is_of_the_trace_of_who_asked(watched):
    """Without a key the playbooks draft at once, so the plan's trace is the request's."""
    trace = "55555555555555555555555555555555"
    body = {"problem_statement": "Water leak at 6 Main St"}
    watched.call("POST", "/workflows/generate", body, traceparent=traceparent(trace))
    spans = watched.whole_trace(base64_of(trace), "POST workflows/generate")
    assert len([span for span in spans if span["name"] in {"SELECT", "INSERT", "WITH", "UPDATE"}]) > 5


def test_what_nobody_has_asked_for_and_probes_have_no_trace(watched):
    watched.expect(200, "GET", "/workflows")
    until(lambda: any(span["name"] == "GET workflows" for span in watched.receiver.spans()))
    spans = watched.receiver.spans()
    roots = {span["name"] for span in spans if not span.get("parentSpanId")}
    assert not roots & {"SELECT", "INSERT", "UPDATE", "WITH", "DELETE", "OTHER"}
    assert not [span for span in spans if span["at"].get("http.route") in {"readyz", "healthz"}]


def test_a_failure_is_told_by_its_class_only(watched):
    """An activity's error quotes what the outside service has said of it."""
    watched.office.plan("550 5.1.1 Ottoline Zephyrwick is unknown here")
    execution = watched.launch(letter(retry={"max_attempts": 1}))
    watched.ends(execution, "failed")
    spans = until(
        lambda: [
            one
            for one in watched.receiver.spans()
            if one["at"].get("mudda.execution") == execution and one.get("status", {}).get("code")
        ]
    )
    assert spans[0]["name"] == "RunActivity:send_notification" and "message" not in spans[0]["status"]
    events = [event for span in spans for event in span.get("events", [])]
    assert events and all(
        {one["key"] for one in event.get("attributes", [])} <= {"exception.type"} for event in events
    )
    assert seen(watched.receiver.bytes.decode("latin-1")) == set()


def test_baggage_and_state_of_a_caller_go_nowhere(watched):
    trace = "66666666666666666666666666666666"
    plan = watched.approved(note())
    answer = watched.call(
        "POST", f"/workflows/{plan}/execute", {"execution_data": {}}, traceparent=traceparent(trace),
        baggage="reporter=Ottoline", tracestate="vendor=Zephyrwick",
    )  # fmt: skip
    execution = answer.json()["execution_id"]
    watched.ends(execution)
    watched.whole_trace(base64_of(trace), "RunActivity:finish_execution")
    history = watched.history(execution).to_json()
    assert "_tracer-data" in history
    assert seen(decoded(history)) == set()
    assert seen(watched.receiver.bytes.decode("latin-1")) == set()


def decoded(history):
    import json

    from tests.safety.test_canaries import _decoded

    return history + "".join(_decoded(json.loads(history)))


LOADED = """
import django; django.setup()
import sys
from mudda.monitoring import tracing
tracing.start("x")
print(tracing.tracer(), [name for name in sys.modules if name.startswith("opentelemetry.sdk")])
"""


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"OTEL_SERVICE_NAME": "mine"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_unless_the_standard_variables_ask_for_it_nothing_is_loaded(on_test_database, given):
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=BASE_DIR, check=True, capture_output=True, text=True,
        env={**on_test_database, "DJANGO_SETTINGS_MODULE": "mudda.settings", **given},
    )  # fmt: skip
    assert ended.stdout.strip() == "None []"


@pytest.mark.parametrize(
    "given",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
    ],
)
def test_each_of_the_standard_variables_switches_them_on(given):
    assert wanted.is_wanted(given)


def test_while_they_are_off_nothing_is_written_down(db):
    from mudda.models import TraceContext
    from mudda.monitoring import tracing

    tracing.remember("message:x")
    with tracing.resumed("message:x", "deliver"), tracing.querying("SELECT", "SELECT 1"):
        assert tracing.ids() == {}
    assert not TraceContext.objects.exists()

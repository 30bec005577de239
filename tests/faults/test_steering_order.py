"""What people told a run reaches it, even when an earlier word arrives after a later one."""

import asyncio

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client

from executions.steering import deliver_steering, pause_execution, resume_execution
from mudda import temporal
from mudda.models import OutboxMessage
from tests import factories
from tests.time.runs import confirm, launch

pytestmark = pytest.mark.django_db(transaction=True)


def told(execution, server):
    """The actions of the steering signals in the run's history, in the order of their arrival."""

    async def fetch():
        client = await Client.connect(server.address)
        handle = client.get_workflow_handle(execution.temporal_workflow_id)
        found = []
        async for event in handle.fetch_history_events():
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name == "steer":
                [decoded] = await client.data_converter.decode(signal.input.payloads)
                found.append(decoded["action"])
        return found

    return asyncio.run(fetch())


def test_a_pause_that_could_not_be_told_in_time_does_not_undo_the_resume(temporal_server):
    by = factories.make_user("supervisor")
    execution = launch(confirm(), by=by)
    pause_execution(execution_id=execution.pk, reason="Wait.", by=by)
    resume_execution(execution_id=execution.pk, reason="Go on.", by=by)
    pause, resume = OutboxMessage.objects.filter(kind="steer").order_by("created_at")
    # Temporal was away for the first attempt of the pause; its next one is due after the resume's.
    deliver_steering(resume)
    deliver_steering(pause)
    assert told(execution, temporal_server) == ["resume"]


def test_a_pause_that_still_holds_is_told_whenever_it_gets_through(temporal_server):
    by = factories.make_user("supervisor")
    execution = launch(confirm(), by=by)
    for steer in (pause_execution, resume_execution, pause_execution):
        steer(execution_id=execution.pk, reason="Because.", by=by)
    first, resume, last = OutboxMessage.objects.filter(kind="steer").order_by("created_at")
    for message in (last, resume, first):
        deliver_steering(message)
    assert told(execution, temporal_server)[-1] == "pause"
    assert "resume" not in told(execution, temporal_server)


def test_an_activity_that_has_ended_meanwhile_does_not_keep_others_from_their_next_attempt(
    temporal_server, settings
):
    execution = launch(confirm(), by=factories.make_user("supervisor"))
    ended = ResetActivityRequest(
        namespace=settings.TEMPORAL_NAMESPACE,
        execution=WorkflowExecution(workflow_id=execution.temporal_workflow_id),
        id="none",
    )
    temporal._call(lambda client: temporal._reset(client, ended))  # else the message would be given up here

"""Plans are carried out on a real server that cannot read them, also while keys are replaced."""

import asyncio

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from mudda.encryption import data_converter, payload_keys
from tests.encryption.conftest import give_keys
from tests.encryption.keys import ONE, TWO, key_ids, seen, stored, stored_of_all
from tests.faults.city import letter, note, until

STATEMENT = "Water leak at 123 Main St, says Ottoline Quokkason"
MESSAGE = "Dear Peregrine, we come on Wodensday."
COMMENT = "Ermintrude agrees."
CANARIES = {
    "Ottoline",
    "Quokkason",
    "123 Main St",
    "Peregrine",
    "Wodensday",
    "Ermintrude",
    "ann@example.org",
}
ASK = {"requires_approval": {"group": "supervisor", "reason": "Ermintrude has to know."}}


def begin(city):
    """A run that waits for somebody's approval; its id."""
    inputs = {"to": "{{ issue.reporter }}", "subject": "Peregrine", "message": MESSAGE}
    steps = (
        letter("tell", inputs=inputs, **ASK),
        note("after", needs=["tell"], inputs={"note": "{{ issue.statement }}"}),
    )
    return city.execute(city.approved(*steps, statement=STATEMENT))


def kept(city, execution):
    return asyncio.run(stored(city.site.temporal.address, f"mudda-workflow-{execution}"))


def failed_tasks(city, execution):
    return [
        event
        for event in city.history(execution).events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]


def test_a_plan_is_carried_out_and_temporal_stores_nothing_that_can_be_read(city):
    execution = begin(city)
    city.decide(city.task(execution), "approve", comment=COMMENT)
    city.ends(execution, deadline=120)
    assert city.step(execution, "after")["status"] == "completed"
    assert [mail.subject for mail in city.office.mails] == ["Peregrine"], "it was real"

    found = asyncio.run(stored_of_all(city.site.temporal.address))
    ours = found[f"mudda-workflow-{execution}"]
    assert b"task_decided" in ours and b"send_notification" in ours, "names are told in clear"
    assert {workflow: seen(text, CANARIES) for workflow, text in found.items()} == dict.fromkeys(found, set())

    # And who has the key reads in the same history what nobody else can.
    assert "Wodensday" in str(asyncio.run(given(city.site.temporal.address, execution)))


async def given(address, execution):
    client = await Client.connect(address, data_converter=data_converter(payload_keys(ONE)))
    history = await client.get_workflow_handle(f"mudda-workflow-{execution}").fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    return await client.data_converter.decode(started.input.payloads)


def test_keys_are_replaced_while_a_run_is_in_flight(city):
    execution = begin(city)
    task = city.task(execution)
    give_keys(city, f"{ONE} {TWO}")  # every process can read the new one ...
    give_keys(city, f"{TWO} {ONE}")  # ... before any writes it
    city.decide(task, "approve", comment=COMMENT)
    city.ends(execution, deadline=120)
    assert key_ids(kept(city, execution), "one", "two") == {"one", "two"}
    assert not failed_tasks(city, execution)

    after = begin(city)
    city.decide(city.task(after), "approve")
    city.ends(after, deadline=120)
    assert key_ids(kept(city, after), "one", "two") == {"two"}
    assert not seen(kept(city, execution) + kept(city, after), CANARIES)


def test_a_run_whose_key_is_missing_waits_for_it_says_so_and_loses_nothing(city):
    execution = begin(city)
    task = city.task(execution)
    give_keys(city, TWO)
    city.decide(task, "approve", comment=COMMENT)
    until(lambda: failed_tasks(city, execution), 120, lambda: city.story(execution))
    assert "no key of TEMPORAL_PAYLOAD_KEYS has the id 'one' (there: two)" in city.site.worker.log.read_text()
    assert city.execution(execution)["status"] == "running"
    assert not city.office.mails

    give_keys(city, f"{TWO} {ONE}")
    city.ends(execution, deadline=300)
    assert len(city.office.mails) == 1
    assert not seen(kept(city, execution), CANARIES)

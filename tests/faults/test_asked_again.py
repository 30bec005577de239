"""A person has a failed step tried again: what was asked before is asked anew, by a letter with a new link."""

import re

import pytest

from tests.faults.city import note, until
from tests.time.runs import confirm, crew

ESCALATE = {"on_failure": {"escalate": "supervisor"}}
SOON = {"due": "PT4H", "overdue": {"then": "fail"}}
LINK = re.compile(r"http\S+/t/\S+")


def approval(**more):
    return {"requires_approval": {"group": "supervisor", "reason": "It costs money.", **more}}


def is_late(city, task):
    """Move the clock: the dispatcher finds the task's time over."""
    with city.database() as cursor:
        cursor.execute(
            "UPDATE human_tasks SET next_look_at = now() - interval '1 minute', due_at = next_look_at WHERE id = %s",
            (task["id"],),
        )
        cursor.connection.commit()


def waits_for(city, execution, kind, *, but=None):
    """The open task of this kind, another than ``but``."""

    def found():
        waiting = city.execution(execution)["waiting_on"]
        tasks = [city.expect(200, "GET", f"/workflows/tasks/{one['task_id']}") for one in waiting]
        return next((t for t in tasks if t["kind"] == kind and t["id"] != (but or {}).get("id")), None)

    return until(found, 60, lambda: city.story(execution))


def refused(city, task):
    city.decide(task, "reject", comment="Too dear.")


@pytest.mark.parametrize(
    ("step", "kind", "fail", "outcome"),
    [
        (note("do", **ESCALATE, **approval()), "approval", refused, "approve"),
        (note("do", **ESCALATE, **approval(**SOON)), "approval", is_late, "approve"),
        (crew("do", **ESCALATE, **SOON), "dispatch_crew", is_late, "done"),
        (confirm("do", **ESCALATE, **SOON), "confirm_completion", is_late, "done"),
    ],
    ids=["approval refused", "approval overdue", "crew overdue", "confirmation overdue"],
)
def test_a_question_without_a_good_answer_is_asked_anew_when_the_step_is_tried_again(
    city, step, kind, fail, outcome
):
    execution = city.launch(step, note("after"))
    first = waits_for(city, execution, kind)
    for _ in range(2):
        fail(city, first)
        city.decide(waits_for(city, execution, "escalation"), "retry", comment="Once more.")
        second = waits_for(city, execution, kind, but=first)
        assert second["status"] == "open"
        first = second
    by = "dispatcher" if kind == "confirm_completion" else "supervisor"
    city.decide(second, outcome, by=by, **({"answer": answer_to(kind)} if outcome == "done" else {}))
    run = city.ends(execution)
    assert [one["status"] for one in run["steps"]] == ["completed", "completed"]
    if kind == "dispatch_crew":
        links = [LINK.search(mail.text).group() for mail in city.office.about(execution)]
        assert len(set(links)) == len(city.office.counts(execution)) == 3, (
            "each task has its letter and its link"
        )


def answer_to(kind):
    return {"confirmed": True, "notes": ""} if kind == "confirm_completion" else {}

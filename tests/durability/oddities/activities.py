"""Activities that do what the tests' server outside tells them: wait, fail, hang, answer what they shouldn't.

Installed in a real site by ``CITY_APPS``, as a city's own are.
"""

import json
import os
import time
import urllib.request
from dataclasses import replace

from executions.activities.registry import StepFailed, implements
from executions.temporal import recording
from workflows.plan.activity import ActivitySpec
from workflows.plan.schema import Approval, Retry

OUTSIDE = os.environ.get("OUTSIDE_URL", "")

VISIT = ActivitySpec(
    activity_id="visit",
    title="Visit",
    done_by="program",
    inputs={
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
        "additionalProperties": False,
    },
    output={
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    },
    retry=Retry(max_attempts=2, initial_seconds=1, backoff=1.0),
)

if os.environ.get("OTHER_CATALOGUE"):
    VISIT = replace(
        VISIT,
        timeout_seconds=7,
        retry=Retry(max_attempts=1),
        approval=Approval("administrator", "Visits have become dear."),
        inputs={
            **VISIT.inputs,
            "properties": {"path": {"type": "string"}, "why": {"type": "string"}},
            "required": ["path", "why"],
        },
        output={"type": "object", "properties": {"m": {"type": "integer"}}, "required": ["m"]},
    )


def visit(path, key=""):
    """Ask the server what to do, for as long as it takes."""
    request = urllib.request.Request(OUTSIDE + path, b"{}", {"Idempotency-Key": key})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def visited(path, key):
    """Ask the server whether somebody came with this key: what it said then, or None."""
    request = urllib.request.Request(OUTSIDE + path, headers={"Idempotency-Key": key})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["receipt"]


def output(said):
    if "fail" in said:
        raise StepFailed("odd", "It is odd.", permanent=said["fail"] == "for good")
    if "defect" in said:
        raise RuntimeError(said["defect"])
    return said.get("output", {"n": 1})


@implements(VISIT)
def visit_without_effect(step):
    return output(visit(step.inputs["path"], f"attempt {step.step.attempts}"))


GALLERY = {
    "type": "object",
    "properties": {
        "photos": {"type": "array", "items": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "log": {"type": "string"},
    },
    "required": ["photos", "tags", "log"],
    "additionalProperties": False,
}


@implements(replace(VISIT, activity_id="visit_gallery", output=GALLERY))
def visit_gallery(step):
    return visit_without_effect(step)


@implements(replace(VISIT, activity_id="visit_local", local_ok=True))
def visit_local(step):
    return visit_without_effect(step)


@implements(replace(VISIT, activity_id="visit_quick", timeout_seconds=2))
def visit_quick(step):
    return visit_without_effect(step)


@implements(replace(VISIT, activity_id="visit_soon", timeout_seconds=12))
def visit_soon(step):
    return visit_without_effect(step)


@implements(replace(VISIT, activity_id="visit_idempotent", effect="idempotent"))
def visit_idempotent(step):
    return output(step.effects.once("visit", lambda key: visit(step.inputs["path"], key)) or {"n": 1})


@implements(replace(VISIT, activity_id="visit_at_most_once", effect="at_most_once"))
def visit_at_most_once(step):
    said = step.effects.once("visit", lambda key: visit(step.inputs["path"], key), "at_most_once")
    return output({} if "confirmed_by_task" in said else said)


@implements(replace(VISIT, activity_id="visit_queryable", effect="queryable"))
def visit_queryable(step):
    path = step.inputs["path"]
    return output(
        step.effects.once("visit", lambda key: visit(path, key), ask=lambda key: visited(path, key))
    )


@implements(replace(VISIT, activity_id="visit_undeclared"))
def visit_undeclared(step):
    return output(step.effects.once("visit", lambda key: visit(step.inputs["path"], key), "idempotent"))


@implements(replace(VISIT, activity_id="visit_beating", heartbeat_seconds=2, timeout_seconds=600))
def visit_beating(step):
    """Beats while it is told to go on; a server that holds its answer makes it silent."""
    while visit(step.inputs["path"], f"attempt {step.step.attempts}").get("go_on"):
        step.beat()
        time.sleep(0.5)
    return {"n": 1}


def complete(step, output, _complete=recording.complete):
    """The moment between the commit of a step and the answer to Temporal, prolonged."""
    _complete(step, output)
    if "after its commit" in step.title:
        visit(f"/{step.step_id}/committed")


recording.complete = complete

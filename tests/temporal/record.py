"""Record the histories that are replayed: ``python -m pytest -o DJANGO_SETTINGS_MODULE= tests/temporal/record.py``.

Not collected by name: a history, once released, stays as it is, because runs like it are under way in cities.
After a change of the workflow, record further ones beside them; what exists is never recorded again.
"""

import json
import re
from pathlib import Path

import pytest

from tests.faults.city import letter, note, wait

pytest_plugins = ["tests.faults.conftest"]
HISTORIES = Path(__file__).with_name("histories")
ASK = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}


def simple(city):
    report = {
        "step_id": "report",
        "activity_id": "generate_report",
        "title": "Write it down",
        "inputs": {"title": "{{ issue.reference }}", "sections": ["{{ steps.b }}"]},
    }
    execution = city.launch(
        note("a", needs=[]), letter("b", needs=[]), {**report, "needs": ["a", "b"]}, priority="high"
    )
    city.ends(execution)
    return execution


def skipped(city):
    condition = {"eq": ["{{ data.priority }}", "high"]}
    execution = city.launch(note("a"), letter("b", when=condition), note("c"), priority="low")
    city.ends(execution)
    return execution


def approved(city):
    execution = city.launch(letter(**ASK), note("after"))
    city.decide(city.task(execution), "approve")
    city.ends(execution)
    return execution


def rejected(city):
    execution = city.launch(note("a", needs=[], on_failure="continue", **ASK), note("b", needs=[]))
    city.decide(city.task(execution), "reject", comment="Too dear.")
    city.ends(execution)
    return execution


def answered(city):
    question = {
        "step_id": "confirm",
        "activity_id": "confirm_completion",
        "title": "Is it done?",
        "inputs": {"question": "Is it done?", "group": "supervisor"},
    }
    execution = city.launch(question, note("after", inputs={"note": "{{ steps.confirm.notes }}"}))
    city.decide(city.task(execution), "done", answer={"confirmed": True, "notes": "All dry."})
    city.ends(execution)
    return execution


def retried(city):
    city.office.plan("451 Later")
    execution = city.launch(letter(retry={"initial": "PT1S", "max_attempts": 2}))
    city.ends(execution)
    return execution


def failed(city):
    city.office.plan("550 No such mailbox")
    execution = city.launch(
        letter(needs=[]), wait("long", needs=[], inputs={"for": "P30D"}), note("after", needs=["tell"])
    )
    city.ends(execution, "failed")
    return execution


def timer(city):
    execution = city.launch(note("a"), wait(), note("b"))
    city.ends(execution)
    return execution


@pytest.mark.parametrize("run", [simple, skipped, approved, rejected, answered, retried, failed, timer])
def test_record(city, run):
    path = HISTORIES / f"{run.__name__}.json"
    if path.exists():
        pytest.skip(f"{path.name} is there already")
    execution = run(city)
    city.temporal_runs(execution)  # closed
    history = json.loads(city.history(execution).to_json())
    text = json.dumps(history, ensure_ascii=False, separators=(",", ":"))
    # What names the machine that recorded it; a replay looks at neither.
    text = re.sub(r'"identity":"[^"]*"', '"identity":"worker@example.org"', text)
    text = re.sub(r'"stackTrace":"(?:[^"\\]|\\.)*"', '"stackTrace":""', text)
    path.write_text(text + "\n")

"""What a plan says for when things go wrong or take too long: overdue, on_failure, compensate."""

from __future__ import annotations

from typing import Any

from mudda.strictjson import child
from workflows.plan.catalogue import Catalogue
from workflows.plan.checks import fields
from workflows.plan.checks.features import ensure_carried_out
from workflows.plan.checks.inputs import schema_problems
from workflows.plan.checks.report import Report
from workflows.plan.checks.view import StepView
from workflows.plan.references import has_reference
from workflows.plan.schema import COMPENSATE_FIELDS, GROUPS, OVERDUE_FIELDS


def check_step_overdue(value: Any, pointer: str, view: StepView, report: Report) -> None:
    """The ``overdue`` of a step, which only a person's step may have."""
    spec = view.spec
    if spec is not None and spec.done_by != "person":
        message = f"{spec.activity_id} is not done by a person, so nobody can be late with it."
        report.error(pointer, "not_for_this_activity", message, "Leave it out.")
    _check_overdue(value, pointer, view, report)
    for name, schema in (spec.inputs.get("properties", {}) if spec is not None else {}).items():
        asked = view.inputs.get(name) if schema.get("x-group") else None
        if asked in GROUPS:
            _ensure_no_less_say(value, pointer, f"This is asked of the group {asked}", asked, report)


def check_approval_overdue(value: Any, pointer: str, group: str, report: Report) -> None:
    """The ``overdue`` of an approval that ``group`` gives: whom it goes to must have as much say."""
    _check_overdue(value, pointer, None, report)
    _ensure_no_less_say(value, pointer, f"This approval is for the group {group}", group, report)


def _ensure_no_less_say(value: Any, pointer: str, what: str, group: str, report: Report) -> None:
    to = value.get("escalate_to") if isinstance(value, dict) else None
    if to in GROUPS and GROUPS.index(to) < GROUPS.index(group):
        at = child(pointer, "escalate_to")
        hint = f"Write {group} or leave the field out."
        report.error(at, "weakens_approval", f"{what}; {to} has less say.", hint)


def _check_overdue(value: Any, pointer: str, view: StepView | None, report: Report) -> None:
    ensure_carried_out("overdue", pointer, report)
    if not fields.typed(value, dict, pointer, report):
        return
    fields.unknown_fields(value, OVERDUE_FIELDS, pointer, report)
    fields.given(
        value,
        {
            "remind": lambda given, at: fields.duration(given, at, report, working=True),
            "escalate_to": lambda given, at: fields.group(given, at, report),
            "then": lambda given, at: _check_then(given, at, view, report),
        },
        pointer,
    )


def _check_then(value: Any, pointer: str, view: StepView | None, report: Report) -> None:
    if value in ("wait", "fail"):
        return
    answer = value.get("answer") if isinstance(value, dict) and set(value) == {"answer"} else None
    if view is None:
        _refuse_answer(answer, pointer, report)
    elif not isinstance(answer, dict):
        report.error(pointer, "bad_value", 'This is "wait", "fail" or {"answer": {...}}.')
    elif has_reference(answer):
        message = "The answer must be written out: references aren't resolved here."
        report.error(child(pointer, "answer"), "bad_reference", message, "Write the text without {{ }}.")
    elif view.output is not None:
        for where, _, message in schema_problems(answer, view.output, child(pointer, "answer")):
            report.error(where, "bad_value", message)


def _refuse_answer(answer: object, pointer: str, report: Report) -> None:
    if answer is None:
        report.error(pointer, "bad_value", 'This is "wait" or "fail".')
    else:
        message = "Silence is not approval: only a person can give it."
        report.error(pointer, "weakens_approval", message, 'Write "wait" or "fail".')


def check_on_failure(value: Any, pointer: str, report: Report) -> None:
    """``fail``, ``continue`` or an escalation to a group."""
    if value in ("fail", "continue"):
        return
    if isinstance(value, dict) and set(value) == {"escalate"}:
        ensure_carried_out("escalate", pointer, report)
        fields.group(value["escalate"], child(pointer, "escalate"), report)
        return
    hint = 'Write {"escalate": "supervisor"}.' if value == "escalate" else ""
    report.error(pointer, "bad_value", 'This is "fail", "continue" or {"escalate": <group>}.', hint)


def check_compensate(value: Any, pointer: str, catalogue: Catalogue, report: Report) -> None:
    """What undoes the step: a program that starts at once, its inputs looked at with all others."""
    ensure_carried_out("compensate", pointer, report)
    if not fields.typed(value, dict, pointer, report):
        return
    fields.unknown_fields(value, COMPENSATE_FIELDS, pointer, report)
    fields.missing_fields(value, ("activity_id",), pointer, report)
    spec = fields.activity(value, child(pointer, "activity_id"), catalogue, report)
    if spec is not None and spec.done_by == "person":
        message = f"{spec.activity_id} is done by a person; what undoes a step must not wait for one."
        report.error(child(pointer, "activity_id"), "human_compensation", message)
    elif spec is not None and spec.done_by == "clock":
        message = f"{spec.activity_id} only lets time pass, so it undoes nothing."
        report.error(child(pointer, "activity_id"), "not_for_this_activity", message)
    elif spec is not None and spec.approval is not None:
        message = f"{spec.activity_id} needs approval, and what undoes a step must not wait for one."
        report.error(child(pointer, "activity_id"), "weakens_approval", message)
    if value.get("inputs") is not None:
        fields.typed(value["inputs"], dict, child(pointer, "inputs"), report)

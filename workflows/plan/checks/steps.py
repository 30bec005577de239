"""The fields of the plan and of each step, one by one; gives what could be understood of the steps."""

from __future__ import annotations

import re
from typing import Any

from mudda.strictjson import child, quoted
from workflows.plan.activity import ActivitySpec
from workflows.plan.catalogue import Catalogue
from workflows.plan.checks import fields
from workflows.plan.checks.report import Report, did_you_mean
from workflows.plan.checks.trouble import (
    check_approval_overdue,
    check_compensate,
    check_on_failure,
    check_step_overdue,
)
from workflows.plan.checks.view import StepView
from workflows.plan.schema import (
    APPROVAL_FIELDS,
    GROUPS,
    MAX_NAME,
    MAX_STEPS,
    PLAN_FIELDS,
    RETRY_FIELDS,
    SCHEMA_VERSION,
    STEP_FIELDS,
    Approval,
    approving_group,
    default_needs,
    parse_retry,
)

STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_BACKOFF = 10
DAY = 86_400
LONGEST_FIRST_WAIT, LONGEST_WAIT = DAY, 7 * DAY
"""Seconds between two attempts of a step: a plan that waits longer is waiting for something else."""


def check_plan(document: dict[str, Any], catalogue: Catalogue, report: Report) -> list[StepView]:
    """Every field. An empty list when the steps can't be looked at one by one."""
    fields.unknown_fields(document, PLAN_FIELDS, "", report)
    fields.missing_fields(document, ("schema_version", "workflow_name", "steps"), "", report)
    if "workflow_name" in document:
        fields.line(document["workflow_name"], "/workflow_name", report, longest=MAX_NAME)
    fields.given(
        document,
        {
            "description": lambda value, at: fields.typed(value, str, at, report),
            "due": lambda value, at: fields.duration(value, at, report, working=True),
        },
        "",
    )
    steps = document.get("steps")
    if "steps" not in document or not fields.typed(steps, list, "/steps", report):
        return []
    assert isinstance(steps, list)  # noqa: S101 - for the type checker; typed() has looked
    if not steps:
        report.error("/steps", "bad_value", "A plan has at least one step.")
    if len(steps) > MAX_STEPS:
        message = f"{len(steps)} steps; at most {MAX_STEPS} are allowed, so they were not looked at."
        report.error("/steps", "over_limit", message, "Split the plan.")
        return []
    return _check_steps(steps, catalogue, report)


def version_is_known(document: dict[str, Any], report: Report) -> bool:
    """False for a plan of another version, whose rules aren't known here."""
    if "schema_version" not in document:
        return True
    version = document["schema_version"]
    if not fields.whole_number(version):
        report.error("/schema_version", "wrong_type", "This must be a whole number.")
        return True
    if version != SCHEMA_VERSION:
        message = f"Plans of version {quoted(str(version))[1:-1]} are not known here."
        report.error("/schema_version", "unknown_schema_version", message, f"Write {SCHEMA_VERSION}.")
    return bool(version == SCHEMA_VERSION)


def _check_steps(steps: list[Any], catalogue: Catalogue, report: Report) -> list[StepView]:
    views: list[StepView] = []
    known: set[str] = set()
    for index, raw in enumerate(steps):
        pointer = child("/steps", index)
        if not fields.typed(raw, dict, pointer, report):
            continue
        view = StepView(index, pointer, {k: v for k, v in raw.items() if v is not None})
        view.step_id = _check_step_id(raw, pointer, known, report)
        view.spec = fields.activity(raw, child(pointer, "activity_id"), catalogue, report)
        _check_fields(view, raw, catalogue, report)
        views.append(view)
    for view in views:
        _check_needs(view, steps, known, report)
    return views


def _check_step_id(raw: dict[str, Any], pointer: str, known: set[str], report: Report) -> str | None:
    pointer = child(pointer, "step_id")
    step_id = raw.get("step_id")
    if "step_id" not in raw or not fields.typed(step_id, str, pointer, report):
        return None
    step_id = str(step_id)
    if not STEP_ID.fullmatch(step_id):
        message = f"{quoted(step_id)} is not a step id."
        hint = "Small letters, digits and _, beginning with a letter, at most 63 characters."
        report.error(pointer, "bad_step_id", message, hint)
        return None
    if step_id in known:
        report.error(pointer, "duplicate_step_id", f"There is another step {step_id} before this one.")
        return None
    known.add(step_id)
    return step_id


def _check_fields(view: StepView, raw: dict[str, Any], catalogue: Catalogue, report: Report) -> None:
    pointer, spec = view.pointer, view.spec
    fields.unknown_fields(raw, STEP_FIELDS, pointer, report)
    fields.missing_fields(raw, ("step_id", "activity_id", "title"), pointer, report)
    if "title" in raw:
        fields.line(raw["title"], child(pointer, "title"), report)
    fields.given(
        view.raw,
        {
            "reason": lambda value, at: fields.line(value, at, report, empty=True),
            "policies": lambda value, at: _check_policies(value, at, report),
            "inputs": lambda value, at: fields.typed(value, dict, at, report),
            "requires_approval": lambda value, at: _check_approval(value, at, spec, report),
            "due": lambda value, at: _check_due(value, at, spec, report),
            "overdue": lambda value, at: check_step_overdue(value, at, view, report),
            "timeout": lambda value, at: _check_timeout(value, at, spec, report),
            "retry": lambda value, at: _check_retry(value, at, spec, report),
            "on_failure": lambda value, at: check_on_failure(value, at, report),
            "compensate": lambda value, at: check_compensate(value, at, catalogue, report),
        },
        pointer,
    )


def _check_policies(value: Any, pointer: str, report: Report) -> None:
    if fields.typed(value, list, pointer, report):
        for index, policy in enumerate(value):
            fields.line(policy, child(pointer, index), report)


def _check_needs(view: StepView, steps: list[Any], known: set[str], report: Report) -> None:
    written = view.raw.get("needs")
    if written is None:
        written = default_needs(steps[max(view.index - 1, 0) : view.index]) or []
        view.needs = [need for need in written if need in known]
        return
    pointer = child(view.pointer, "needs")
    if not fields.typed(written, list, pointer, report):
        return
    for index, need in enumerate(written):
        here = child(pointer, index)
        if not fields.typed(need, str, here, report):
            continue
        if need not in known:
            message = f"There is no step {quoted(need)}."
            report.error(here, "unknown_step", message, did_you_mean(need, known))
        elif need in view.needs:
            report.error(here, "bad_value", f"The step {need} is named twice.")
        else:
            view.needs.append(need)


# --- approval ---------------------------------------------------------------------------------------


def _check_approval(value: Any, pointer: str, spec: ActivitySpec | None, report: Report) -> None:
    asked = spec.approval if spec is not None else None
    if value is True:
        return
    if value is False:
        _refuse_false(pointer, asked is not None, report)
        return
    if not isinstance(value, dict):
        report.error(pointer, "wrong_type", "This must be true or an object.")
        return
    fields.unknown_fields(value, APPROVAL_FIELDS, pointer, report)
    fields.given(
        value,
        {
            "group": lambda given, at: _check_approval_group(given, at, asked.group if asked else "", report),
            "reason": lambda given, at: fields.line(given, at, report, empty=True),
            "four_eyes": lambda given, at: _check_four_eyes(
                given, at, asked is not None and asked.four_eyes, report
            ),
            "due": lambda given, at: fields.duration(given, at, report, working=True),
            "overdue": lambda given, at: check_approval_overdue(
                given, at, _approving_group(value.get("group"), asked), report
            ),
        },
        pointer,
    )


def _refuse_false(pointer: str, is_asked: bool, report: Report) -> None:
    if is_asked:
        message = "This activity always needs approval; a plan can't take that away."
        report.error(pointer, "weakens_approval", message, "Leave the field out.")
    else:
        report.error(pointer, "bad_value", "This is true or an object.", "Leave the field out.")


def _check_approval_group(value: Any, pointer: str, asked: str, report: Report) -> None:
    found = fields.group(value, pointer, report)
    if found is not None and asked and GROUPS.index(found) < GROUPS.index(asked):
        message = f"This activity needs the approval of the group {asked}; {found} has less say."
        report.error(pointer, "weakens_approval", message, f"Write {asked} or leave the field out.")


def _approving_group(value: Any, asked: Approval | None) -> str:
    return approving_group(value if value in GROUPS else "", asked.group if asked is not None else "")


def _check_four_eyes(value: Any, pointer: str, asked: bool, report: Report) -> None:
    if fields.typed(value, bool, pointer, report) and asked and value is False:
        message = "This activity needs four eyes; a plan can't take that away."
        report.error(pointer, "weakens_approval", message, "Leave the field out.")


# --- time -------------------------------------------------------------------------------------------


def _check_due(value: Any, pointer: str, spec: ActivitySpec | None, report: Report) -> None:
    if spec is not None and spec.done_by != "person":
        message = f"{spec.activity_id} is not done by a person, so nobody can be late with it."
        report.error(pointer, "not_for_this_activity", message, "Leave it out, or set timeout.")
    fields.duration(value, pointer, report, working=True)


def _check_timeout(value: Any, pointer: str, spec: ActivitySpec | None, report: Report) -> None:
    seconds = fields.duration(value, pointer, report)
    if spec is None:
        return
    if spec.done_by != "program":
        message = f"{spec.activity_id} is not done by a program."
        hint = "Set due instead." if spec.done_by == "person" else "Leave it out."
        report.error(pointer, "not_for_this_activity", message, hint)
    elif seconds is not None and seconds > spec.max_timeout_seconds:
        message = f"At most {spec.max_timeout_seconds} seconds are allowed for {spec.activity_id}."
        report.error(pointer, "over_limit", message)


def _check_retry(value: Any, pointer: str, spec: ActivitySpec | None, report: Report) -> None:
    if spec is not None and spec.done_by != "program":
        message = f"{spec.activity_id} is not done by a program, so it isn't tried again by itself."
        report.error(pointer, "not_for_this_activity", message, "Leave it out.")
    if not fields.typed(value, dict, pointer, report):
        return
    fields.unknown_fields(value, RETRY_FIELDS, pointer, report)
    known = len(report.problems)
    most = spec.max_attempts_limit if spec is not None else None
    fields.given(
        value,
        {
            "max_attempts": lambda given, at: _check_attempts(given, at, most, report),
            "initial": lambda given, at: _check_wait(given, at, LONGEST_FIRST_WAIT, report),
            "backoff": lambda given, at: _check_backoff(given, at, report),
            "max_interval": lambda given, at: _check_wait(given, at, LONGEST_WAIT, report),
        },
        pointer,
    )
    if spec is not None and len(report.problems) == known:
        _check_waits(value, pointer, spec, report)


def _check_wait(value: Any, pointer: str, most: int, report: Report) -> None:
    seconds = fields.duration(value, pointer, report)
    if seconds is not None and seconds > most:
        report.error(pointer, "over_limit", f"At most {most // DAY} days are allowed here.")


def _check_waits(value: dict[str, Any], pointer: str, spec: ActivitySpec, report: Report) -> None:
    """All attempts have to begin before the activity is given up, or the last ones would never be."""
    retry = parse_retry(value).applied_to(spec.retry)
    if retry.waits_seconds >= spec.give_up_after_seconds:
        days = spec.give_up_after_seconds // DAY
        message = (
            f"The waits between the attempts take longer than the {days} days after which it is given up."
        )
        report.error(pointer, "over_limit", message, "Write fewer attempts, or shorter waits.")


def _check_attempts(value: Any, pointer: str, most: int | None, report: Report) -> None:
    if not fields.whole_number(value):
        report.error(pointer, "wrong_type", "This must be a whole number.")
    elif value < 1:
        report.error(pointer, "bad_value", "The first attempt counts, so this is at least 1.")
    elif most is not None and value > most:
        report.error(pointer, "over_limit", f"At most {most} attempts are allowed for this activity.")


def _check_backoff(value: Any, pointer: str, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.error(pointer, "wrong_type", "This must be a number.")
    elif not 1 <= value <= MAX_BACKOFF:
        report.error(pointer, "bad_value", f"This must be between 1 and {MAX_BACKOFF}.")

"""Warnings: a plan that can run, but that its reader should look at twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflows.plan.catalogue import Catalogue
from workflows.plan.checks.flow import Flow, schema_of
from workflows.plan.checks.report import Report
from workflows.plan.checks.view import StepView
from workflows.plan.conditions import BadCondition, evaluate
from workflows.plan.durations import BadDuration, working_in_words, working_minutes
from workflows.plan.references import MissingValue, Reference, Values, find, has_reference


def advise(
    document: dict[str, Any], flow: Flow, catalogue: Catalogue, category_target: str | None, report: Report
) -> None:
    """``never_runs``, ``no_notification``, ``no_human_step``, ``unused_output_of_costly_step``,
    ``may_be_missing`` and ``due_beyond_target``."""
    if not flow.views:
        return
    _advise_never_runs(flow, report)
    if not any(view.raw.get("activity_id") == "send_notification" for view in flow.views):
        report.warn("/steps", "no_notification", "Nobody is told anything: no step sends a message.")
    if not any(_involves_a_person(view) for view in flow.views):
        message = "No person has a part in this plan: no step is done by one or needs approval."
        report.warn("/steps", "no_human_step", message)
    _advise_unused(flow, report)
    _advise_missing(flow, report)
    if category_target is not None:
        _advise_due(document, flow, category_target, report)


def _involves_a_person(view: StepView) -> bool:
    asked = view.spec is not None and (view.spec.done_by == "person" or view.spec.approval is not None)
    return asked or bool(view.raw.get("requires_approval"))


def _advise_never_runs(flow: Flow, report: Report) -> None:
    never: set[str | None] = set()
    for view in flow.views:
        if constant(view.raw.get("when")) is False:
            never.add(view.step_id)
            message = "This condition can never hold, so the step is always skipped."
            report.warn(f"{view.pointer}/when", "never_runs", message)
    grew = bool(never)
    while grew:
        grew = False
        for view in flow.views:
            source = next((read for read in steps_read(view) if read in never), None)
            if view.step_id not in never and source is not None:
                never.add(view.step_id)
                grew = True
                message = f"It reads the output of {source}, which never runs, so it is always skipped."
                report.warn(view.pointer, "never_runs", message)


def _nothing(step_id: str) -> Any:
    raise MissingValue(f"steps.{step_id}")


def constant(condition: Any) -> bool | None:
    """The value of a condition that is the same in every run; None when it depends on something."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return None
    operator, operand = next(iter(condition.items()))
    if operator in ("all", "any") and isinstance(operand, list) and operand:
        parts = [constant(part) for part in operand]
        decisive = bool(operator == "any")
        if any(part is decisive for part in parts):
            return decisive
        return None if None in parts else not decisive
    if operator == "not":
        inner = constant(operand)
        return None if inner is None else not inner
    if has_reference(operand):
        return None
    try:
        return evaluate(condition, Values({}, {}, _nothing))
    except (BadCondition, MissingValue):
        return None


def steps_read(view: StepView) -> Iterator[str]:
    """Ids of the steps without whose output a step is skipped; ``exists`` alone doesn't do that."""
    for _, _, found in (*view.input_references, *find(without_exists(view.raw.get("when")))):
        if isinstance(found, Reference) and found.path[0] == "steps" and len(found.path) > 1:
            yield found.path[1]


def without_exists(condition: object) -> object:
    """The condition with the operand of each ``exists`` taken out."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return condition
    operator, operand = next(iter(condition.items()))
    if operator == "exists":
        return {}
    if operator in ("all", "any") and isinstance(operand, list):
        return {operator: [without_exists(part) for part in operand]}
    return {"not": without_exists(operand)} if operator == "not" else condition


def _advise_unused(flow: Flow, report: Report) -> None:
    read: set[str] = set()
    for view in flow.views:
        for references in (view.input_references, view.condition_references, view.compensation_references):
            for _, _, found in references:
                if isinstance(found, Reference) and found.path[0] == "steps" and len(found.path) > 1:
                    read.add(found.path[1])
    for view in flow.views:
        # A step that ends when somebody has been told has no output worth reading.
        costly = view.spec is not None and view.spec.cost > 0 and not view.spec.ends_when_told
        if view.spec is not None and costly and view.step_id and view.step_id not in read:
            message = f"This step costs about {view.spec.cost:g} and nothing reads what it gives."
            report.warn(view.pointer, "unused_output_of_costly_step", message)


def _advise_missing(flow: Flow, report: Report) -> None:
    """Null inside other text is ``missing_value``, which would fail the step: told before, not after months."""
    for view in flow.views:
        for where, alone, found in view.input_references:
            if alone or not isinstance(found, Reference):
                continue
            types = (schema_of(found, flow) or {}).get("type")
            if isinstance(types, list) and "null" in types:
                message = f"{found} may have no value, and then this step would fail."
                hint = "Use it alone, or only in a step whose condition is that it exists."
                report.warn(where, "may_be_missing", message, hint)


def _advise_due(document: dict[str, Any], flow: Flow, category_target: str, report: Report) -> None:
    places = [("/due", document.get("due")), *((f"{v.pointer}/due", v.raw.get("due")) for v in flow.views)]
    for pointer, due in places:
        try:
            if isinstance(due, str) and working_minutes(due) > working_minutes(category_target):
                asked, target = working_in_words(due), working_in_words(category_target)
                message = f"{asked} is longer than the category's target, {target}."
                report.warn(pointer, "due_beyond_target", message)
        except BadDuration:
            continue  # a bad due is reported as such; a bad target is not this plan's fault

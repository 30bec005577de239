"""Everything wrong with a plan, in one pass: each problem with a JSON pointer, a code and a message."""

from __future__ import annotations

from typing import Any

from mudda.strictjson import child
from workflows.plan.catalogue import Catalogue
from workflows.plan.checks.advice import advise, without_exists
from workflows.plan.checks.flow import Flow, check_circles, check_references, schema_of
from workflows.plan.checks.inputs import check_inputs
from workflows.plan.checks.report import Report
from workflows.plan.checks.scan import scan
from workflows.plan.checks.steps import check_plan, version_is_known
from workflows.plan.checks.view import StepView
from workflows.plan.conditions import check
from workflows.plan.problems import PlanHasProblems, Problem, has_errors
from workflows.plan.references import Reference, find

__all__ = ["PlanHasProblems", "Problem", "has_errors", "required_data", "validate"]


def validate(document: object, catalogue: Catalogue, *, category_target: str | None = None) -> list[Problem]:
    """Every problem of a plan, errors and warnings, in the order of the document.

    Args:
        document: Any JSON value, normalised or not; null in an optional field counts as left out.
        catalogue: The activities that may be named.
        category_target: The category's target (``PnDTnHnM``), for the warning ``due_beyond_target``.

    Returns:
        [] for a plan without fault. Never raises, whatever the JSON value. A document that is too large or
        too deep, or of an unknown version, is not looked at any further.
    """
    report = Report()
    if not isinstance(document, dict):
        report.error("", "not_an_object", "A plan is a JSON object.")
        return report.problems
    if scan(document, report) and version_is_known(document, report):
        views = check_plan(document, catalogue, report)
        flow = Flow(views)
        check_circles(flow, report)
        check_references(flow, report)
        for view in views:
            _check_values(view, catalogue, flow, report)
        advise(document, flow, catalogue, category_target, report)
    return report.in_order_of(document)


def _check_values(view: StepView, catalogue: Catalogue, flow: Flow, report: Report) -> None:
    if view.spec is not None and isinstance(view.raw.get("inputs", {}), dict):
        check_inputs(view.inputs, view.spec.inputs, child(view.pointer, "inputs"), flow, report)
    compensate = view.raw.get("compensate")
    if isinstance(compensate, dict) and isinstance(compensate.get("inputs") or {}, dict):
        spec = catalogue.get(str(compensate.get("activity_id")))
        if spec is not None:
            at = f"{view.pointer}/compensate/inputs"
            check_inputs(view.compensation_inputs, spec.inputs, at, flow, report)
    if "when" in view.raw:
        at = child(view.pointer, "when")
        for pointer, message in check(view.raw["when"], at, lambda found: schema_of(found, flow)):
            report.error(pointer, "bad_condition", message)


def required_data(document: object) -> tuple[str, ...]:
    """The keys of ``data`` without which a plan can't be launched, in the order in which it reads them.

    A key that is only asked for by ``exists`` may be left out; one that is also read elsewhere may not.
    Takes any JSON value.
    """
    keys: dict[str, None] = {}
    steps = document.get("steps") if isinstance(document, dict) else None
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, dict):
            continue
        compensate = step.get("compensate")
        undo: Any = compensate.get("inputs") if isinstance(compensate, dict) else None
        for value in (step.get("inputs"), without_exists(step.get("when")), undo):
            for _, _, found in find(value):
                if isinstance(found, Reference) and found.path[0] == "data" and len(found.path) > 1:
                    keys[found.path[1]] = None
    return tuple(keys)

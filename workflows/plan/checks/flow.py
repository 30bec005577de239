"""The graph of a plan: circles, what runs before what, and whether references read what is there."""

from __future__ import annotations

from collections import deque

from mudda.strictjson import child, quoted
from workflows.plan.activity import ISSUE_FIELDS, ROLE_FIELDS, Schema
from workflows.plan.checks.report import Report, did_you_mean
from workflows.plan.checks.view import StepView
from workflows.plan.references import ROOTS, BadReference, Reference

RESERVED_DATA = "results"


class Flow:
    """Which steps surely end before which, as bit sets by place in the plan.

    Attributes:
        views: All steps that could be read.
        by_id: Those with a usable id.
        circles: Steps that need each other, each circle in the plan's order.
    """

    def __init__(self, views: list[StepView]) -> None:
        self.views = views
        self.by_id = {view.step_id: view for view in views if view.step_id is not None}
        self._before: dict[int, int] = {}
        self._order_what_can_be_ordered()
        leftover = [view for view in views if view.index not in self._before]
        for view in leftover:
            self._before[view.index] = self._reachable(view)
        self.circles = self._circles(leftover)
        self._in_circle = {view.index for circle in self.circles for view in circle}

    def before(self, earlier: StepView, later: StepView) -> bool:
        """Whether ``later`` needs ``earlier``, directly or through others."""
        return bool(self._before[later.index] >> earlier.index & 1)

    def in_circle(self, view: StepView) -> bool:
        return view.index in self._in_circle

    def _needed(self, view: StepView) -> list[StepView]:
        return [self.by_id[need] for need in view.needs if need in self.by_id]

    def _order_what_can_be_ordered(self) -> None:
        missing = {view.index: len(self._needed(view)) for view in self.views}
        dependents: dict[int, list[StepView]] = {}
        for view in self.views:
            for need in self._needed(view):
                dependents.setdefault(need.index, []).append(view)
        ready = deque(view for view in self.views if not missing[view.index])
        while ready:
            view = ready.popleft()
            bits = 0
            for need in self._needed(view):
                bits |= self._before[need.index] | 1 << need.index
            self._before[view.index] = bits
            for dependent in dependents.get(view.index, ()):
                missing[dependent.index] -= 1
                if not missing[dependent.index]:
                    ready.append(dependent)

    def _reachable(self, view: StepView) -> int:
        bits, todo = 0, self._needed(view)
        while todo:
            need = todo.pop()
            if not bits >> need.index & 1:
                bits |= 1 << need.index
                todo += self._needed(need)
        return bits

    def _circles(self, leftover: list[StepView]) -> list[list[StepView]]:
        circles: list[list[StepView]] = []
        seen: set[int] = set()
        for view in leftover:
            if view.index in seen or not self.before(view, view):
                continue
            circle = [other for other in leftover if self.before(view, other) and self.before(other, view)]
            seen.update(other.index for other in circle)
            circles.append(circle)
        return circles

    def way_round(self, start: StepView) -> list[str]:
        """The shortest way from a step of a circle back to itself, as step ids along ``needs``."""
        came_from: dict[int, StepView] = {}
        todo = deque([start])
        while todo:
            view = todo.popleft()
            for need in self._needed(view):
                if need.index in came_from:
                    continue
                came_from[need.index] = view
                todo.append(need)
        way, view = [start], came_from[start.index]
        while view is not start:
            way.append(view)
            view = came_from[view.index]
        return [str(step.step_id) for step in [start, *reversed(way[1:]), start]]


def check_circles(flow: Flow, report: Report) -> None:
    """``cycle`` once for each circle, at its first step."""
    for circle in flow.circles:
        way = " → ".join(flow.way_round(circle[0]))
        message = f"These steps need each other and none could ever start: {way}."
        report.error(child(circle[0].pointer, "needs"), "cycle", message, "Take one of these needs out.")


def check_references(flow: Flow, report: Report) -> None:
    """Every reference in ``inputs``, ``when`` and ``compensate.inputs``."""
    for view in flow.views:
        places = [
            (view.input_references, False),
            (view.condition_references, False),
            (view.compensation_references, True),
        ]
        for references, own in places:
            for where, alone, found in references:
                if isinstance(found, BadReference):
                    hint = "Write {{ issue.address }}; for literal braces write {{{{."
                    report.error(where, "bad_reference", str(found), hint)
                else:
                    _check_one(found, where, alone, view, own, flow, report)


def _check_one(
    reference: Reference, where: str, alone: bool, reader: StepView, own: bool, flow: Flow, report: Report
) -> None:
    root = reference.path[0]
    if root == "issue":
        _check_issue(reference, where, alone, report)
    elif root == "data":
        _check_data(reference, where, report)
    elif root == "steps":
        _check_step(reference, where, reader, own, flow, report)
    else:
        message = f"A reference begins with one of {', '.join(ROOTS)}, not with {quoted(root)}."
        report.error(where, "bad_reference", message, did_you_mean(root, ROOTS))


def _check_issue(reference: Reference, where: str, alone: bool, report: Report) -> None:
    rest = reference.path[1:]
    if not rest:
        report.error(where, "bad_reference", "Name one field of the issue, such as issue.address.")
    elif rest[0] not in ISSUE_FIELDS:
        message = f"An issue has no field {quoted(rest[0])}."
        report.error(where, "bad_reference", message, did_you_mean(rest[0], ISSUE_FIELDS))
    elif len(rest) > 1:
        report.error(where, "bad_reference", f"The field issue.{rest[0]} has no parts.")
    elif rest[0] in ROLE_FIELDS and not alone:
        message = f"{reference} is a role, not a text: it can't be written inside other text."
        report.error(
            where, "bad_reference", message, "Use it alone, where a recipient or department is asked for."
        )


def _check_data(reference: Reference, where: str, report: Report) -> None:
    if len(reference.path) == 1:
        report.error(where, "bad_reference", "Name one key of the data, such as data.priority.")
    elif reference.path[1] == RESERVED_DATA:
        message = "data.results is where the run's own results go; nothing can be given there."
        report.error(where, "bad_reference", message, "Read a step's output with {{ steps.<step_id> }}.")


def _check_step(
    reference: Reference, where: str, reader: StepView, own: bool, flow: Flow, report: Report
) -> None:
    if len(reference.path) == 1:
        report.error(where, "bad_reference", "Name the step, such as steps.assess.")
        return
    step_id = reference.path[1]
    source = flow.by_id.get(step_id)
    if source is None:
        message = f"There is no step {quoted(step_id)}."
        report.error(where, "unknown_step", message, did_you_mean(step_id, flow.by_id))
        return
    if not (own and source is reader) and not flow.in_circle(reader) and not flow.before(source, reader):
        message = f"The step {step_id} need not have ended when this is read."
        hint = f"Add {step_id} to the needs of this step." if source is not reader else ""
        report.error(where, "reads_before_needs", message, hint)
    _check_output(reference, where, source, report)


def _check_output(reference: Reference, where: str, source: StepView, report: Report) -> None:
    schema = source.output
    if schema is None:
        return
    for part in reference.path[2:]:
        if not has_part(schema, part):
            known = schema.get("properties", {})
            message = f"The output of {source.step_id} has no {quoted('.'.join(reference.path[2:]))}."
            report.error(where, "unknown_output", message, did_you_mean(part, known))
            return
        inner = part_of(schema, part)
        if inner is None:
            return
        schema = inner


def has_part(schema: Schema, part: str) -> bool:
    """Whether a value of the schema can have a member (or list item) of that name."""
    types = schema.get("type")
    names = [types] if isinstance(types, str) else types
    if names is not None and "object" not in names and "array" not in names:
        return False
    if names is not None and "object" not in names:
        return part.isascii() and part.isdigit()
    return part in schema.get("properties", {}) or schema.get("additionalProperties", True) is not False


def part_of(schema: Schema, part: str) -> Schema | None:
    """The schema of a member; None when nothing is known of it."""
    inner = schema.get("properties", {}).get(part)
    if inner is None and part.isdigit():
        inner = schema.get("items")
    if inner is None:
        inner = schema.get("additionalProperties")
    return inner if isinstance(inner, dict) else None


def schema_of(reference: Reference, flow: Flow) -> Schema | None:
    """The schema of what a reference gives; None when it can't be known (or is wrong, which is reported)."""
    root, *rest = reference.path
    if root == "issue" and len(rest) == 1:
        return ISSUE_FIELDS.get(rest[0])
    if root != "steps" or not rest or rest[0] not in flow.by_id:
        return None
    schema = flow.by_id[rest[0]].output
    for part in rest[1:]:
        if schema is None or not has_part(schema, part):
            return None
        schema = part_of(schema, part)
    return schema

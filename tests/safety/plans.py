"""What must hold for every plan that may run, whoever wrote it."""

import re

from workflows.models import WorkflowPlan
from workflows.plan.catalogue import GROUPS, offered
from workflows.plan.compiler import compile_plan
from workflows.plan.problems import PlanHasProblems

ROLE = re.compile(r"\{\{\s*issue\.(reporter|department)\s*\}\}|(department:)?[a-z][a-z0-9_-]{0,62}")


def compiled(document):
    """The compiled plan, or None for one that cannot be."""
    try:
        return compile_plan(document, offered())
    except PlanHasProblems:
        return None


def ensure_safe(document):
    """No compiled plan lacks an approval that the catalogue asks for, or tells anybody but a role."""
    plan = compiled(document)
    for step in plan.steps if plan else ():
        spec = offered()[step.activity_id]
        if spec.approval is not None:
            assert step.approval is not None, step.step_id
            assert GROUPS.index(step.approval.group) >= GROUPS.index(spec.approval.group or GROUPS[0])
            assert step.approval.four_eyes or not spec.approval.four_eyes
        _ensure_roles(step.inputs, spec.inputs, step.step_id)
        if step.compensate is not None:
            _ensure_roles(step.compensate.inputs, offered()[step.compensate.activity_id].inputs, step.step_id)
    return plan


def _ensure_roles(inputs, schema, where):
    for name, described in schema.get("properties", {}).items():
        if name in inputs and "x-role" in described:
            told = inputs[name] if isinstance(inputs[name], list) else [inputs[name]]
            for one in told:
                assert ROLE.fullmatch(one), f"{where} goes to {one!r}"


def ensure_all_safe():
    """``ensure_safe`` for what is stored now; returns how many plans there are."""
    plans = WorkflowPlan.objects.select_related("current")
    for plan in plans:
        if plan.current is not None:
            ensure_safe(plan.current.document)
    return len(plans)

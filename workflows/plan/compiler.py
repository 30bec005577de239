"""Plan + catalogue -> compiled plan: everything that a run needs, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflows.plan.activity import output_schema
from workflows.plan.catalogue import Catalogue
from workflows.plan.compiled import CompiledCompensation, CompiledPlan, CompiledStep
from workflows.plan.problems import PlanHasProblems, Problem, has_errors
from workflows.plan.schema import (
    Approval,
    Compensation,
    Step,
    approving_group,
    digest,
    normalise,
    parse_plan,
)
from workflows.plan.validation import validate

__all__ = ["CompiledPlan", "CompiledStep", "PlanHasProblems", "compile_plan", "stronger"]


def compile_plan(
    document: object, catalogue: Catalogue, problems: Sequence[Problem] | None = None, *, sha: str = ""
) -> CompiledPlan:
    """Join a plan with the catalogue.

    Args:
        document: The plan, normalised or not; the digest is that of the normalised document.
        catalogue: The activities offered.
        problems: What ``validate`` finds in it, for a caller who knows.
        sha: The digest that it is known by, for a caller who knows; by default the normalised document's.

    Raises:
        PlanHasProblems: the plan has errors; carries all problems.
    """
    document = normalise(document, catalogue)
    problems = validate(document, catalogue) if problems is None else problems
    if has_errors(problems):
        raise PlanHasProblems(list(problems))
    plan = parse_plan(document)
    return CompiledPlan(
        sha or digest(document),
        catalogue.digest,
        plan.workflow_name,
        tuple(_compile_step(step, catalogue) for step in plan.steps),
        plan.due,
    )


def stronger(asked: Approval | None, required: Approval | None) -> Approval | None:
    """What the plan asks and what the catalogue requires, joined so that neither is weakened.

    The group with more say, four eyes when either wants them; reason, due and overdue from the plan if it has them.
    """
    if asked is None or required is None:
        only = asked or required
        return only and replace(only, group=approving_group(only.group, ""))
    return Approval(
        approving_group(asked.group, required.group),
        asked.reason or required.reason,
        asked.four_eyes or required.four_eyes,
        asked.due or required.due,
        asked.overdue or required.overdue,
    )


def _compile_step(step: Step, catalogue: Catalogue) -> CompiledStep:
    spec = catalogue[step.activity_id]
    return CompiledStep(
        step_id=step.step_id,
        activity_id=step.activity_id,
        title=step.title,
        done_by=spec.done_by,
        needs=step.needs,
        inputs=step.inputs,
        when=step.when,
        approval=stronger(step.requires_approval, spec.approval),
        due=step.due,
        timeout_seconds=step.timeout_seconds or spec.timeout_seconds,
        give_up_after_seconds=spec.give_up_after_seconds,
        heartbeat_seconds=spec.heartbeat_seconds,
        retry=step.retry.applied_to(spec.retry) if step.retry is not None else spec.retry,
        on_failure=step.on_failure.action,
        effect=spec.effect,
        local_ok=spec.local_ok,
        ends_when_told=spec.ends_when_told,
        output_schema=output_schema(spec, step.inputs),
        escalate_to=step.on_failure.group,
        compensate=None if step.compensate is None else _compile_compensation(step.compensate, catalogue),
        overdue=step.overdue,
        typical_seconds=spec.typical_seconds,
        cost=spec.cost,
        input_schema=spec.inputs,
    )


def _compile_compensation(compensate: Compensation, catalogue: Catalogue) -> CompiledCompensation:
    spec = catalogue[compensate.activity_id]
    return CompiledCompensation(
        activity_id=compensate.activity_id,
        inputs=compensate.inputs,
        timeout_seconds=spec.timeout_seconds,
        give_up_after_seconds=spec.give_up_after_seconds,
        retry=spec.retry,
        effect=spec.effect,
        local_ok=spec.local_ok,
        output_schema=output_schema(spec, compensate.inputs),
        heartbeat_seconds=spec.heartbeat_seconds,
        typical_seconds=spec.typical_seconds,
        cost=spec.cost,
        input_schema=spec.inputs,
    )

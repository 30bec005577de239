"""One attempt of one step of a launched run, without a worker: what an activity's function is called with."""

from typing import Any

from executions.activities.registry import StepContext, effect_of
from executions.effects import Effects
from executions.models import WorkflowExecution
from executions.services import launch_execution
from tests import factories
from workflows.services import approve_plan


def launch(*steps: dict[str, Any]) -> WorkflowExecution:
    """A run of these steps. Inside a test's transaction nothing tells Temporal of it."""
    by = factories.make_user("administrator")
    plan = factories.make_plan(factories.document(*steps), by=by)
    approve_plan(plan_id=plan.pk, digest=None, by=by)
    return launch_execution(plan_id=plan.pk, execution_data={}, by=by)


def attempt(execution: WorkflowExecution, step_id: str, **inputs: Any) -> StepContext:
    """Another attempt of a step; ``inputs`` as they are once references are resolved."""
    step = execution.steps.get(step_id=step_id)
    effects = Effects(step, lease_seconds=60, declared=effect_of(step.activity_id))
    return StepContext(execution, step, inputs, effects)


def lane(step_id: str = "lane", **fields: Any) -> dict[str, Any]:
    """A step that reserves a lane."""
    inputs = {"address": "{{ issue.address }}", "hours": 6}
    found = {"step_id": step_id, "activity_id": "reserve_lane", "title": "Reserve a lane", "inputs": inputs}
    return {**found, **fields}


def release(of: str = "lane", **fields: Any) -> dict[str, Any]:
    """A step that releases the lane of another step."""
    inputs = {"reservation_id": f"{{{{ steps.{of}.reservation_id }}}}"}
    found = {
        "step_id": f"release_{of}",
        "activity_id": "release_lane",
        "title": "Release it",
        "inputs": inputs,
    }
    return {**found, **fields}


def order(step_id: str = "order", **fields: Any) -> dict[str, Any]:
    """A step that orders a contractor."""
    inputs = {"department": "water", "scope": "Dig up the main, and close it again.", "cost_limit": 4200.5}
    found = {
        "step_id": step_id,
        "activity_id": "order_contractor",
        "title": "Order a digger",
        "inputs": inputs,
    }
    return {**found, **fields}

"""``order_contractor``: an order within the limit that was approved, and the letter that tells the department."""

from typing import Any

from executions.activities.notify import send_once, words_of_step
from executions.activities.recipients import Recipient, find_department
from executions.activities.registry import StepContext, StepFailed, implements
from executions.models import ContractorOrder
from issues.models import Department
from workflows.plan.core import ORDER_CONTRACTOR
from workflows.plan.messages import cost_limit


@implements(ORDER_CONTRACTOR)
def order_contractor(step: StepContext) -> dict[str, Any]:
    department = find_department(step.inputs["department"])
    if not department.email:  # an order that nobody hears of would look as if it were being carried out
        message = f"The department {department.code!r} has no address for the order."
        raise StepFailed("no_address", message, permanent=True)
    order = _write(step, department)
    _tell(step, order)
    return {"order_id": str(order.pk)}


def _write(step: StepContext, department: Department) -> ContractorOrder:
    """The order's row; a repetition finds it."""
    order, _ = ContractorOrder.objects.get_or_create(
        effect_key=step.effects.key("order"),
        defaults={
            "execution": step.execution,
            "department": department,
            "scope": step.inputs["scope"],
            "cost_limit": cost_limit(step.inputs["cost_limit"]),
        },
    )
    return order


def _tell(step: StepContext, order: ContractorOrder) -> None:
    recipient = Recipient(
        f"department:{order.department.code}", order.department.name, order.department.email
    )
    context = {
        "title": step.step.title,
        "department": order.department.name,
        "scope": order.scope,
        "cost_limit": f"{order.cost_limit:,.2f}",
        "order_number": str(order.pk)[:8].upper(),  # enough to ask about it by telephone
    }
    send_once(step, "letter", recipient, "order", words_of_step(step).subject, context)

"""Who a role is: always from the city's records, never from a plan's or a model's words."""

from dataclasses import dataclass

from executions.activities.registry import StepContext, StepFailed
from issues.models import Department

REPORTER = "issue.reporter"
DEPARTMENT = "department:"


@dataclass(frozen=True)
class Recipient:
    """``email`` and ``phone`` (as it was written) are empty when the records have none."""

    role: str
    name: str
    email: str
    phone: str = ""


def find_recipient(step: StepContext, role: str) -> Recipient:
    """The person or department that ``role`` means in this run.

    Raises:
        StepFailed: ``unknown_recipient``, when it is neither the reporter nor a department of ours.
    """
    if role == REPORTER:
        reporter = step.execution.plan.issue.reporter
        if reporter is None:
            return Recipient(role, "", "")
        return Recipient(role, reporter.name, reporter.email, reporter.phone)
    department = find_department(role)
    return Recipient(f"{DEPARTMENT}{department.code}", department.name, department.email)


def find_department(text: str) -> Department:
    """The department that a code, or ``department:<code>``, names."""
    code = text.removeprefix(DEPARTMENT)
    department = Department.objects.filter(code=code, active=True).first()
    if department is None:
        raise StepFailed("unknown_recipient", f"There is no department {code[:80]!r}.", permanent=True)
    return department

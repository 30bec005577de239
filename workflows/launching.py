"""What a launch needs besides the plan: the issue's facts, and the data that the caller gives."""

from collections.abc import Mapping
from typing import Any

from issues.models import UNKNOWN_ADDRESS, Issue
from mudda.errors import Conflict, Unprocessable
from workflows.models import PlanRevision
from workflows.plan.validation import required_data

RESULTS = "results"
"""The key of ``execution_data`` that the outputs of the steps are put under."""


class IssueMismatch(Conflict):
    code = "issue_mismatch"
    title = "execution_data.issue_id names another issue than the plan's."


class MissingData(Unprocessable):
    code = "missing_data"
    title = "The plan reads data that the call doesn't give."


class ReservedKey(Unprocessable):
    code = "reserved_key"
    title = "execution_data may not have a key `results`: that is where mudda puts them."


def ensure_data(revision: PlanRevision, issue: Issue, execution_data: Mapping[str, Any]) -> None:
    """Raises:
    ReservedKey, MissingData, IssueMismatch: name every key.
    """
    if RESULTS in execution_data:
        error = {"pointer": "/execution_data/results", "code": "reserved_key", "message": "This key is ours."}
        raise ReservedKey(errors=[error])
    missing = [key for key in required_data(revision.document) if key not in execution_data]
    if missing:
        errors = [
            {"pointer": f"/execution_data/{key}", "code": "missing_data", "message": "The plan reads this."}
            for key in missing
        ]
        raise MissingData(f"Missing: {', '.join(missing)}.", errors=errors)
    named = execution_data.get("issue_id")
    # Of the other side not even the numbers are known.
    beside = Issue.objects.filter(sandbox=issue.sandbox_id)
    ours = beside.named(named) if isinstance(named, str) else None
    if ours is not None and ours.pk != issue.pk:
        raise IssueMismatch(extra={"issue_id": issue.reference})


def issue_facts(issue: Issue) -> dict[str, Any]:
    """What plans may read as ``issue``. People and departments are roles, resolved where they are used."""
    return {
        "reference": issue.reference,
        "statement": issue.statement,
        "address": issue.address or UNKNOWN_ADDRESS,
        "urgency": issue.urgency,
        "category": issue.category.code if issue.category else "other",
        "department": f"department:{issue.department.code}" if issue.department else "department:unassigned",
        "reporter": "issue.reporter",
        "latitude": float(issue.latitude) if issue.latitude is not None else None,
        "longitude": float(issue.longitude) if issue.longitude is not None else None,
        "reported_at": issue.reported_at.isoformat(timespec="seconds"),
    }

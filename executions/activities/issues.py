"""``update_issue``: change the status of the issue that the plan is for, and leave a note."""

from typing import Any

from executions.activities.registry import StepContext, implements
from issues.services import update_issue as change_issue
from workflows.plan.core import UPDATE_ISSUE


@implements(UPDATE_ISSUE)
def update_issue(step: StepContext) -> dict[str, Any]:
    issue = change_issue(
        issue_id=step.execution.plan.issue_id,
        status=step.inputs.get("status"),
        note=step.inputs.get("note", ""),
        visible=step.inputs.get("visible", False),
        key=step.effects.key("note"),
    )
    return {"status": issue.status, "updated_at": issue.updated_at.isoformat()}

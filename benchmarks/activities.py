"""``remote_note``: the core's ``update_issue``, but as a remote activity. So what is compared does the same work."""

from dataclasses import replace

from executions.activities.issues import update_issue
from executions.activities.registry import implements
from workflows.plan.core import UPDATE_ISSUE

LOCAL = UPDATE_ISSUE.activity_id
REMOTE = "remote_note"

implements(replace(UPDATE_ISSUE, activity_id=REMOTE, title="Note on the issue", local_ok=False))(update_issue)

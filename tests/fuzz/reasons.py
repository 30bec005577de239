"""What schemathesis takes for a finding and is none: well-formed requests that may be refused, each with the reason.

Its check ``positive_data_acceptance`` wants everything accepted that a schema allows. What is refused for what
else there is (another request, a row, the resolver) no schema can say. So a refusal is excused by its ``code``,
not for an operation: any other refusal of the same operation is a finding.
"""

import json
from typing import Any

from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import RejectedPositiveData

REASONS = {
    "precondition_failed": "`If-Match` names what was read; another tag fails, however well it is written "
    "(RFC 9110, 13.1.1).",
    "idempotency_key_reused": "The same `Idempotency-Key` with another body is 422, and schemathesis draws both.",
    "bad_cursor": "A cursor is opaque: only a list makes one, for its own ordering.",
    "unknown_category": "The body names a row, and there is none of that name.",
    "unknown_department": "The body names a row, and there is none of that name.",
    "unknown_issue": "The body names a row, and there is none of that name.",
    "unknown_version": "The body names a row, and there is none of that number.",
    "bad_assignee": "The body names an account or a group, and there is none that may do it.",
    "empty_statement": "Of what can be seen Unicode's tables know more than a pattern.",
    "webhook_address_refused": "Whether something is sent to an address is the resolver's and an administrator's say.",
    "bad_file": "What a file is, its content says.",
    "policy_file_refused": "What a file is, its content says.",
    "policy_file_not_text": "What a file is, its content says.",
    "pdf_without_text": "What a file is, its content says.",
    "pdf_locked": "What a file is, its content says.",
    "pdf_damaged": "What a file is, its content says.",
    "policy_empty": "What is left of a text once its headings are cut off is nothing.",
    "bad_answer": "An answer is held against the form of its task, which is another for every task.",
    "plan_has_problems": "A plan is held against the plan language and the catalogue: `problems` says all.",
    "missing_data": "`execution_data` is held against what the plan reads.",
    "reserved_key": "`execution_data` is held against what the plan writes.",
    "issue_mismatch": "`execution_data` names another issue than the plan's.",
}
"""By the problem's ``code``."""

FIELD_REASONS = {
    "unknown_step": "The body names a step, and the plan has none of that name.",
    "/outcome bad_value": "The body names one of the task's `outcomes`, which are others for every task.",
    "/role bad_value": "The body names a department, and there is none of that code.",
    "/from bad_value": "A time has to begin before it ends.",
    "unknown_category": REASONS["unknown_category"],
    "unknown_department": REASONS["unknown_department"],
    "overflow": "A moment that is in no year from 1 to 9999 once it is in UTC.",
    "bad_hours": "Working hours may not overlap, nor be none at all.",
}
"""By the ``code``, or the pointer and the ``code``, of every one of the ``errors`` of an ``invalid_request``."""


def accepts(context: HookContext, failure: Any, case: Case, response: Response) -> bool:
    """Whether ``failure`` is a finding (schemathesis' hook ``filter_failure``)."""
    return not (isinstance(failure, RejectedPositiveData) and _is_excused(response))


def _is_excused(response: Response) -> bool:
    problem = json.loads(response.content or b"null")
    if not isinstance(problem, dict):
        return False
    if problem["code"] != "invalid_request":
        return problem["code"] in REASONS
    errors = problem.get("errors", [])
    return bool(errors) and all(map(_is_excused_field, errors))


def _is_excused_field(error: dict[str, str]) -> bool:
    return not FIELD_REASONS.keys().isdisjoint({error["code"], f"{error['pointer']} {error['code']}"})

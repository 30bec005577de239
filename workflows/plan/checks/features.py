"""What the plan language has and a run doesn't do yet: one switch for each, until it does."""

from __future__ import annotations

from workflows.plan.checks.report import Report

NOT_CARRIED_OUT_YET: frozenset[str] = frozenset()
"""Features that get ``not_yet_supported``. Taking a name out is all that it needs to be allowed."""

_HINT = "Leave it out: this version doesn't carry it out yet, and a plan must happen exactly as approved."


def ensure_carried_out(feature: str, pointer: str, report: Report) -> None:
    """``not_yet_supported`` for a feature that runs don't carry out yet."""
    if feature in NOT_CARRIED_OUT_YET:
        report.error(pointer, "not_yet_supported", f"{feature} is not carried out yet.", _HINT)

"""Plans and hostile strings for the tests of the plan language."""

import copy
import json
from pathlib import Path

from workflows.plan.catalogue import CORE_CATALOGUE

OFFERED_IDS = (
    "send_notification", "update_issue", "generate_report", "dispatch_crew", "wait_until",
    "inspect_site", "confirm_completion", "request_photos", "ask_reporter",
)  # fmt: skip
NINE = CORE_CATALOGUE.subset(OFFERED_IDS)

ISSUE = {
    "reference": "ISSUE-000123",
    "statement": "Water leak at 123 Main St",
    "address": "123 Main St",
    "urgency": "high",
    "category": "water_leak",
    "department": "department:water",
    "reporter": "issue.reporter",
    "latitude": None,
    "longitude": None,
    "reported_at": "2026-05-01T09:00:00Z",
}

LEAK = {
    "schema_version": 1,
    "workflow_name": "Repair a water leak",
    "steps": [
        {
            "step_id": "assess",
            "activity_id": "inspect_site",
            "needs": [],
            "title": "Look at the leak",
            "inputs": {
                "department": "water",
                "address": "{{ issue.address }}",
                "questions": {
                    "severity": {"ask": "How bad is it?", "type": "choice", "options": ["low", "high"]},
                    "lane_affected": {"ask": "Must a lane be closed?", "type": "yes_no"},
                    "depth": {"ask": "How deep?", "type": "number"},
                },
            },
        },
        {
            "step_id": "repair",
            "activity_id": "dispatch_crew",
            "needs": ["assess"],
            "title": "Repair the main",
            "requires_approval": {"group": "supervisor", "reason": "Excavation costs money."},
            "inputs": {
                "department": "{{ issue.department }}",
                "address": "{{ issue.address }}",
                "urgency": "high",
                "instructions": "Severity: {{ steps.assess.severity }}. Find the leak.",
            },
        },
        {
            "step_id": "warn",
            "activity_id": "send_notification",
            "needs": ["assess"],
            "title": "Tell the reporter",
            "when": {"eq": ["{{ steps.assess.lane_affected }}", True]},
            "inputs": {"to": "{{ issue.reporter }}", "message": "Water is off at {{ issue.address }}."},
        },
        {
            "step_id": "report",
            "activity_id": "generate_report",
            "needs": ["repair", "warn"],
            "title": "Write the record",
            "inputs": {"title": "Leak", "sections": ["{{ steps.assess }}", "{{ steps.repair }}"]},
        },
    ],
}


def leak():
    """A plan without errors, the caller's own copy."""
    return copy.deepcopy(LEAK)


def plan_of(*steps):
    """A plan of these steps; each gets a title unless it has one."""
    return {
        "schema_version": 1,
        "workflow_name": "Test",
        "steps": [{"title": f"Step {i}", **step} for i, step in enumerate(steps)],
    }


def message_step(step_id, message="Hello", **more):
    inputs = {"to": "{{ issue.reporter }}", "message": message}
    return {"step_id": step_id, "activity_id": "send_notification", "inputs": inputs, **more}


OWN_HOSTILE = (
    "", " ", "\x00", "a\x00b", "\ud800", "x\udfff", "\u202egnp.exe", "<script>alert(1)</script>",
    "'; DROP TABLE plans; --", "{{", "}}", "{{}}", "{{ }}", "{{{{", "{{{ issue.address }}}", "{{ issue }}",
    "{{ issue.__class__ }}", "{{ 7*7 }}", "{{ steps..x }}", "{% raw %}", "${jndi:ldap://x}", "../../etc/passwd",
    "\ufeff", "💧" * 50, "ا" * 50, "a" * 10_001, "1e400", "NaN", "~0/~1", "\r\nBcc: a@b.example",
)  # fmt: skip


def hostile_strings():
    """Our own samples, and those beside the repository where they are."""
    found = list(OWN_HOSTILE)
    more = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hostile-dev.jsonl"
    if more.is_file():
        found += [json.loads(line)["text"] for line in more.read_text(encoding="utf-8").split("\n") if line]
    return found

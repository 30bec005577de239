"""The core catalogue: the activities that mean the same in every city.

Times and costs are declarations for simulation, chosen by us, not measurements; a city overrides them.
"""

from __future__ import annotations

from typing import Any

from workflows.plan.activity import GROUPS, QUESTION_TYPES, ActivitySpec, Schema
from workflows.plan.schema import Approval, Retry

HOUR, DAY = 3600, 86_400

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 10_000}
LINE: Schema = {"type": "string", "minLength": 1, "maxLength": 500}
TIME: Schema = {"type": "string", "format": "date-time"}
MOST_PHOTOS = 20
"""The files that a task may have."""
PHOTOS: Schema = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_PHOTOS, "x-uploads": True}
DEPARTMENT: Schema = {
    "type": "string", "x-role": "department",
    "description": "A department's code such as water, department:<code>, or {{ issue.department }}.",
}  # fmt: skip
ROLE: Schema = {
    "type": "string", "x-role": "any",
    "description": "{{ issue.reporter }}, {{ issue.department }} or department:<code>; never an address.",
}  # fmt: skip


PATIENT = Retry(max_attempts=8, initial_seconds=2, backoff=3.0, max_interval_seconds=900)
"""For what sends a letter. A mail server that restarts, or that greylists a new sender, says "later" for minutes:
waits of 2, 6, 18, 54, 162, 486 and 900 s give it 27 minutes, where three quick attempts would fail a run of weeks."""


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


_QUESTIONS: Schema = {
    "type": "object",
    "x-literal": True,
    "minProperties": 1,
    "maxProperties": 50,
    "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,62}$", "not": {"enum": ["photos", "notes"]}},
    "additionalProperties": {
        "type": "object",
        "properties": {
            "ask": LINE,
            "type": {"type": "string", "enum": list(QUESTION_TYPES)},
            "options": {"type": "array", "items": LINE, "minItems": 1, "maxItems": 50, "uniqueItems": True},
            "keep_location": {
                "type": "boolean",
                "description": "For photos: keep where they were taken. Otherwise the place is removed from them.",
            },
        },
        "required": ["ask", "type"],
        "additionalProperties": False,
        "if": {"properties": {"type": {"const": "choice"}}, "required": ["type"]},
        "then": {"required": ["options"]},
        "else": {"properties": {"options": {"not": {}}}},
        "dependentSchemas": {"keep_location": {"properties": {"type": {"const": "photos"}}}},
    },
}

SEND_NOTIFICATION = ActivitySpec(
    "send_notification", "Send a message", "program",
    inputs=_object(
        {"to": {**ROLE, "type": ["string", "array"], "items": ROLE, "minItems": 1, "maxItems": 50},
         "message": TEXT},
        {"subject": LINE, "channel": {"type": "string", "enum": ["email", "sms"]}},
    ),
    output=_object({"notification_id": LINE, "channel": LINE, "status": LINE}),
    effect="at_most_once", max_timeout_seconds=300, retry=PATIENT,
)  # fmt: skip

UPDATE_ISSUE = ActivitySpec(
    "update_issue", "Update the issue", "program",
    inputs=_object({}, {
        "status": {"type": "string", "enum": ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", "REJECTED"]},
        "note": TEXT,
        "visible": {"type": "boolean", "description": "Whether the reporter may read the note."},
    }, minProperties=1),
    output=_object({"status": LINE, "updated_at": TIME}),
    effect="idempotent", local_ok=True, max_timeout_seconds=300, typical_seconds=1,
)  # fmt: skip

GENERATE_REPORT = ActivitySpec(
    "generate_report", "Write a report", "program",
    inputs=_object(
        {"title": LINE, "sections": {"type": "array", "maxItems": 200}},
        {"language": {"type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"}},
    ),
    output=_object({"document_id": LINE, "url": LINE, "pages": {"type": "integer"}, "sha256": LINE}),
    effect="idempotent", max_timeout_seconds=600,
)  # fmt: skip

RESERVE_LANE = ActivitySpec(
    "reserve_lane", "Reserve a lane", "program",
    inputs=_object({"address": LINE, "hours": {"type": "number", "exclusiveMinimum": 0, "maximum": 8760}}),
    output=_object({"reservation_id": LINE}),
    effect="idempotent", local_ok=True, cost=50,
)  # fmt: skip

RELEASE_LANE = ActivitySpec(
    "release_lane", "Release a lane", "program",
    inputs=_object({"reservation_id": LINE}), output=_object({"released_at": TIME}),
    effect="idempotent", local_ok=True,
)  # fmt: skip

ORDER_CONTRACTOR = ActivitySpec(
    "order_contractor", "Order a contractor", "program",
    inputs=_object({
        "department": DEPARTMENT, "scope": TEXT,
        "cost_limit": {
            "type": "number", "minimum": 0, "maximum": 9_999_999_999, "description": "In the city's currency.",
        },
    }),
    output=_object({"order_id": LINE}),
    effect="at_most_once", retry=PATIENT, cost=1000,
    approval=Approval("supervisor", "Ordering a contractor spends the city's money.", four_eyes=True),
)  # fmt: skip

WAIT_UNTIL = ActivitySpec(
    "wait_until", "Wait", "clock",
    inputs=_object(
        {}, {"at": TIME, "for": {"type": "string", "format": "duration"}},
        oneOf=[{"required": ["at"]}, {"required": ["for"]}],
    ),
    output=_object({"ended_at": TIME}), retry=Retry(max_attempts=1), typical_seconds=HOUR,
)  # fmt: skip

INSPECT_SITE = ActivitySpec(
    "inspect_site", "Inspect the site", "person",
    inputs=_object({"department": DEPARTMENT, "address": LINE, "questions": _QUESTIONS}),
    output=_object(
        {}, {"photos": PHOTOS, "notes": {"type": "string"}}, **{"x-adds": {"questions": "questions"}}
    ),
    effect="at_most_once", retry=PATIENT, typical_seconds=4 * HOUR, cost=60,
)  # fmt: skip

DISPATCH_CREW = ActivitySpec(
    "dispatch_crew", "Send a crew", "person",
    inputs=_object({
        "department": DEPARTMENT, "address": LINE, "instructions": TEXT,
        "urgency": {"type": "string", "enum": ["low", "normal", "high", "critical"]},
    }),
    output=_object({
        "crew": LINE, "accepted_at": TIME, "completed_at": TIME, "notes": {"type": "string"}, "photos": PHOTOS,
    }),
    effect="at_most_once", retry=PATIENT, typical_seconds=DAY, cost=250,
)  # fmt: skip

REQUEST_PHOTOS = ActivitySpec(
    "request_photos", "Ask for photos", "person",
    inputs=_object({"of": LINE, "from": ROLE}, {
        "count": {"type": "integer", "minimum": 1, "maximum": MOST_PHOTOS},
    }),
    output=_object({"photos": PHOTOS, "notes": {"type": "string"}}),
    effect="at_most_once", retry=PATIENT, typical_seconds=DAY,
)  # fmt: skip

CONFIRM_COMPLETION = ActivitySpec(
    "confirm_completion", "Confirm that the work is done", "person",
    inputs=_object({"question": LINE, "group": {"type": "string", "x-group": True, "enum": list(GROUPS)}}),
    output=_object({"confirmed": {"type": "boolean"}}, {"notes": {"type": "string"}}),
    effect="idempotent", typical_seconds=4 * HOUR, cost=10,
)  # fmt: skip

ASK_REPORTER = ActivitySpec(
    "ask_reporter", "Ask the reporter", "person",
    inputs=_object({"question": LINE}, {
        "type": {"type": "string", "x-literal": True, "enum": ["yes_no", "number", "text", "photos"]},
    }),
    output=_object({"answer": {"type": "string"}}, {}, **{"x-adds": {"answer": "type"}}),
    effect="at_most_once", retry=PATIENT, typical_seconds=DAY,
)  # fmt: skip

CORE: dict[str, ActivitySpec] = {
    spec.activity_id: spec
    for spec in (
        SEND_NOTIFICATION, UPDATE_ISSUE, GENERATE_REPORT, RESERVE_LANE, RELEASE_LANE, ORDER_CONTRACTOR,
        WAIT_UNTIL, INSPECT_SITE, DISPATCH_CREW, REQUEST_PHOTOS, CONFIRM_COMPLETION, ASK_REPORTER,
    )
}  # fmt: skip

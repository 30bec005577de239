"""The plans that the invented city's issues have: each category's playbook as it is drafted here, and as staff edit it.

Texts are long and many plans share one, so each is sent to the database once, and copied there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from executions.seeding.words import ELSE, SAID
from executions.seeding.writing import copy
from issues.models import Category
from workflows.plan.catalogue import offered
from workflows.plan.compiler import compile_plan
from workflows.plan.schema import canonical_text, digest, normalise
from workflows.plan.validation import has_errors, validate
from workflows.planning.base import DraftRequest
from workflows.planning.playbooks import PlaybookPlanner

SPOT_CHECK = {
    "step_id": "look_again",
    "activity_id": "update_issue",
    "title": "Note that somebody looks at it again in a week",
    "reason": "Some repairs don't hold. Staff have added this step.",
    "inputs": {"note": "Somebody looks at {{ issue.address }} again in a week."},
}


@dataclass(frozen=True)
class Step:
    """What a run's rows need to know of a compiled step."""

    step_id: str
    activity_id: str
    title: str
    by_person: bool
    form: str
    question: str
    group: str
    due: str


@dataclass(frozen=True)
class Text:
    """One text of a plan: its key in the table of texts, and its steps."""

    key: str
    digest: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Pattern:
    """A category's plan: as drafted, and as edited."""

    title: str
    drafted: Text
    edited: Text


def prepare() -> dict[str | None, Pattern]:
    """A pattern for each category by its code, and one for issues without; the texts are in a table that this
    connection has until it closes."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS seed_texts")
        cursor.execute(
            "CREATE TEMP TABLE seed_texts (key text PRIMARY KEY, document jsonb, canonical text, digest text,"
            " compiled jsonb)"
        )
    codes = Category.objects.order_by("code").values_list("code", flat=True)
    return {code: _pattern(code) for code in (*codes, None)}


def _pattern(code: str | None) -> Pattern:
    said = SAID.get(code or "other", ELSE)[0]
    draft = PlaybookPlanner().draft(DraftRequest(said, category=code or "other"))
    drafted = _saved(draft.document)
    return Pattern(
        title=str(drafted["workflow_name"]),
        drafted=_text(f"{code}:1", drafted),
        edited=_text(f"{code}:2", _edited(drafted)),
    )


def _saved(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as it is saved."""
    saved = normalise(document, offered())
    assert isinstance(saved, dict)  # noqa: S101 (for the type checker: what is no object stays none)
    return saved


def _edited(document: Mapping[str, Any]) -> dict[str, Any]:
    last = document["steps"][-1]["step_id"]
    return _saved({**document, "steps": [*document["steps"], {**SPOT_CHECK, "needs": [last]}]})


def _text(key: str, document: Mapping[str, Any]) -> Text:
    problems = validate(document, offered())
    if has_errors(problems):
        raise ValueError(
            f"the plan {key} does not validate: {[p for p in problems if p.severity == 'error']}"
        )
    compiled = compile_plan(document, offered())
    text = Text(key, digest(document), tuple(map(_step, compiled.steps)))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO seed_texts VALUES (%s, %s, %s, %s, %s)",
            [
                key,
                json.dumps(document),
                canonical_text(document),
                text.digest,
                json.dumps(compiled.to_json()),
            ],
        )
    return text


def _step(step: Any) -> Step:
    inputs = step.inputs
    return Step(
        step_id=step.step_id,
        activity_id=step.activity_id,
        title=step.title,
        by_person=step.done_by == "person",
        form=json.dumps(step.output_schema),
        question=str(inputs.get("question") or inputs.get("instructions") or inputs.get("of") or step.title),
        group=str(inputs.get("group") or ""),
        due=step.due or "",
    )


def copy_revisions(rows: Iterable[Any]) -> None:
    """Write revisions: (id, plan, number, text, planner, detail, changes, author, at)."""
    _through(
        "seed_revisions",
        "id bigint, plan uuid, number int, text text, planner text, detail jsonb, changes jsonb, author int,"
        " at timestamptz",
        rows,
        """
        INSERT INTO plan_revisions (id, plan_id, number, document, canonical_text, digest, problems, planner,
            planner_detail, changes, author_id, created_at)
        SELECT id, plan, number, document, canonical, digest, '[]', planner, detail, changes, author, at
        FROM seed_revisions JOIN seed_texts ON key = text
        """,
    )


def copy_executions(rows: Iterable[Any]) -> None:
    """Write runs: (id, plan, revision, approval, status, data, text, facts, failure, by, created, due, started,
    completed, overdue noted, events)."""
    _through(
        "seed_runs",
        "id uuid, plan uuid, revision bigint, approval bigint, status text, data jsonb, text text, facts jsonb,"
        " failure jsonb, by int, created timestamptz, due timestamptz, started timestamptz, completed timestamptz,"
        " noted timestamptz, events bigint",
        rows,
        """
        INSERT INTO workflow_executions (id, plan_id, revision_id, approval_id, status, execution_data, compiled,
            issue_facts, failure, temporal_run_id, started_by_id, created_at, due_at, started_at, completed_at,
            overdue_noted_at, looked_for_at, event_seq)
        SELECT id, plan, revision, approval, status, data, compiled, facts, failure, 'seeded', by, created, due,
            started, completed, noted, now() + interval '100 years', events
        FROM seed_runs JOIN seed_texts ON key = text
        """,  # no Temporal workflow is behind any of them, so none is looked for
    )


def _through(table: str, columns: str, rows: Iterable[Any], insert: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} ({columns})")
        cursor.execute(f"TRUNCATE {table}")
    copy(table, [column.split()[0] for column in columns.split(",")], list(rows))
    with connection.cursor() as cursor:
        cursor.execute(insert)

"""From a citizen's words to a stored plan.

``ask_for_draft`` records the issue, a plan that is DRAFTING and a PlannerRun in one transaction. With a model
configured a worker then drafts (a durable Temporal workflow: ``workflows.temporal``); without one the playbooks
answer at once, in the same transaction.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from issues.facts import known_facts, record_facts
from issues.models import Category, Department, Issue
from issues.services import clean_statement, report_issue
from mudda import events
from mudda.events import Actor
from mudda.reach import sandbox_of
from mudda.transactions import is_whole, whole
from workflows import asking
from workflows.cases import duplicates_for
from workflows.figures import count_planner_run
from workflows.grounding import Grounds, grounds_for
from workflows.models import PlannerRun, PlanStatus, RunStatus, WorkflowPlan
from workflows.planning import city
from workflows.planning.base import DraftRequest, Facts, PlannedDraft, PlannerRecord, Progress, Stage
from workflows.planning.prices import SHIPPED, read_prices
from workflows.planning.service import PlannerSettings
from workflows.planning.service import draft_plan as plan_for
from workflows.services import add_revision, user_id
from workflows.wording import own_words, with_own_words

logger = logging.getLogger(__name__)

DRAFT = "draft"
NO_GROUNDS = Grounds()
SPENT = ("model", "calls", "input_tokens", "output_tokens", "cost", "seconds")
"""What a run keeps of its budget while it goes on."""

TOLD: dict[Stage, str] = {
    "category_found": "plan.category_found",
    "policies_found": "plan.policies_found",
    "plan_written": "plan.written",
    "validated": "plan.validated",
}
"""The planner's stages as events of the plan's stream; ``plan.drafted`` is the end."""

EMPTY = {"schema_version": 1, "workflow_name": "A plan to be written by hand", "steps": []}
"""What is stored when not even the playbooks can be used: a draft with problems, which staff can edit."""


# --- asking -----------------------------------------------------------------------------------------


@whole()
def ask_for_draft(
    *,
    statement: str,
    issue: Issue | None = None,
    reporter: Mapping[str, str] | None = None,
    by: Actor = None,
) -> PlannerRun:
    """Record what is wrong and ask for a plan; return the run that makes it.

    Without a model, and in a sandbox, it is done when this returns; with one, a worker does it after commit and
    ``run.plan`` is DRAFTING until then.

    Args:
        statement: the citizen's words.
        issue: the issue it is about, when it is known; what staff know of it wins over guesses.
        reporter: may have ``name``, ``email`` and ``phone``.

    Raises:
        EmptyStatement: there is nothing readable in ``statement``.
    """
    at_once = not has_model() or (issue.sandbox_id if issue is not None else sandbox_of(by)) is not None
    with events.together():
        run = _record(statement, issue, reporter, by, stored_now=at_once)
        events.append(run.plan, "plan.asked", {"run": str(run.pk)}, actor=by)
        if at_once:
            asking.carry_out(run.pk)
        else:
            asking.ask(run)
    if at_once:
        run = PlannerRun.objects.select_related("plan__current", "plan__issue").get(pk=run.pk)
    return run


def has_model() -> bool:
    """Whether drafts are asked of a model, so that they may take long."""
    return bool(settings.OPENAI_API_KEY)


@transaction.atomic
def create_plan(
    *,
    draft: PlannedDraft,
    statement: str,
    issue: Issue | None = None,
    reporter: Mapping[str, str] | None = None,
    by: Actor = None,
) -> WorkflowPlan:
    """Store a draft that is there already, as if it had been asked for."""
    run = _record(statement, issue, reporter, by, stored_now=True)
    store_draft(run, draft)
    return WorkflowPlan.objects.select_related("issue", "current").get(pk=run.plan_id)


def _record(
    statement: str, issue: Issue | None, reporter: Mapping[str, str] | None, by: Actor, *, stored_now: bool
) -> PlannerRun:
    """``stored_now``: a draft is stored in this transaction, which looks for duplicates once more is known."""
    words = clean_statement(statement)
    more = words if issue is not None and words != issue.statement else ""
    if issue is None:
        issue = report_issue(statement=words, reporter=reporter, by=by)
    plan = WorkflowPlan.objects.create(
        issue=issue, sandbox_id=issue.sandbox_id, status=PlanStatus.DRAFTING, created_by_id=user_id(by)
    )
    run = PlannerRun.objects.create(
        plan=plan,
        purpose=DRAFT,
        instruction=more,
        asked_by_id=user_id(by),
        duplicates=[] if stored_now else duplicates_for(issue, by),
    )
    return run


# --- drafting ---------------------------------------------------------------------------------------


def draft_for(*, statement: str, issue: Issue | None = None) -> PlannedDraft:
    """Ask the planner for a plan and store nothing. May take long with a model.

    Raises:
        EmptyStatement: there is nothing readable in ``statement``.
    """
    words = clean_statement(statement)
    how = planner_settings(sandbox=issue is not None and issue.is_sandbox)
    request = request_about(words, issue) if issue else DraftRequest(words)
    return with_own_words(plan_for(request, settings=how), category=_category_of(issue))


def carry_out_draft(run: PlannerRun) -> None:
    """Ask the planner, and store what it drafts.

    Raises:
        OperationalError, InterfaceError: the database is away.
    """
    issue = _issue_of(run)
    how = planner_settings(sandbox=issue.is_sandbox)
    words = run.instruction or issue.statement
    grounds = grounds_for(issue, words)
    asking.release_connection()
    planned = plan_for(
        grounds.offered(request_about(words, issue)),
        settings=how,
        progress=teller(run),
        spent=spent_by(run),
        keep=keeper(run),
    )
    worded = with_own_words(planned, issue.own_words, category=_category_of(issue))
    asking.patiently(lambda: store_draft(run, worded, grounds))


def give_up_draft(run: PlannerRun, code: str, message: str) -> None:
    """Store what the playbooks say, and why it isn't the planner's: nothing is lost."""
    failure = {"code": code, "message": message}
    planned = _without_model(run)
    planned = replace(
        planned,
        detail={**planned.detail, "fallback": failure},
        record=replace(planned.record, fallback=failure),  # not that there was no key for this last attempt
    )
    store_draft(run, planned, failure=failure)


def _without_model(run: PlannerRun) -> PlannedDraft:
    """The playbooks' draft; where even they fail, one without steps, which staff can write."""
    try:
        issue = _issue_of(run)
        request = request_about(run.instruction or issue.statement, issue)
        planned = plan_for(request, settings=replace(planner_settings(), api_key=""))
        return with_own_words(planned, issue.own_words, category=_category_of(issue))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.error("the playbooks failed too: %s", asking.where(error))
        facts = Facts(category="", confidence=0.0, place="", urgency="normal")
        return PlannedDraft(EMPTY, facts, "playbooks", {"why": "The playbooks cannot be used."})


def _category_of(issue: Issue | None) -> str | None:
    return issue.category.code if issue is not None and issue.category is not None else None


def _issue_of(run: PlannerRun) -> Any:
    """The issue, with ``own_words``: those of the city for what playbooks tell people."""
    related = Issue.objects.select_related("category", "department", "reporter").annotate(
        own_words=own_words()
    )
    return related.get(plans=run.plan_id)


def request_about(words: str, issue: Issue) -> DraftRequest:
    """What a planner is told: the words, what is known of the issue, and which values may never leave."""
    known = known_facts(issue)
    return DraftRequest(
        statement=words,
        address=known.place,
        category=known.category,
        urgency=known.urgency,
        department=issue.department.code if issue.department else None,
        private=issue.reporter.private if issue.reporter else (),
    )


def planner_settings(*, sandbox: bool = False) -> PlannerSettings:
    """The planner's settings, with the departments and categories of this city as they are now; ``sandbox`` for a plan
    that isn't real, about which no model is asked."""
    chosen = {"base_url": settings.OPENAI_BASE_URL, "model": settings.OPENAI_MODEL}
    return PlannerSettings(
        api_key=settings.OPENAI_API_KEY,
        sandbox=sandbox,
        api=settings.OPENAI_API,
        timeout=settings.OPENAI_TIMEOUT,
        max_calls=settings.OPENAI_MAX_CALLS,
        max_tokens=settings.OPENAI_MAX_TOKENS,
        max_seconds=settings.OPENAI_MAX_SECONDS,
        max_cost=Decimal(str(settings.OPENAI_MAX_COST)),
        prices={**SHIPPED, **read_prices(settings.OPENAI_PRICES)},
        masked=tuple(settings.OPENAI_MASKED),
        region=settings.CITY_REGION or "US",
        departments=tuple(
            city.Department(row.code, row.name, row.email, row.active)
            for row in Department.objects.filter(active=True)
        ),
        categories=tuple(
            city.Category(row.code, row.name, row.department.code, row.target)
            for row in Category.objects.filter(active=True).select_related("department")
        ),
        **{name: value for name, value in chosen.items() if value},
    )


def teller(run: PlannerRun) -> Progress:
    """Writes how far a run is into the plan's stream, each stage in a transaction of its own."""

    def tell(stage: Stage, data: Mapping[str, Any]) -> None:
        _write_in_passing(run, stage, lambda: _tell(run, stage, data))

    return tell


def spent_by(run: PlannerRun) -> PlannerRecord:
    """What earlier attempts to carry out a run have spent, as ``keeper`` wrote it."""
    return PlannerRecord(exchanges=tuple(run.exchanges), **{name: getattr(run, name) for name in SPENT})


def keeper(run: PlannerRun) -> Callable[[PlannerRecord], None]:
    """Writes what a run has spent so far into its row, so that an attempt after a crash does not begin anew."""

    def keep(spent: PlannerRecord) -> None:
        fields = {name: getattr(spent, name) for name in SPENT}
        mine = PlannerRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING, attempts=run.attempts)
        _write_in_passing(run, "spending", lambda: mine.update(exchanges=list(spent.exchanges), **fields))

    return keep


def _write_in_passing(run: PlannerRun, what: str, write: Callable[[], object]) -> None:
    """Write something that a run can do without, while the model is being asked."""
    try:
        write()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        logger.warning("planner run %s: %s could not be written", run.pk, what)
    asking.release_connection()


def _tell(run: PlannerRun, stage: Stage, data: Mapping[str, Any]) -> None:
    if is_whole():  # the run was begun in this transaction: nobody else can end it, or begin it again
        events.append(run.plan, TOLD[stage], {"run": str(run.pk), **data})
        return
    with asking.still_open(run.pk) as current:
        if current is not None and current.attempts == run.attempts:  # no later attempt has begun
            events.append(run.plan, TOLD[stage], {"run": str(run.pk), **data})


# --- storing ----------------------------------------------------------------------------------------


def store_draft(
    run: PlannerRun,
    planned: PlannedDraft,
    grounds: Grounds = NO_GROUNDS,
    *,
    failure: Mapping[str, str] | None = None,
) -> None:
    """End a run with its plan's first revision, once: a run that is over stays as it is."""
    with asking.still_open(run.pk) as current:
        if current is None:
            return
        plan = (
            WorkflowPlan.objects.select_for_update(of=("self",)).select_related("issue").get(pk=run.plan_id)
        )
        asked_by = current.asked_by
        record_facts(plan.issue, planned.facts, planned.planner, by=asked_by)
        revision = add_revision(
            plan, planned.document, planner=planned.planner, detail=planned.detail, by=asked_by
        )
        current.revision = revision
        current.duplicates = duplicates_for(plan.issue, asked_by)
        fill_record(current, planned, failure=failure)
        grounds.keep(current, planned)
        current.save()
        data = {"plan": str(plan.pk), **({"code": failure["code"]} if failure else {})}
        events.append(plan.issue, "issue.plan_drafted", data, actor=asked_by)


def fill_record(run: PlannerRun, planned: PlannedDraft, *, failure: Mapping[str, str] | None = None) -> None:
    """Put how a plan came to be into its run, which is over with that; the caller saves it."""
    record = planned.record
    run.status = RunStatus.FAILED if failure else RunStatus.DONE
    run.problem = dict(failure) if failure else None
    run.planner = planned.planner
    run.fallback = record.fallback or planned.detail.get("fallback")
    run.citations = [asdict(citation) for citation in planned.citations]
    if record.calls or not run.calls:  # else it is given up, after attempts that have spent something
        run.exchanges = [dict(exchange) for exchange in record.exchanges]
        for name in ("prompt_version", *SPENT):
            setattr(run, name, getattr(record, name))
    run.ended_at = timezone.now()
    count_planner_run(run)

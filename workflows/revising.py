"""Changing a plan in words: what staff ask for, the model writes, as a new revision that has to be approved anew.

``ask_for_revision`` records the instruction with the revision that it is about; a worker carries it out
(``workflows.asking``). What the plan has become meanwhile is looked at under its lock: a revision that raced an edit,
an approval that was acted upon, or another revision changes nothing, and says why.
"""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from issues.models import Issue
from mudda import events
from mudda.errors import Conflict, InvalidRequest, MuddaError, NotFound
from mudda.etags import Expected, ensure_current
from mudda.strictjson import text_problem
from workflows import asking
from workflows.drafting import (
    fill_record,
    has_model,
    keeper,
    planner_settings,
    request_about,
    spent_by,
    teller,
)
from workflows.grounding import Grounds, grounds_for
from workflows.models import PlannerRun, PlanRevision, PlanStatus, RunStatus, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.schema import digest, normalise
from workflows.planning.base import Facts, PlannedDraft, PlannerRecord
from workflows.planning.failures import PlannerError
from workflows.planning.service import revise_plan
from workflows.revisions import Reader
from workflows.services import (
    PlanExecuted,
    PlanNotEditable,
    StaleDigest,
    add_revision,
    current_revision,
    ensure_not_executed,
    locked_plan,
)

REVISE = "revise"

LONGEST_INSTRUCTION = 4_000
"""Characters of an instruction."""

NO_FACTS = Facts(category="other", confidence=0.0, place="", urgency="normal")
"""A revision finds no facts; these are never stored."""


class NoModel(Conflict):
    code = "no_model"
    title = "There is no model to change a plan in words."


class NoModelInSandbox(NoModel):
    code = "no_model_in_sandbox"
    title = "A sandbox sends nothing outside, so no model is asked to change a plan in words."


class EmptyInstruction(InvalidRequest):
    code = "empty_instruction"
    title = "The instruction says nothing that can be read."


class RevisionFailed(MuddaError):
    """The model made no revision; ``code`` is the planner's own."""

    title = "The plan was not revised."

    def __init__(self, code: str, message: str, *, run: PlannerRun) -> None:
        super().__init__(message, extra={"run_id": str(run.pk)})
        self.code = code
        self.status = 502 if code.startswith("answer_") else 503
        self.retryable = self.status == 503


# --- asking -----------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_revision(*, plan_id: UUID, instruction: str, expected_digest: Expected, by: User) -> PlannerRun:
    """Ask for a plan to be changed as ``instruction`` says; a worker does it after commit.

    Args:
        expected_digest: the tag or the digest that was read (``If-Match``), or None for whatever the plan is now.

    Raises:
        NotFound: there is no such plan, or ``by`` may not see it.
        StillDrafting: there is nothing to revise yet.
        PreconditionFailed: somebody else changed it meanwhile; carries the current digest.
        PlanNotEditable, PlanExecuted: it is archived; it runs or has run.
        NoModel, NoModelInSandbox: only a model can do this, and there is none, or none is asked.
        EmptyInstruction: there is nothing readable in ``instruction``.
    """
    plan = locked_plan(plan_id, by)
    base = current_revision(plan)
    ensure_current(expected_digest, plan.tag, base.digest, digest=base.digest)
    _ensure_editable(plan)
    if plan.is_sandbox:
        raise NoModelInSandbox
    if not has_model():
        raise NoModel(
            "OPENAI_API_KEY is not set. Edit the plan by hand instead (PUT /workflows/{id}, or “Edit” in the admin), "
            "or set the key."
        )
    run = PlannerRun.objects.create(
        plan=plan,
        base=base,
        purpose=REVISE,
        instruction=clean_instruction(instruction),
        asked_by=by,
    )
    events.append(plan, "plan.revision_asked", {"run": str(run.pk), "revision": base.number}, actor=by)
    asking.ask(run)
    return run


def clean_instruction(text: str) -> str:
    """The instruction without white space around it.

    Raises:
        EmptyInstruction: it is empty, too long, or has what cannot be stored.
    """
    stripped = text.strip()
    if not any(character.isalnum() for character in stripped):
        raise _bad_instruction("blank", "Say what should be different.")
    if len(stripped) > LONGEST_INSTRUCTION:
        raise _bad_instruction("max_length", f"At most {LONGEST_INSTRUCTION:,} characters.")
    if text_problem(stripped) is not None:
        raise _bad_instruction("bad_text", "It has a character that cannot be stored.")
    return stripped


def _bad_instruction(code: str, message: str) -> EmptyInstruction:
    return EmptyInstruction(message, errors=[{"pointer": "/instruction", "code": code, "message": message}])


def _ensure_editable(plan: WorkflowPlan) -> None:
    if plan.status == PlanStatus.ARCHIVED:
        raise PlanNotEditable
    ensure_not_executed(plan)


# --- carrying out -----------------------------------------------------------------------------------


def carry_out_revision(run: PlannerRun) -> None:
    """Ask the model, and store what it writes.

    Raises:
        OperationalError, InterfaceError: the database is away.
    """
    base, issue = _base_of(run), _issue_of(run)
    how = planner_settings(sandbox=issue.is_sandbox)
    grounds = grounds_for(issue, f"{issue.statement} {run.instruction}")
    request = grounds.offered(request_about(issue.statement, issue))
    asking.release_connection()
    try:
        planned = revise_plan(
            base.document,
            run.instruction,
            request,
            settings=how,
            progress=teller(run),
            spent=spent_by(run),
            keep=keeper(run),
        )
    except PlannerError as error:
        failed = error
        asking.patiently(lambda: _fail(run, failed, failed.record))
        return
    asking.patiently(lambda: store_revision(run, planned, grounds))


def give_up_revision(run: PlannerRun, code: str, message: str) -> None:
    """End a run that the planner failed on for good: the plan stays as it is."""
    _fail(run, PlannerError(code, message))


def _base_of(run: PlannerRun) -> PlanRevision:
    if run.base is None:
        raise ValueError(f"planner run {run.pk} has no revision to revise")
    return run.base


def _issue_of(run: PlannerRun) -> Issue:
    return Issue.objects.select_related("category", "department", "reporter").get(plans=run.plan_id)


# --- storing ----------------------------------------------------------------------------------------


def store_revision(run: PlannerRun, planned: PlannedDraft, grounds: Grounds) -> None:
    """End a run with a new revision, unless the plan is not what the model was shown any more."""
    with asking.still_open(run.pk) as current:
        if current is None:
            return
        plan = _locked(run)
        try:
            _ensure_unchanged(plan, run)
        except MuddaError as error:
            _end(current, plan, planned, grounds, failure=error)
            return
        current.account = "\n".join(planned.detail.get("account", ()))
        if digest(normalise(planned.document, offered())) != current_revision(plan).digest:
            current.revision = add_revision(
                plan, planned.document, planner=planned.planner, detail=planned.detail, by=current.asked_by
            )
        _end(current, plan, planned, grounds)


def _locked(run: PlannerRun) -> WorkflowPlan:
    WorkflowPlan.objects.select_for_update(of=("self",)).get(pk=run.plan_id)
    # Read only once it is locked: rows joined to a row that had to be waited for would be those from before.
    return WorkflowPlan.objects.select_related("current", "issue__category", "issue__department").get(
        pk=run.plan_id
    )


def _ensure_unchanged(plan: WorkflowPlan, run: PlannerRun) -> None:
    """By the digest: a text that was changed and changed back is what the model was shown."""
    now = current_revision(plan).digest
    if now != _base_of(run).digest:
        raise StaleDigest("The plan was changed while the revision was being written.", extra={"digest": now})
    _ensure_editable(plan)


def _fail(run: PlannerRun, error: MuddaError, record: PlannerRecord | None = None) -> None:
    with asking.still_open(run.pk) as current:
        if current is not None:
            nothing = PlannedDraft({}, NO_FACTS, "openai", record=record or PlannerRecord())
            _end(current, _locked(run), nothing, Grounds(), failure=error)


def _end(
    run: PlannerRun,
    plan: WorkflowPlan,
    planned: PlannedDraft,
    grounds: Grounds,
    *,
    failure: MuddaError | None = None,
) -> None:
    problem = {"code": failure.code, "message": failure.detail} if failure else None
    fill_record(run, planned, failure=problem)
    grounds.keep(run, planned)
    run.save()
    if problem:
        events.append(
            plan, "plan.revision_failed", {"run": str(run.pk), "code": problem["code"]}, actor=run.asked_by
        )
    else:
        number = run.revision.number if run.revision else None
        events.append(plan, "plan.revised", {"run": str(run.pk), "revision": number}, actor=run.asked_by)


# --- reading ----------------------------------------------------------------------------------------


def revision_run(*, plan_id: UUID, run_id: UUID | str, by: Reader) -> PlannerRun:
    """A run that revises, with its plan as it is now.

    Raises:
        NotFound: there is no such run of this plan, or ``by`` may not see it.
    """
    visible = WorkflowPlan.objects.visible_to(by).filter(pk=plan_id)
    related = ("plan__current", "plan__issue", "base", "revision", "asked_by")
    runs = PlannerRun.objects.select_related(*related).filter(purpose=REVISE, plan__in=visible)
    run = runs.filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such revision in words.")
    return run


def ensure_not_failed(run: PlannerRun) -> None:
    """Raises:
    StaleDigest, PlanExecuted, PlanNotEditable, RevisionFailed: why the run made no revision.
    """
    if run.status != RunStatus.FAILED:
        return
    problem = run.problem or {}
    code, message = str(problem.get("code", "planner_failed")), str(problem.get("message", ""))
    if code == PlanExecuted.code:
        ensure_not_executed(run.plan)  # names the execution
    extra = {"run_id": str(run.pk), "digest": current_revision(run.plan).digest}
    for kind in (StaleDigest, PlanExecuted, PlanNotEditable):
        if code == kind.code:
            raise kind(message, extra=extra)
    raise RevisionFailed(code, message, run=run)

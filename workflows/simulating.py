"""What a plan would do if it were launched now. Nothing is stored, nobody is told."""

from collections.abc import Collection, Mapping
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from issues.models import Department, Issue
from mudda.errors import InvalidRequest, NotFound
from mudda.strictjson import child
from workflows.launching import ensure_data, issue_facts
from workflows.models import PlanRevision, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.compiled import CompiledPlan
from workflows.plan.compiler import compile_plan
from workflows.plan.messages import EMAIL, SMS
from workflows.plan.people import REPORTER
from workflows.plan.scheduler import Context
from workflows.plan.simulation import simulate
from workflows.plan.validation import has_errors
from workflows.services import PlanHasProblems, current_revision, validate_document

Answer = Literal["retry", "skip", "answer", "stop"]
DEPARTMENT = "department:"


def simulate_plan(
    *,
    plan_id: UUID,
    by: User,
    execution_data: Mapping[str, Any],
    answers: Mapping[str, Any],
    approvals: Mapping[str, bool],
    failing: Collection[str],
    escalations: Mapping[str, Answer],
) -> dict[str, Any]:
    """The simulation of a plan's current revision with today's catalogue, as ``SimulationOutput`` describes it.

    Args:
        execution_data: as a launch would get it.
        answers, approvals, failing, escalations: what is assumed, by step id; see ``simulate``.

    Raises:
        NotFound: there is no such plan, or ``by`` may not see it.
        PlanHasProblems: carries the errors.
        ReservedKey, MissingData, IssueMismatch: as a launch would; name every key.
        InvalidRequest: something is assumed of a step that the plan doesn't have.
    """
    plan = WorkflowPlan.objects.visible_to(by).filter(pk=plan_id)
    found = plan.select_related("current", "issue__department", "issue__category", "issue__reporter").first()
    if found is None:
        raise NotFound("There is no such plan.")
    revision = current_revision(found)
    compiled = _compile(revision, found.issue)
    _ensure_steps(
        compiled, {"answers": answers, "approvals": approvals, "failing": failing, "escalations": escalations}
    )
    ensure_data(revision, found.issue, execution_data)
    now = timezone.now()
    simulation = simulate(
        compiled,
        Context(issue=issue_facts(found.issue), data=dict(execution_data)),
        answers=answers,
        approvals=approvals,
        failing=failing,
        escalations=escalations,
        started_at=now.isoformat(),
        city=settings.CITY_NAME,
    ).to_json()
    head = {"digest": revision.digest, "revision": revision.number, "started_at": now.isoformat()}
    return {**head, **_with_addresses_known(simulation, found.issue)}


def _compile(revision: PlanRevision, issue: Issue) -> CompiledPlan:
    problems = validate_document(revision.document, issue)
    if has_errors(problems):
        errors = [problem.as_dict() for problem in problems if problem.severity == "error"]
        raise PlanHasProblems("The plan has errors, so nobody can say what it would do.", errors=errors)
    return compile_plan(revision.document, offered())


def _ensure_steps(compiled: CompiledPlan, assumed: Mapping[str, Collection[str]]) -> None:
    """A misspelt step would leave an assumption without effect, and nobody would notice."""
    errors = [
        {
            "pointer": f"/{name}/{at}" if name == "failing" else child(f"/{name}", step_id),
            "code": "unknown_step",
            "message": "The plan has no such step.",
        }
        for name, given in assumed.items()
        for at, step_id in enumerate(given)
        if step_id not in compiled.by_id
    ]
    if errors:
        raise InvalidRequest("Something is assumed of steps that the plan doesn't have.", errors=errors)


def _with_addresses_known(simulation: dict[str, Any], issue: Issue) -> dict[str, Any]:
    """Roles stay roles: of the records, only whether they have an address is told, never which."""
    records = _Records(issue)
    people = [{**one, "has_address": records.has_address(one["who"])} for one in simulation["people"]]
    messages = [
        {
            **one,
            "to": [
                {"role": role, "has_address": records.has_address(role, one["channel"])} for role in one["to"]
            ],
        }
        for one in simulation["messages"]
    ]
    return {**simulation, "people": people, "messages": messages}


class _Records:
    """What the city's records say of the roles in one simulation."""

    def __init__(self, issue: Issue) -> None:
        self.reporter = {
            EMAIL: bool(issue.reporter and issue.reporter.email),
            SMS: bool(issue.reporter and issue.reporter.phone),
        }
        active = Department.objects.filter(active=True).exclude(email="")
        self.departments = set(active.values_list("code", flat=True))

    def has_address(self, who: str, channel: str = EMAIL) -> bool | None:
        """Whether a message to ``who`` has somewhere to go; None for a group, which gets no letters. Departments have
        no numbers for text messages."""
        if who == REPORTER:
            return self.reporter[channel]
        if channel == SMS:
            return False
        return who.removeprefix(DEPARTMENT) in self.departments if who.startswith(DEPARTMENT) else None

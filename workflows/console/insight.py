"""Beside a plan: what was understood, what may be the same issue, what was done before, and how the draft was made."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.duplicates import OPEN, Duplicate, possible_duplicates
from issues.models import Category, Issue
from issues.panels import (
    LONGEST_STATEMENT,
    cut,
    duplicates_panel,
    facts_panel,
    planner_in_words,
    sure_in_words,
)
from mudda import console
from workflows.cases import Case, likely_duplicates, similar_cases
from workflows.drafting import DRAFT
from workflows.models import PlannerRun, PlanRevision, WorkflowPlan
from workflows.plan.catalogue import offered
from workflows.plan.changewords import titles_of
from workflows.planning.shelf import load_playbooks

LONGEST_NOTE = 600
SHOWN_CALL = 40_000
"""Characters of a request or an answer that a page shows."""
UNDERSTOOD = "admin/console/panels/facts.html"
"""The panel with what was read out of the citizen's words, which stands beside them."""
STEPPED_IN = {
    "planner_no_key": gettext_lazy("There is no key for a model."),
    "planner_in_sandbox": gettext_lazy("A sandbox sends nothing outside, so no model is asked."),
    "planner_budget_spent": gettext_lazy("The draft's budget is spent."),
    "planner_quota_spent": gettext_lazy("The account's budget at the service is spent."),
    "planner_timeout": gettext_lazy("The service did not answer in time."),
    "planner_unreachable": gettext_lazy("The service could not be reached."),
    "planner_rate_limited": gettext_lazy("The service asks to wait."),
    "planner_resting": gettext_lazy("The service failed repeatedly and is left alone for a while."),
}
"""Why the playbooks stepped in, by code, in the reader's language; what others say is shown as it was said."""
CHOSEN, PLAYBOOK = "chosen", "playbook"
SAID_ELSEWHERE = frozenset({CHOSEN, "account", "fallback", "model", "tokens", "prompt_version"})
"""Members of ``planner_detail`` that have a place of their own, or that the planner's run says too."""


@dataclass(frozen=True)
class CaseRow:
    title: str
    plan_url: str
    reference: str
    issue_url: str
    statement: str
    steps: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Cited:
    """A policy that was offered to the planner; ``steps`` are the titles of those that cite it."""

    heading: str
    version: int
    url: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """One call to the model."""

    title: str
    request: str
    response: str


def shown_revision(request: HttpRequest, plan: WorkflowPlan) -> PlanRevision | None:
    """The older revision that the person wants to read; None for the plan as it is."""
    number = request.GET.get("revision", "")
    if (
        not (number.isdecimal() and len(number) < 8)
        or plan.current is None
        or int(number) == plan.current.number
    ):
        return None
    return plan.revisions.filter(number=int(number)).select_related("author").first()


@console.adds_to(WorkflowPlan)
def insight_of_plan(request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
    revision = shown_revision(request, plan) or plan.current
    if request.user.has_perm("issues.view_issue"):
        yield from _about_issue(request, plan)
    if revision is not None:
        panel = made_panel(request, revision, PlannerRun.objects.filter(revision=revision).first())
        if panel is not None:
            yield panel


@console.adds_to(Issue)
def duplicates_before_drafting(request: HttpRequest, issue: Issue) -> Iterable[console.Part]:
    """What may be the same issue as one whose kind or place stands only in its words, before a plan is written for
    it. What the facts on file say is on the page already."""
    if issue.status not in OPEN or (issue.category_id and issue.address):
        return
    shown = {one.issue for one in possible_duplicates(issue, viewer=request.user)}
    likely = [one for one in likely_duplicates(issue, viewer=request.user) if one.issue not in shown]
    panel = duplicates_panel(likely, request.user)
    if panel is not None:
        yield replace(panel, title=_("Possible duplicates, by the words"))


def _about_issue(request: HttpRequest, plan: WorkflowPlan) -> Iterable[console.Part]:
    issue = plan.issue
    yield facts_panel(request, issue, _("What was understood"))
    duplicates = duplicates_panel(_duplicates_of(plan, request.user), request.user)
    if duplicates is not None:
        yield duplicates
    rows = [_case_row(case) for case in similar_cases(issue, viewer=request.user)]
    if rows:
        yield console.Panel(_("Similar cases"), "admin/console/panels/cases.html", {"rows": rows})


def _duplicates_of(plan: WorkflowPlan, viewer: Any) -> list[Duplicate]:
    """What may be the same issue by what is known now, and what was found when the draft was asked for or written.

    The panel leaves out what ``viewer`` may not see.
    """
    now = possible_duplicates(plan.issue, viewer=viewer)
    drafts = plan.planner_runs.filter(purpose=DRAFT).order_by("-created_at")
    kept = drafts.values_list("duplicates", flat=True).first()
    known = {one.issue for one in now}
    return [*now, *(one for one in _stored(kept or ()) if one.issue not in known)]


def _stored(rows: Iterable[Mapping[str, Any]]) -> Iterable[Duplicate]:
    for row in rows:
        yield Duplicate(
            issue=row["issue_id"],
            status=row["status"],
            hours_apart=row["hours_apart"],
            metres_apart=row["metres_apart"],
            similarity=row["similarity"],
        )


def _case_row(case: Case) -> CaseRow:
    return CaseRow(
        title=case.approved.plan.title or _("A plan without a name"),
        plan_url=f"{console.page_of(case.approved.plan)}?revision={case.approved.number}",
        reference=case.issue.reference,
        issue_url=console.page_of(case.issue),
        statement=cut(case.issue.statement, LONGEST_STATEMENT),
        steps=case.steps,
        changed=case.changed,
    )


# --- how it was made --------------------------------------------------------------------------------


def made_panel(
    request: HttpRequest, revision: PlanRevision | None, run: PlannerRun | None
) -> console.Panel | None:
    """How a revision came to be: planner, model, tokens, cost, what was chosen, policies, and what was said; None for
    an edit. A run that has failed has no revision, and what was said in it is shown all the same."""
    detail = revision.planner_detail if revision and isinstance(revision.planner_detail, dict) else {}
    notes = _notes(detail)
    if run is None and not notes:
        return None
    may_read = request.user.has_perm("workflows.view_policydocument")
    titles = titles_of(revision.document) if revision else {}
    policies = list(_offered(run, titles, may_read)) if run else []
    context = {
        "fallback": _stepped_in(run.fallback) if run and isinstance(run.fallback, dict) else None,
        "lines": [*(_run_lines(run) if run else ()), *notes],
        "chosen": list(_chosen(detail.get(CHOSEN), run)),
        "cited": [row for row in policies if row.steps],
        "offered": [row for row in policies if not row.steps],
        "calls": [_call(at, one) for at, one in enumerate(run.exchanges, 1)] if run else [],
    }
    return console.Panel(_("How this draft was made"), "admin/console/panels/made.html", context)


def _run_lines(run: PlannerRun) -> Iterable[tuple[str, str]]:
    yield _("Written by"), planner_in_words(run.planner) or _("nobody yet")
    if run.model:
        yield _("Model"), run.model
    if run.prompt_version:
        yield _("Prompt"), _("version %(number)s") % {"number": run.prompt_version}
    if run.calls:
        yield _("Calls"), str(run.calls)
        yield (
            _("Tokens"),
            _("%(sent)s sent, %(written)s written")
            % {
                "sent": f"{run.input_tokens:,}",
                "written": f"{run.output_tokens:,}",
            },
        )
        yield _("Cost"), _("not known") if run.cost is None else f"${run.cost:.4f}"
    if run.seconds:
        yield _("Took"), f"{run.seconds:.1f} s"


def _stepped_in(fallback: Mapping[str, Any]) -> dict[str, Any]:
    """``words`` for people, and ``code`` and ``message`` as they were kept."""
    return {**fallback, "words": STEPPED_IN.get(fallback.get("code", ""), fallback.get("message", ""))}


def _notes(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the planner says of how it came to this plan."""
    return [
        (console.in_words(name), cut(_note(name, value), LONGEST_NOTE))
        for name, value in detail.items()
        if name not in SAID_ELSEWHERE and value not in (None, "", [], {})
    ]


def _note(name: str, value: Any) -> str:
    """Playbooks by their titles, and what else might have been without its score; everything else as it is."""
    if name == PLAYBOOK:
        return _playbook_in_words(value)
    if name == "candidates":
        kinds = (one.get(PLAYBOOK) for one in _listed(value) if isinstance(one, dict))
        return ", ".join(_playbook_in_words(kind) for kind in kinds)
    return _in_words(value)


def _playbook_in_words(kind: Any) -> str:
    found = load_playbooks().playbooks.get(kind) if isinstance(kind, str) else None
    return found.title if found else str(kind)


def _chosen(chosen: Any, run: PlannerRun | None) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The model's first step, what the plan was then written from, under headings that staff can read."""
    if not isinstance(chosen, dict):
        return
    category = str(chosen.get("category", ""))
    names = Category.objects.filter(code=category).values_list("name", flat=True)
    sure = chosen.get("confidence")
    percent = ", " + sure_in_words(sure) if isinstance(sure, int | float) else ""
    yield _("Category"), (f"{names.first() or category}{percent}",)
    yield _("Activities"), tuple(_activity_in_words(one) for one in _listed(chosen.get("activities")))
    headings = _headings(run)
    passages = _listed(chosen.get("passages"))
    yield (
        _("Policies"),
        tuple(headings.get(one, _("passage %(number)s") % {"number": one}) for one in passages)
        or (_("none"),),
    )
    if chosen.get("reason"):
        yield _("Why"), (str(chosen["reason"]),)


def _activity_in_words(activity_id: Any) -> str:
    spec = offered().get(activity_id) if isinstance(activity_id, str) else None
    return spec.title if spec else str(activity_id)


def _headings(run: PlannerRun | None) -> dict[Any, str]:
    """The passages that a run offered, by their ids."""
    return {
        one.get("passage"): _("%(heading)s, version %(version)s")
        % {"heading": one.get("heading", ""), "version": one.get("version", "")}
        for one in _listed(run.citations if run else None)
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_in_words(one)}" for name, one in sorted(value.items()))
    return ", ".join(map(_in_words, value)) if isinstance(value, list) else str(value)


def _offered(run: PlannerRun, titles: Mapping[str, str], may_read: bool) -> Iterable[Cited]:
    for citation in _listed(run.citations):
        document = _uuid(citation.get("document"))
        yield Cited(
            heading=str(citation.get("heading", "")),
            version=int(citation.get("version", 0)),
            url=reverse("admin:workflows_policydocument_change", args=[document])
            if may_read and document
            else "",
            steps=tuple(titles.get(step, step) for step in citation.get("steps", ())),
        )


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _call(at: int, exchange: Mapping[str, Any]) -> Call:
    seconds, purpose = exchange.get("seconds"), console.in_words(str(exchange.get("purpose", "call")))
    took = f", {seconds:.1f} s" if isinstance(seconds, int | float) else ""
    tokens = _("%(sent)s + %(written)s tokens") % {
        "sent": exchange.get("input_tokens", 0),
        "written": exchange.get("output_tokens", 0),
    }
    return Call(
        title=_("Call %(number)s: %(purpose)s") % {"number": at, "purpose": purpose.lower()}
        + f"{took}, {tokens}",
        request=_readable(exchange.get("request")),
        response=_readable(exchange.get("response")),
    )


def _readable(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN_CALL else text[: SHOWN_CALL - 1] + "…"

"""Hostile words in the admin: shown, and nothing more. The pages are read as a browser reads them."""

from dataclasses import asdict
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.services import launch_execution
from issues.models import Category
from issues.services import report_issue, update_issue
from tests import factories
from tests.safety import hostile
from tests.safety.pages import acts
from workflows.models import PlannerRun
from workflows.planning.base import Citation, Facts, PlannedDraft, PlannerRecord
from workflows.policies.services import create_policy, publish_policy, revise_policy

TAME = ["a leak", "a hole", "a branch"]


def heaps():
    return [TAME, *hostile.in_heaps(hostile.everything())]


def one_line(text):
    return " ".join(text.splitlines())


def plan_of(texts):
    """A plan that says each text everywhere where a planner or a person may write one."""
    steps = [
        {
            **factories.note_step(f"s{number}"), "title": one_line(text)[:200], "reason": one_line(text), "needs": [],
            "inputs": {"note": text.replace("{{", "{{{{")},
            "requires_approval": {"group": "supervisor", "reason": one_line(text)[:500]},
        }
        for number, text in enumerate(texts[:60])
    ]  # fmt: skip
    return {**factories.document(*steps, name=texts[0][:120]), "description": "\n".join(texts)[:2_000]}


def stored(texts):
    """An issue and a draft of its plan that hold the texts in every field with words."""
    joined = "\n".join(texts)
    first = one_line(texts[0])
    issue = report_issue(
        statement=joined,
        address=first,
        category=Category.objects.get(code="water_leak"),
        reporter={"name": first[:120], "phone": first[:40], "email": "ann@example.org"},
    )
    for text in texts[:20]:
        update_issue(issue_id=issue.pk, note=text)
    draft = PlannedDraft(
        document=plan_of(texts),
        facts=Facts("water_leak", 0.5, first[:200], "high", sure={"place": 0.5}),
        planner="openai",
        detail={
            "model": first[:100],
            "why": joined,
            "chosen": chosen(texts),
            "problems": [{"message": joined}],
        },
        citations=(Citation(str(uuid4()), 1, joined[:200], 1, (joined[:60],)),),
        record=PlannerRecord(**made_of(texts)),
    )
    return issue, draft, joined


def chosen(texts):
    """What the first step of a model chose, in the form in which a revision keeps it."""
    joined = "\n".join(texts)
    return {
        "category": texts[0], "confidence": 0.5, "place": joined, "urgency": joined, "people_affected": joined,
        "activities": [*texts], "passages": [1, joined], "reason": joined, texts[0]: joined,
    }  # fmt: skip


def made_of(texts):
    """How a model made a plan, as a planner run keeps it."""
    joined = "\n".join(texts)
    exchange = {
        "purpose": texts[0], "api": "responses", "request": {"instructions": joined, "input": [{"content": joined}]},
        "response": {"text": joined}, "seconds": 1.0, "input_tokens": 1, "output_tokens": 1, "model": joined[:50],
    }  # fmt: skip
    return {
        "model": one_line(texts[0])[:100],
        "calls": 1,
        "exchanges": (exchange,),
        "fallback": {"code": joined[:60], "message": joined},
    }


def planned(texts, by):
    """A plan of three revisions: a model's, staff's, and one that was asked for in words and made by a model."""
    from workflows.drafting import create_plan
    from workflows.services import replace_plan

    issue, draft, joined = stored(texts)
    plan = create_plan(draft=draft, statement=issue.statement, issue=issue, by=by)
    edited = {**draft.document, "workflow_name": "Edited", "steps": draft.document["steps"][::-1]}
    edited["steps"] = [
        {**step, "reason": step["title"], "title": step["reason"][:200]} for step in edited["steps"]
    ]
    plan = replace_plan(plan_id=plan.pk, document=edited, expected_digest=None, by=by)
    base = plan.current
    changed = {**edited, "workflow_name": "Changed", "description": f"Changed {joined[:1_900]}"}
    changed["steps"] = [
        {**step, "inputs": {"note": f"{step['inputs']['note']} changed"}} for step in edited["steps"]
    ]
    plan = replace_plan(plan_id=plan.pk, document=changed, expected_digest=None, by=by)
    asked = {
        "plan": plan,
        "base": base,
        "purpose": "revise",
        "instruction": joined[:4_000],
        "account": joined,
    }
    for revision, problem in ((plan.current, None), (None, {"code": joined[:60], "message": joined})):
        PlannerRun.objects.create(
            **{**asked, **made_of(texts), "exchanges": [*made_of(texts)["exchanges"]]},
            revision=revision, problem=problem, status="failed" if problem else "done", planner="openai",
            citations=[asdict(one) for one in draft.citations], ended_at=timezone.now(),
        )  # fmt: skip
    return plan


def pages_of(plan):
    at = [plan.pk]
    yield "issues", reverse("admin:issues_issue_changelist")
    yield "issue", reverse("admin:issues_issue_change", args=[plan.issue_id])
    yield "plans", reverse("admin:workflows_workflowplan_changelist")
    yield "plan", reverse("admin:workflows_workflowplan_change", args=at)
    yield "plan, an older revision", reverse("admin:workflows_workflowplan_change", args=at) + "?revision=1"
    for run in plan.planner_runs.filter(purpose="revise"):
        url = reverse("admin:workflows_workflowplan_revision_run", args=[plan.pk, run.pk])
        yield f"revision in words, {run.status}", url
    for numbers in ("", "?from=1&to=2", "?from=3&to=1"):
        yield f"diff {numbers}", reverse("admin:workflows_workflowplan_diff", args=at) + numbers
    yield "plan, edited", reverse("admin:workflows_workflowplan_edit", args=at)
    digest = f"?digest={plan.current.digest}"
    yield "plan, approved?", reverse("admin:workflows_workflowplan_approve", args=at) + digest
    yield "plan, rejected?", reverse("admin:workflows_workflowplan_reject", args=at) + digest


def policy_of(texts, by):
    heading = " ".join("".join(c for c in texts[0] if c.isprintable()).split())[:190] or "x"
    text = "\n\n".join(f"# {t}\n\n{t}" for t in texts)
    policy = create_policy(heading=f"P {heading}", text=text, source=heading, by=by)
    publish_policy(policy_id=policy.pk, version=1, by=by)
    return revise_policy(
        policy_id=policy.pk, heading=f"Q {heading}", text=text + "\n\nmore", expected_version=1, by=by
    )


@pytest.fixture
def author(city):
    from django.contrib.auth.models import User

    return User.objects.create_superuser("author")


def test_issues_and_plans_of_hostile_words_do_nothing_but_show_them(boss, author):
    tame = None
    for texts in heaps():
        found = {name: acts(boss.get(url)) for name, url in pages_of(planned(texts, author))}
        tame = tame or found
        for name, does in found.items():
            assert does <= tame[name], (name, does - tame[name], texts)


def test_a_run_of_hostile_words_does_nothing_but_show_them(boss, author):
    tame = None
    for texts in heaps():
        plan = planned(texts, author)
        data = {"word": "\n".join(texts)}
        digest = plan.current.digest
        run = launch_execution(plan_id=plan.pk, execution_data=data, by=author, approve=True, digest=digest)
        does = acts(boss.get(reverse("admin:executions_workflowexecution_change", args=[run.pk])))
        tame = tame or does
        assert does <= tame, (does - tame, texts)


def test_policies_of_hostile_words_do_nothing_but_show_them(boss, author):
    tame = None
    for texts in heaps():
        policy = policy_of(texts, author)
        page = reverse("admin:workflows_policydocument_change", args=[policy.pk])
        listed = reverse("admin:workflows_policydocument_changelist")
        found = {name: acts(boss.get(url)) for name, url in (("policy", page), ("policies", listed))}
        tame = tame or found
        for name, does in found.items():
            assert does <= tame[name], (name, does - tame[name], texts)


def test_searches_for_hostile_words_do_nothing_but_show_them(boss, author):
    planned(TAME, author)
    for room in ("issues_issue", "workflows_workflowplan", "workflows_policydocument"):
        listed = reverse(f"admin:{room}_changelist")
        tame = acts(boss.get(listed)) | acts(boss.get(listed, {"q": "nothing like it"}))
        for text in hostile.OWN.values():
            asked = {"q": text.encode("utf-8", "replace").decode()[:2_000]}
            does = acts(boss.get(listed, asked, follow=True))
            assert does <= tame, (room, does - tame, text)


def test_the_reader_of_pages_sees_what_a_browser_would_run():
    class Page:
        status_code = 200

        def __init__(self, text):
            self.content = text.encode()

    for text in (
        "<script>x</script>", "<b onclick=x>", "<a href=' java&#x0a;script:x'>", "<div x-init=x>", "<div @click=x>",
        "<iframe>", "<a href='//evil.example'>", "<base href=/x>", "<p style=x>", "<div :class=x>",
        "<img src='data:x'>", "<meta http-equiv=refresh content='0;url=//x'>", "<form action=/x>", "<svg/onload=x>",
    ):  # fmt: skip
        assert acts(Page(text)), text
    assert acts(Page("&lt;script&gt;x&lt;/script&gt; <p title='<script>'>javascript:x</p>")) == set()

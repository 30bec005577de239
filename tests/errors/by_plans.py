"""Errors about plans, until they are launched."""

import json

from executions.services import AlreadyExecuted, CatalogueChanged, PlanNotApproved
from executions.starting import LARGEST_START, DataTooLarge
from tests import factories
from tests.errors.provoking import provokes
from workflows import revising, services
from workflows.launching import IssueMismatch, MissingData, ReservedKey
from workflows.models import PlanApproval, WorkflowPlan
from workflows.views import IssueUnknown


def edit(scene, *steps):
    plan = factories.document(*steps)
    return scene.api.call("PUT", scene.draft["path"], {"workflow_plan": plan}).json()


@provokes(IssueUnknown, "/issue_id")
def a_plan_for_no_issue(scene):
    body = {"problem_statement": "Leak", "issue_id": "ISSUE-999999"}
    return scene.api.post("/workflows/generate", body)


@provokes(services.StaleDigest)
def approving_another_text(scene):
    return scene.api.post(f"{scene.draft['path']}/approve", {"digest": "0" * 64})


@provokes(services.DigestNeeded)
def approving_without_a_digest_what_has_two_revisions(scene):
    edit(scene)
    return scene.api.post(f"{scene.draft['path']}/execute", {"approve": True})


@provokes(services.PlanHasProblems, "/steps/0/activity_id")
def approving_a_plan_with_errors(scene):
    plan = edit(scene, factories.note_step(activity_id="teleport"))
    return scene.api.post(f"{scene.draft['path']}/approve", {"digest": plan["digest"]})


@provokes(services.StillDrafting)
def approving_what_is_being_written(scene):
    WorkflowPlan.objects.filter(pk=scene.draft["workflow_id"]).update(status="DRAFTING", current=None)
    answer = scene.api.post(f"{scene.draft['path']}/approve", {"digest": "0" * 64})
    assert answer["Retry-After"] == "5"
    return answer


@provokes(services.PlanNotEditable)
def changing_what_was_put_away(scene):
    assert scene.api.post(f"{scene.draft['path']}/archive").status_code == 200
    return scene.api.call("PUT", scene.draft["path"], {"workflow_plan": factories.document()})


@provokes(services.PlanExecuted)
def changing_what_runs(scene):
    scene.needs("running")
    return scene.api.call("PUT", scene.draft["path"], {"workflow_plan": factories.document()})


@provokes(revising.NoModel)
def changing_in_words_without_a_model(scene):
    return scene.api.post(f"{scene.draft['path']}/revise", {"instruction": "Tell the police."})


@provokes(revising.EmptyInstruction, "/instruction")
def changing_in_no_words(scene):
    path = scene.draft["path"]
    scene.settings.OPENAI_API_KEY = "sk-test-key"
    return scene.api.post(f"{path}/revise", {"instruction": "\u200b"}, Prefer="respond-async")


@provokes(PlanNotApproved)
def executing_a_draft(scene):
    return scene.api.post(f"{scene.draft['path']}/execute", {})


@provokes(AlreadyExecuted)
def executing_twice(scene):
    scene.needs("running")
    return scene.api.post(f"{scene.draft['path']}/execute", {})


@provokes(CatalogueChanged)
def executing_what_was_approved_under_another_catalogue(scene):
    path = scene.approved["path"]
    last = PlanApproval.objects.get()
    PlanApproval.objects.create(
        revision=last.revision, digest=last.digest, catalogue_digest="0" * 64, approver=last.approver
    )
    return scene.api.post(f"{path}/execute", {})


@provokes(IssueMismatch)
def executing_for_another_issue(scene):
    other = scene.api.post("/issues", {"statement": "Pothole"}).json()["issue_id"]
    return scene.api.post(f"{scene.approved['path']}/execute", {"execution_data": {"issue_id": other}})


@provokes(ReservedKey, "/execution_data/results")
def executing_with_results(scene):
    return scene.api.post(f"{scene.approved['path']}/execute", {"execution_data": {"results": 1}})


@provokes(MissingData, "/execution_data/priority")
def executing_without_what_is_read(scene):
    edit(scene, factories.note_step(inputs={"note": "{{ data.priority }}"}))
    return scene.api.post(f"{scene.draft['path']}/simulate", {})


@provokes(DataTooLarge, "/execution_data")
def executing_with_more_than_a_run_carries(scene):
    plan = edit(scene, factories.note_step(inputs={"note": "{{ data.text }}"}))
    text = "é" * (LARGEST_START // 6 + 1)
    body = {"execution_data": {"text": text}, "approve": True, "digest": plan["digest"]}
    return scene.api.post(f"{scene.draft['path']}/execute", json.dumps(body, ensure_ascii=False).encode())

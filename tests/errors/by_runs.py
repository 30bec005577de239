"""Errors about runs and people's tasks."""

from datetime import timedelta

from django.utils import timezone

from executions import accepting, assigning, deciding, links, steering
from executions.models import HumanTask, TaskLink, WorkflowExecution
from tests import factories
from tests.api.client import Api
from tests.errors.provoking import provokes

WHY = {"reason": "Because."}


def task(scene, kind="dispatch_crew", **inputs):
    return f"/workflows/tasks/{scene.wait_for(kind, **inputs).pk}"


def taken(scene):
    """The path of a task that somebody else has, and the key of somebody who leads nobody."""
    scene.needs("city")
    path = task(scene)
    HumanTask.objects.update(assignee=factories.make_user("dispatcher"), assigned_at=timezone.now())
    return path, Api(factories.make_key(owner=factories.make_user("dispatcher")))


@provokes(steering.ExecutionOver)
def pausing_what_is_over(scene):
    path = scene.running
    WorkflowExecution.objects.update(status="completed", completed_at=timezone.now())
    return scene.api.post(f"{path}/pause", WHY)


@provokes(steering.AlreadyPaused)
def pausing_twice(scene):
    assert scene.api.post(f"{scene.running}/pause", WHY).status_code == 202
    return scene.api.post(f"{scene.running}/pause", WHY)


@provokes(steering.NotPaused)
def resuming_what_goes_on(scene):
    return scene.api.post(f"{scene.running}/resume", WHY)


@provokes(steering.AlreadyCancelling)
def cancelling_twice(scene):
    assert scene.api.post(f"{scene.running}/cancel", WHY).status_code == 202
    return scene.api.post(f"{scene.running}/cancel", WHY)


@provokes(steering.NothingFailed)
def retrying_what_has_not_failed(scene):
    return scene.api.post(f"{scene.running}/steps/look/retry", WHY)


@provokes(deciding.TaskClosed)
def completing_twice(scene):
    path, answer = task(scene, "ask_reporter"), {"answer": {"answer": True}}
    assert scene.api.post(f"{path}/complete", answer).status_code == 200
    again = scene.api.post(f"{path}/complete", answer)
    assert again.json()["outcome"] == "done"
    return again


@provokes(deciding.TaskTaken)
def claiming_what_somebody_has(scene):
    path, client = taken(scene)
    return client.post(f"{path}/claim")


@provokes(deciding.BadAnswer, "/answer/answer")
def an_answer_that_the_form_forbids(scene):
    return scene.api.post(f"{task(scene, 'ask_reporter')}/complete", {"answer": {"answer": 7}})


@provokes(assigning.TaskNotTaken)
def releasing_what_nobody_has(scene):
    return scene.api.post(f"{task(scene)}/release")


@provokes(assigning.TaskOnHold)
def holding_twice(scene):
    path = task(scene)
    assert scene.api.post(f"{path}/hold", WHY).status_code == 200
    return scene.api.post(f"{path}/hold", WHY)


@provokes(assigning.TaskNotOnHold)
def resuming_what_is_not_held(scene):
    return scene.api.post(f"{task(scene)}/resume")


@provokes(assigning.BadAssignee, "/user")
def handing_on_to_nobody(scene):
    return scene.api.post(f"{task(scene)}/reassign", {**WHY, "user": "nobody"})


@provokes(accepting.AlreadyAccepted)
def accepting_twice(scene):
    path, when = task(scene), (timezone.now() + timedelta(hours=1)).isoformat()
    assert scene.api.post(f"{path}/accept", {"crew": "7", "arrival_at": when}).status_code == 200
    return scene.api.post(f"{path}/accept", {"crew": "8", "arrival_at": when})


@provokes(accepting.NotForCrews)
def declining_a_question(scene):
    return scene.api.post(f"{task(scene, 'ask_reporter')}/decline", WHY)


@provokes(links.NotForLinks)
def a_link_to_what_a_group_is_asked(scene):
    scene.needs("city")
    asked = Api(factories.make_key(owner=factories.make_user("dispatcher")))
    return asked.post(f"{task(scene, 'confirm_completion')}/links")


def followed(scene, **changes):
    """Follow a link that is good no more: the page says so, and the service under it refuses."""
    waiting = scene.wait_for("ask_reporter")
    page = scene.phone.open(scene.last_link())
    assert page.status_code == 200
    TaskLink.objects.update(**changes)
    assert scene.phone.client.get(scene.phone.page).status_code == 410
    deciding.decide_task(
        task_id=waiting.pk, outcome="done", answer={"answer": True}, by=TaskLink.objects.get()
    )


@provokes(links.LinkExpired)
def an_old_link(scene):
    followed(scene, expires_at=timezone.now() - timedelta(seconds=1))


@provokes(links.LinkRevoked)
def a_withdrawn_link(scene):
    followed(scene, revoked_at=timezone.now())

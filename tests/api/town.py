"""The town of the examples in the OpenAPI document, made through the API: the rows that their ids name.

A burst pipe in Mill Lane, the plan for it, its run and its crew; a policy; somebody's webhook. ``Town.prepare`` brings
things to where an operation's example begins.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models import Model
from django.test import override_settings
from django.utils import timezone

from executions.activities.registry import implementations
from executions.models import Document, HumanTask, WorkflowExecution
from executions.reminders import TASK_LETTER, put_letters
from executions.tasks import ask_about_failed_step
from issues.models import Department, Issue
from mudda import outbox, scopes
from mudda.apikeys import NEW_SANDBOX, create_api_key
from mudda.models import OutboxMessage, WebhookDelivery, WebhookSubscription
from tests import factories
from tests.activities.attempts import attempt
from tests.api.client import Api
from tests.links.pictures import picture
from workflows import asking
from workflows.models import PlannerRun, WorkflowPlan
from workflows.policies.models import PolicyDocument
from workflows.policies.services import create_policy

PLAN = "5b1e8c52-0f6e-4f0e-9d3b-6a7c1e2d4f10"
RUN = "c0a8f7d4-3b52-4c1e-8f60-2d9b7a1e5c33"
TASK = "e4d1a2b8-77c5-4e0a-b1f9-90c6d3a5e871"
UPLOAD = "a9c3e7f1-5d24-4b86-8e0f-13b7d9c2a645"
ATTACHMENT = "3f6b1d90-8a2e-47c5-9b04-e7d1c8a5f263"
ISSUE, DELIVERY = 42, 1042
IDS: dict[type[Model], str] = {
    WorkflowPlan: PLAN,
    WorkflowExecution: RUN,
    HumanTask: TASK,
    Document: "d7e2b4c6-19f8-4a53-8c7d-5b0e6f3a2914",
    PolicyDocument: "0d4f0c6e-6d0e-4b0a-9d6c-2a86b6c1a7f1",
    WebhookSubscription: "8c5d3e21-b7f4-4960-a1e8-4f2b9d7c6035",
}
PLANNER_RUN = "1e9d5a73-c4b8-4f26-93e0-7a6c8d2f1b54"
HOOKS = "city.example.org"
FILES = {
    "mill-lane.jpg": picture(),
    "street-lighting.md": b"# Street lighting\n\nA single lamp that is out is repaired within eight working days.\n",
}

ISSUE_REPORT = {
    "statement": "Water is coming up through the pavement in front of 14 Mill Lane",
    "address": "14 Mill Lane",
    "category": "water_leak",
    "urgency": "high",
    "reporter": {"name": "Nora Field", "email": "nora.field@example.org"},
}
REPAIR = {
    "department": "water",
    "address": "14 Mill Lane",
    "instructions": "Find the leak; repair it.",
    "urgency": "high",
}
STEPS = [
    {
        "step_id": "repair",
        "activity_id": "dispatch_crew",
        "title": "Repair the water main",
        "on_failure": {"escalate": "supervisor"},
        "inputs": REPAIR,
    },
    {
        "step_id": "report",
        "activity_id": "generate_report",
        "title": "Write the record of the repair",
        "inputs": {"title": "Water leak at 14 Mill Lane", "sections": ["The main was repaired."]},
    },
]
POLICY = {
    "heading": "Street lighting",
    "text": "# Street lighting\n\n## Repair times\n\nA single lamp that is out is repaired within ten working days.",
}


class Town:
    """Each method makes what its name says, and what that needs.

    Args:
        model: has a model answer a revision in words.
        pin: ``pin(model, id)`` gives the next row of a table this id.
        pin_file: ``pin_file(id)`` gives it to the next file that is kept.
    """

    def __init__(
        self,
        pin: Callable[[type[Model], UUID], None],
        pin_file: Callable[[UUID], None],
        model: Callable[[], None],
    ) -> None:
        self._pin, self._pin_file, self._model = pin, pin_file, model
        factories.load_city()
        for table, number in ((Issue, ISSUE), (WebhookDelivery, DELIVERY)):
            with connection.cursor() as cursor:
                sequence = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"
                cursor.execute(sequence, [table._meta.db_table, number - 1])
        for table, row in IDS.items():
            pin(table, UUID(row))
        self.api = Api(factories.make_key(owner=self._named("t.brook", "administrator")))
        self._named("n.okafor", "dispatcher")

    def prepare(self, operation_id: str, parameters: set[str]) -> None:
        """Make the rows that the example of this operation begins with.

        Args:
            parameters: the names of its path's parameters.
        """
        begin = BEGIN.get(operation_id) or next(
            (begin for name, begin in BY_PARAMETER.items() if name in parameters), Town.everything
        )
        begin(self)

    def nothing(self) -> None:
        """The city as it was founded."""

    def everything(self) -> None:
        self.failed_step()
        self.webhook()
        self.published()

    # --- the leak -----------------------------------------------------------------------------------

    def issue(self) -> None:
        self._ask("POST", "/issues", ISSUE_REPORT)

    def noted(self) -> None:
        self.issue()
        self._ask(
            "POST",
            "/issues/ISSUE-000042/notes",
            {"text": "The neighbours in number 16 have no water.", "visible": True},
        )

    def attached(self) -> None:
        self.issue()
        self._pin_file(UUID(ATTACHMENT))
        self.upload("/issues/ISSUE-000042/attachments", "mill-lane.jpg")

    def plan(self) -> None:
        self._ask(
            "POST",
            "/workflows/generate",
            {"problem_statement": ISSUE_REPORT["statement"], "reporter": ISSUE_REPORT["reporter"]},
        )

    def edited(self) -> None:
        self.plan()
        document = factories.document(*STEPS, name="Repair the main in Mill Lane")
        self._ask("PUT", f"/workflows/{PLAN}", {"workflow_plan": document})

    def approved(self) -> None:
        self.edited()
        digest = WorkflowPlan.objects.get(pk=PLAN).current.digest
        self._ask("POST", f"/workflows/{PLAN}/approve", {"digest": digest, "comment": "Go ahead."})

    def rewritten(self) -> None:
        """A plan that a model has changed in words."""
        self.modelled()
        self._pin(PlannerRun, UUID(PLANNER_RUN))
        body = {"instruction": "also tell the traffic police before closing the lane"}
        self._ask("POST", f"/workflows/{PLAN}/revise", body, Prefer="respond-async")
        asking.carry_out(PLANNER_RUN)

    def modelled(self) -> None:
        """A plan, and a model that can be asked to change it."""
        self.edited()
        self._model()

    # --- its run ------------------------------------------------------------------------------------

    def run(self) -> None:
        self.approved()
        self._ask("POST", f"/workflows/{PLAN}/execute", {"execution_data": {"priority": "high"}})

    def paused(self) -> None:
        self.run()
        self._ask("POST", f"/workflows/executions/{RUN}/pause", {"reason": "The street is flooded."})

    def reported(self) -> None:
        """A run that has written its report."""
        self.run()
        inputs = STEPS[1]["inputs"]
        assert isinstance(inputs, dict)
        implementations()["generate_report"](attempt(self._run(), "report", **inputs))

    def task(self) -> None:
        """A run that waits for its crew."""
        self.run()
        now = timezone.now()
        WorkflowExecution.objects.filter(pk=RUN).update(status="running", started_at=now)
        waiting = {"inputs": REPAIR, "status": "waiting", "attempts": 1, "started_at": now}
        self._run().steps.filter(step_id="repair").update(**waiting)
        implementations()["dispatch_crew"](attempt(self._run(), "repair", **REPAIR))

    def messaged(self) -> None:
        """A run whose crew was written to, and reminded."""
        self.task()
        put_letters(HumanTask.objects.get(pk=TASK), "reminder")
        with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
            for letter in OutboxMessage.objects.filter(kind=TASK_LETTER):
                outbox._handlers[TASK_LETTER](letter)

    def claimed(self) -> None:
        self._after_task("claim", {})

    def held(self) -> None:
        self._after_task("hold", {"reason": "Waiting for a spare part."})

    def uploaded(self) -> None:
        self.task()
        self._pin_file(UUID(UPLOAD))
        self.upload(f"/workflows/tasks/{TASK}/uploads", "mill-lane.jpg")

    def failed_step(self) -> None:
        """A run whose supervisor is asked what to do about a failed step."""
        self.run()
        step = self._run().steps.get(step_id="repair")
        failure = {"code": "crew_unavailable", "message": "Nobody was free."}
        ask_about_failed_step(step, "", failure, {"type": "object"}, "1")

    # --- policies and webhooks ----------------------------------------------------------------------

    def policy(self) -> None:
        lighting = Department.objects.get(code="lighting")
        create_policy(**POLICY, department=lighting, policy_id=UUID(IDS[PolicyDocument]))

    def published(self) -> None:
        self.policy()
        self._ask("POST", f"/policies/{IDS[PolicyDocument]}/publish", {"version": 1})

    def webhook(self) -> None:
        body = {"url": f"https://{HOOKS}/hooks", "types": ["execution.*", "task.opened"]}
        self._ask("POST", "/webhooks", body)
        self._ask("POST", f"/webhooks/{IDS[WebhookSubscription]}/test", {})

    # --- an integrator's own ------------------------------------------------------------------------

    def sandboxed(self) -> None:
        """The leak in a sandbox, where an integrator tries things."""
        owner = self._named("m.integrator", "administrator")
        self.api = Api(
            create_api_key(name="trying", scopes=scopes.known(), owner=owner, sandbox=NEW_SANDBOX)[1]
        )
        self.issue()

    # --- how ----------------------------------------------------------------------------------------

    def upload(self, path: str, name: str, **fields: Any) -> Any:
        """Send one of ``FILES``."""
        file = SimpleUploadedFile(name, FILES[name])
        headers = {"Authorization": f"Api-Key {self.api.key}"}
        return _fine(self.api.client.post(path, {"file": file, **fields}, headers=headers))

    def _named(self, username: str, group: str) -> User:
        user = factories.make_user(group)
        user.username = username
        user.save()
        return user

    def _after_task(self, word: str, body: dict[str, Any]) -> None:
        self.task()
        self._ask("POST", f"/workflows/tasks/{TASK}/{word}", body)

    def _run(self) -> WorkflowExecution:
        return WorkflowExecution.objects.get(pk=RUN)

    def _ask(self, method: str, path: str, body: Any, **headers: str) -> None:
        _fine(self.api.call(method, path, body, **headers))


def _fine(response: Any) -> Any:
    assert response.status_code < 300, response.content
    return response


Begin = Callable[[Town], None]

BEGIN: dict[str, Begin] = {
    "report_issue": Town.nothing,
    "generate_plan": Town.nothing,
    "create_policy": Town.nothing,
    "import_policy": Town.nothing,
    "create_webhook": Town.nothing,
    "list_notes": Town.noted,
    "list_attachments": Town.attached,
    "read_attachment": Town.attached,
    "remove_attachment": Town.attached,
    "read_plan": Town.edited,
    "approve_plan": Town.edited,
    "simulate_plan": Town.edited,
    "list_revisions": Town.edited,
    "read_revision": Town.edited,
    "diff_plan": Town.edited,
    "revise_plan": Town.modelled,
    "read_revision_run": Town.rewritten,
    "read_revision_run_made": Town.rewritten,
    "execute_plan": Town.approved,
    "list_tasks": Town.task,
    "resume_execution": Town.paused,
    "list_messages": Town.messaged,
    "wipe_sandbox": Town.sandboxed,
    "list_documents": Town.reported,
    "read_document": Town.reported,
    "release_task": Town.claimed,
    "resume_task": Town.held,
    "read_upload": Town.uploaded,
    "withdraw_policy": Town.published,
    "search_policies": Town.published,
    "read_execution": Town.task,
    "retry_step": Town.failed_step,
    "skip_step": Town.failed_step,
    "answer_step": Town.failed_step,
}
"""Where examples begin that don't begin with the thing that their path names."""

BY_PARAMETER: dict[str, Begin] = {
    "reference": Town.issue,
    "workflow_id": Town.plan,
    "execution_id": Town.run,
    "task_id": Town.task,
    "policy_id": Town.policy,
    "webhook_id": Town.webhook,
}


def next_id(pinned: UUID) -> Callable[[], UUID]:
    """A column's default that is ``pinned`` once, and by chance afterwards."""
    ids = iter([pinned])
    return lambda: next(ids, None) or uuid4()

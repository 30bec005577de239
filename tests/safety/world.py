"""One of everything that the API can be asked about, and where each is found."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from executions.links import issue_link
from executions.models import Document, StepRun, TaskUpload
from executions.tasks import ask_about_failed_step
from issues.models import Issue
from mudda.files.storage import store_document
from mudda.models import WebhookAllowedHost, WebhookDelivery
from tests import factories
from tests.api.client import Api
from tests.links.pictures import picture
from tests.safety.operations import BEFORE, Operation, base_of, names_in
from tests.time.runs import confirm, crew, launch, open_for
from workflows.models import PlannerRun, WorkflowPlan

HOST = "127.0.0.1:9"


class World:
    """``call(operation)`` makes a call that works; ``at(operation)`` is the path of one."""

    def __init__(self) -> None:
        factories.load_city()
        self.boss = User.objects.create_superuser("boss", email="boss@city.example.org")
        self.api = Api(factories.make_key(owner=self.boss))
        WebhookAllowedHost.objects.create(host=HOST)
        self.values = self._reports() | self._plans() | self._runs() | self._policies() | self._webhooks()

    def _reports(self) -> dict[str, Any]:
        body = {"statement": "Water leak", "category": "water_leak", "reporter": {"name": "Ada"}}
        reference = self.api.post("/issues", body).json()["issue_id"]
        self.issue = Issue.objects.latest("pk")
        attached = self._send(f"/issues/{reference}/attachments")
        return {"reference": reference, "attachment_id": attached["id"]}

    def _plans(self) -> dict[str, Any]:
        body = {"problem_statement": factories.STATEMENT}
        self.plan = self.api.post("/workflows/generate", body).json()
        plan = WorkflowPlan.objects.get(pk=self.plan["workflow_id"])
        run = PlannerRun.objects.create(
            plan=plan, base=plan.current, purpose="revise", instruction="Do it.", status="done", planner="openai",
            ended_at=timezone.now(),
        )  # fmt: skip
        return {"workflow_id": self.plan["workflow_id"], "run_id": str(run.pk), "number": 1}

    def _runs(self) -> dict[str, Any]:
        asked, sent, failed = (launch(step, by=self.boss) for step in (confirm(), crew(), confirm("work")))
        self.task, self.crews = open_for(asked), open_for(sent)
        self.link = issue_link(self.crews, "department:water").rpartition("testserver")[2]
        step = StepRun.objects.select_related("execution").get(execution=failed)
        failure = {"code": "refused", "message": "No."}
        ask_about_failed_step(step, "supervisor", failure, {"type": "object"})
        kept = store_document(b"%PDF-", key="world", suffix=".pdf", content_type="application/pdf").name
        uploaded = TaskUpload.objects.create(
            task=self.crews,
            title="x.jpg",
            name=kept,
            content_type="image/jpeg",
            size=1,
            sha256="0" * 64,
        )
        made = Document.objects.create(
            execution=asked, step_id="confirm", effect_key="k", title="Report", name=kept,
            content_type="application/pdf", size=7, sha256="0" * 64, pages=1,
        )  # fmt: skip
        self.failed = str(failed.pk)
        return {
            "execution_id": str(asked.pk), "task_id": str(self.task.pk), "step_id": "work",
            "upload_id": str(uploaded.pk), "document_id": str(made.pk),
        }  # fmt: skip

    def _policies(self) -> dict[str, Any]:
        made = self.api.post("/policies", {"heading": "Leaks", "text": "A leak."}).json()
        return {"policy_id": made["policy_id"]}

    def _webhooks(self) -> dict[str, Any]:
        made = self.api.post("/webhooks", {"url": f"http://{HOST}/x", "types": ["*"]})
        assert made.status_code == 201, made.content
        path = f"/webhooks/{made.json()['webhook_id']}"
        assert self.api.post(f"{path}/test").status_code == 202
        delivery = WebhookDelivery.objects.latest("pk").pk
        return {"webhook_id": made.json()["webhook_id"], "delivery_id": delivery}

    def _send(self, path: str, name: str = "x.jpg") -> Any:
        headers = {"Authorization": f"Api-Key {self.api.key}"}
        file = SimpleUploadedFile(name, picture(size=(8, 8)))
        answer = self.api.client.post(path, {"file": file}, headers=headers)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def at(self, operation: Operation) -> str:
        """Its path. A name in it that is new has to be given a value here."""
        values = dict(self.values)
        values["code"] = "water_leak" if operation.path.startswith("/categories") else "water"
        if operation.path.endswith(("/accept", "/decline", "/links", "/uploads")):
            values["task_id"] = str(self.crews.pk)
        if "step_id" in operation.path:
            values["execution_id"] = self.failed
        assert set(names_in(operation.path)) <= set(values), f"Say in the world what {operation.path} may be."
        return operation.path.format(**values)

    def ready(self, operation: Operation) -> str:
        """Do what has to be done before, and give its path."""
        path = self.at(operation)
        if operation.name in BEFORE:
            last, body = BEFORE[operation.name]
            done = self.api.post(f"{path.rpartition('/')[0]}/{last}", body)
            assert done.status_code < 300, done.content
        return path

    def body_of(self, operation: Operation) -> Any:
        """A body that is good in this world."""
        body = base_of(operation)
        mine = {
            "digest": self.plan["digest"],
            "workflow_plan": self.plan["workflow_plan"],
            "url": f"http://{HOST}/y",
            "from": (timezone.now() - timedelta(days=1)).isoformat(),
        }
        if operation.name == "accept_task":
            body["arrival_at"] = (timezone.now() + timedelta(hours=1)).isoformat()
        if operation.name == "execute_plan":
            body["approve"] = True
        return body and {**body, **{name: mine[name] for name in body if name in mine}}

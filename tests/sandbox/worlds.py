"""One of everything that a key can have made, through the API as far as the API makes it."""

from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from executions.models import Document, WorkflowExecution
from mudda.apikeys import create_api_key
from mudda.files.storage import store_document
from mudda.models import ApiKey, WebhookSubscription
from mudda.webhooks import queue, sending
from tests import factories
from tests.api.client import Api
from tests.links.pictures import picture
from tests.time.runs import crew, open_for
from workflows.models import PlannerRun

REPORTER = {"name": "Ann Example", "email": "ann@example.org"}
REPORT = {"problem_statement": factories.STATEMENT, "reporter": REPORTER}
POLICY = {
    "heading": "Leaks",
    "text": "Leaks in the main are mended within four hours.",
    "department": "water",
}


@dataclass
class World:
    """``ids`` are by the names that the paths of the API have for them."""

    key: ApiKey
    api: Api
    ids: dict[str, Any] = field(default_factory=dict)


def make_key(owner: Any, sandbox: str | None = None) -> tuple[ApiKey, Api]:
    """A key that may do everything."""
    from mudda import scopes

    row, text = create_api_key(name="integration", scopes=scopes.known(), owner=owner, sandbox=sandbox)
    return row, Api(text)


def good(answer: Any) -> Any:
    """The answer's JSON; it has to be one of success."""
    assert 200 <= answer.status_code < 300, answer.content
    return answer.json()


def upload(api: Api, path: str, **fields: Any) -> Any:
    """POST a picture, or ``file``, to ``path``."""
    file = fields.pop("file", None) or SimpleUploadedFile("leak.jpg", picture(), "image/jpeg")
    headers = {"Authorization": f"Api-Key {api.key}"}
    return api.client.post(path, {"file": file, **fields}, headers=headers)


def launched(api: Api, *steps: dict[str, Any]) -> tuple[str, WorkflowExecution]:
    """A plan's id and its run, launched by the API."""
    plan = good(api.post("/workflows/generate", REPORT))
    path = f"/workflows/{plan['workflow_id']}"
    plan = good(api.put(path, {"workflow_plan": factories.document(*steps)}))
    data = {"approve": True, "digest": plan["digest"]}
    run = good(api.post(f"{path}/execute", data))
    return plan["workflow_id"], WorkflowExecution.objects.get(pk=run["execution_id"])


def make_world(owner: Any, sandbox: str | None = None) -> World:
    """One of everything of a key of ``owner``."""
    key, api = make_key(owner, sandbox)
    plan, run = launched(api, crew())
    issue = run.plan.issue.reference
    task = open_for(run)
    stored = store_document(b"%PDF-1.4", key=str(run.pk), suffix=".pdf", content_type="application/pdf")
    document = Document.objects.create(
        execution=run,
        step_id="repair",
        effect_key=f"{run.pk}:report",
        title="Report",
        content_type="application/pdf",
        name=stored.name,
        size=stored.size,
        sha256=stored.sha256,
    )
    revision = run.plan.revisions.get(number=2)
    revising = PlannerRun.objects.create(plan=run.plan, base=revision, purpose="revise", instruction="More")
    policy = good(api.post("/policies", POLICY))["policy_id"]
    webhook = _webhook(key, api)
    delivery = good(api.post(f"/webhooks/{webhook}/test"))["delivery_id"]
    good(api.post(f"/issues/{issue}/notes", {"text": "Seen."}))
    ids = {
        "workflow_id": plan,
        "execution_id": str(run.pk),
        "task_id": str(task.pk),
        "document_id": str(document.pk),
        "upload_id": good(upload(api, f"/workflows/tasks/{task.pk}/uploads"))["id"],
        "attachment_id": good(upload(api, f"/issues/{issue}/attachments"))["id"],
        "reference": issue,
        "policy_id": policy,
        "webhook_id": webhook,
        "delivery_id": delivery,
        "run_id": str(revising.pk),
        "step_id": "repair",
        "number": 1,
    }
    return World(key, api, ids)


def _webhook(key: ApiKey, api: Api) -> str:
    """A real one as a row: making it by the API asks the resolver for an address."""
    if key.sandbox_id is not None:
        made = {"url": "https://example.org/hook", "types": ["*"]}
        return str(good(api.post("/webhooks", made))["webhook_id"])
    row = WebhookSubscription.objects.create(
        owner=key.owner,
        api_key=key,
        url="https://example.org/hook",
        types=["*"],
        secret="sealed",
        active=True,
    )
    return str(row.pk)


def send_all(world: World) -> None:
    """Do for every delivery of the world's that is due what the worker's senders do."""
    others = WebhookSubscription.objects.exclude(api_key=world.key).values_list("pk", flat=True)
    while (attempt := queue.claim(list(others))) is not None:
        letter = sending.prepare(attempt)
        if letter is not None:
            sending.record(attempt, sending.send(letter))

"""``generate_report``: a PDF of what happened, kept under a name that cannot be guessed."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from executions.activities.registry import StepContext, implements
from executions.adapters.pdf.transport import Report, Section, render_report
from executions.models import Document
from mudda.files.keeping import discard_file
from mudda.files.storage import store_document
from workflows.plan.core import GENERATE_REPORT


@implements(GENERATE_REPORT)
def generate_report(step: StepContext) -> dict[str, Any]:
    receipt = step.effects.once("report", lambda key: _write(step, key), inside=True)
    return {name: receipt[name] for name in ("document_id", "url", "pages", "sha256")}


def _write(step: StepContext, key: str) -> dict[str, Any]:
    """Render, store and register the report; doing it again under the same key finds the same document."""
    rendered = render_report(
        Report(
            title=step.inputs["title"],
            reference=step.execution.plan.issue.reference,
            language=step.inputs.get("language", settings.LANGUAGE_CODE),
            generated_at=step.step.started_at or timezone.now(),
            sections=[_section(step, at, body) for at, body in enumerate(step.inputs["sections"])],
        )
    )
    stored = store_document(rendered.content, suffix=".pdf", content_type="application/pdf", key=key)
    try:
        document, _ = Document.objects.get_or_create(
            effect_key=key,
            defaults={
                "execution": step.execution,
                "step_id": step.step.step_id,
                "title": step.inputs["title"][:300],
                "name": stored.name,
                "content_type": "application/pdf",
                "size": stored.size,
                "sha256": stored.sha256,
                "pages": rendered.pages,
            },
        )
    except IntegrityError:
        discard_file(stored.name)  # the run was wiped meanwhile: nothing would ever name the file
        raise
    url = settings.PUBLIC_URL + reverse("document", args=[document.pk])
    return {"document_id": str(document.pk), "url": url, "pages": rendered.pages, "sha256": rendered.sha256}


def _section(step: StepContext, at: int, body: Any) -> Section:
    return Section(heading=_heading(step, at), body=body)


def _heading(step: StepContext, at: int) -> str:
    """The title of the step that a section is the output of; nothing for sections that are text."""
    compiled = {s["step_id"]: s for s in step.execution.compiled["steps"]}
    source = compiled[step.step.step_id]["inputs"]["sections"]
    text = source[at] if isinstance(source, list) and at < len(source) else None
    if not isinstance(text, str) or not text.startswith("{{") or "steps." not in text:
        return ""
    step_id = text.strip("{} ").split(".")[1]
    return str(compiled[step_id]["title"]) if step_id in compiled else ""

"""The form of a task's answer as staff fill it in, with the files that come along."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField, BoundWidget
from django.http import HttpRequest, QueryDict
from django.utils.html import escape
from django.utils.translation import gettext

from executions.adapters.errors import AdapterError
from executions.console.answers import AnswerForm
from executions.crews import photo_fields, too_few_photos
from executions.deciding import TaskClosed
from executions.models import HumanTask, TaskUpload
from executions.tasks import ESCALATION
from executions.uploads import add_upload
from mudda import console
from mudda.errors import Forbidden, MuddaError, NotFound
from mudda.files.checking import ACCEPTED
from mudda.languages import translated

FILES = "files-"
"""A field's new files come as ``files-<name>``; the kept ones are boxes named as the field itself."""


class TaskForm(AnswerForm):
    """A task's answer. Arrays of uploads are boxes to tick, one for each file that the task has.

    Args:
        labels: the questions in the plan's own words, by the name of the answer.
    """

    accepted_types = ACCEPTED

    def __init__(self, task: HumanTask, labels: Mapping[str, str], data: Any = None) -> None:
        schema = task.form
        properties = schema.get("properties", {})
        titles = {name: translated(one["title"]) for name, one in properties.items() if one.get("title")}
        super().__init__(schema, {**titles, **labels}, data)
        self.kind, self.schema = task.kind, schema
        self.photo_fields = tuple(photo_fields(schema))
        self.uploads: list[TaskUpload] = (
            list(task.uploads.order_by("created_at", "pk")) if self.photo_fields else []
        )
        self.file_errors: dict[str, list[str]] = {}
        self.initial = {"crew": task.crew} if task.crew else {}
        for name in self.photo_fields:
            self.schemas.pop(name)
            description = escape(translated(schema["properties"][name].get("description", "")))
            self.fields[name] = self._boxes(self.fields[name].label, description, needed=name in self.needed)

    def _boxes(self, label: Any, description: str, *, needed: bool) -> forms.MultipleChoiceField:
        files = [(str(upload.pk), upload.title) for upload in self.uploads]
        return forms.MultipleChoiceField(
            label=label,
            choices=files,
            required=needed and self.kind != ESCALATION,  # by hand a step's result may have none
            widget=forms.CheckboxSelectMultiple,
            help_text=description or gettext("JPEG, PNG, WebP or PDF, each at most 10 MB."),
            initial=[key for key, _ in files] if len(self.photo_fields) == 1 else [],
            error_messages={
                "required": gettext("Add at least one photo."),
                "invalid_choice": gettext("A file is not here any more. Please add it again."),
            },
        )

    def rows(self) -> list[tuple[BoundField, list[tuple[BoundWidget, TaskUpload]] | None, list[str]]]:
        """Each field, with the boxes of its files (None where it takes none) and what is wrong with new ones."""
        return [
            (
                field,
                list(zip(field, self.uploads, strict=True)) if field.name in self.photo_fields else None,
                self.file_errors.get(field.name, []),
            )
            for field in self
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and (missing := too_few_photos(self.kind, self.schema, cleaned)):
            self.add_error("photos", missing)
        return cleaned

    def answer(self) -> dict[str, Any]:
        chosen = {name: self.cleaned_data.get(name) or [] for name in self.photo_fields}
        kept = {name: ids for name, ids in chosen.items() if ids or name in self.needed}
        return {**super().answer(), **kept}

    def be_quiet(self) -> None:
        """Show what was typed without saying yet what is missing."""
        self.full_clean()
        self.errors.clear()


def posted_form(request: HttpRequest, task: HumanTask, labels: Mapping[str, str]) -> TaskForm:
    """What was sent, with its files kept first, whatever else is wrong: nobody should have to send them twice.

    Raises:
        NotFound, TaskClosed, Forbidden: as for ``add_upload``; what is wrong with a file is in ``file_errors``.
    """
    data, wrong = request.POST.copy(), dict[str, list[str]]()
    for name in photo_fields(task.form):
        wrong[name] = _keep_files(request, task, name, data)
    form = TaskForm(task, labels, data)
    form.file_errors = {name: said for name, said in wrong.items() if said}
    return form


def _keep_files(request: HttpRequest, task: HumanTask, name: str, data: QueryDict) -> list[str]:
    """Keep a field's new files and tick them in ``data``; what is wrong with the others."""
    wrong = []
    for file in request.FILES.getlist(FILES + name):
        try:
            upload = add_upload(
                task_id=task.pk,
                file=file,
                title=file.name or "",
                by=console.person(request),
            )
        except (NotFound, TaskClosed, Forbidden):
            raise
        except AdapterError:
            said = gettext("It could not be stored just now. Please try again.")
            wrong.append(f"{_named(file.name)}: {said}")
        except MuddaError as error:
            wrong.append(f"{_named(file.name)}: {translated(error.detail)}")
        else:
            data.appendlist(f"answer-{name}", str(upload.pk))
    return wrong


def _named(name: str | None) -> str:
    return (name or gettext("A file"))[:80]

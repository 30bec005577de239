"""The forms of a signed link's page: plain fields for a phone, made from the task's JSON Schema."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from executions.console.answers import AnswerForm
from executions.crews import photo_fields, too_few_photos
from executions.models import TaskUpload
from mudda.languages import translated

LOCAL_TIME = "%Y-%m-%dT%H:%M"
"""What a ``datetime-local`` field shows and sends; in the city's time zone."""


class SaysErrors(forms.Form):
    """A form at whose fields a service's problems (``{pointer, message}``) can be put."""

    def show(self, problems: Iterable[Mapping[str, Any]]) -> None:
        for problem in problems:
            name = str(problem.get("pointer", "")).strip("/").split("/")[0]
            self.add_error(name if name in self.fields else None, translated(str(problem.get("message", ""))))


class AcceptForm(SaysErrors):
    crew = forms.CharField(
        max_length=500,
        label=_("Who comes?"),
        help_text=_("Such as “Crew 7”."),
        error_messages={"required": _("Say who comes.")},
    )
    arrival_at = forms.DateTimeField(
        label=_("When do you expect to be there?"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_TIME),
        error_messages={
            "required": _("Say when you expect to be there."),
            "invalid": _("Write it as a date and a time, such as 2026-05-31T14:30."),
        },
    )


class DeclineForm(SaysErrors):
    reason = forms.CharField(
        max_length=2_000,
        label=_("Why not?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why, so that the department can help.")},
    )


class ReportForm(AnswerForm):
    """A task's answer. Arrays of uploads are boxes to tick, one for each file that the task has.

    Args:
        kind: the task's.
        labels: the questions in the plan's own words, by the name of the answer.
        uploads: the task's files, oldest first.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        labels: Mapping[str, str],
        data: Any = None,
        *,
        kind: str,
        uploads: Sequence[TaskUpload],
    ) -> None:
        asked = schema["properties"].items()
        titles = {name: translated(one["title"]) for name, one in asked if one.get("title")}
        super().__init__(schema, {**titles, **labels}, data)
        self.kind, self.schema = kind, schema
        self.photo_fields = tuple(photo_fields(schema))
        files = [(str(upload.pk), upload.title) for upload in uploads]
        for name, field in list(self.fields.items()):
            if name in self.photo_fields:
                self.schemas.pop(name)
                needed = name in self.needed
                self.fields[name] = self._files(field, files, needed)
            else:
                _make_plain(field, self.schemas[name])

    def _files(
        self, field: forms.Field, files: list[tuple[str, str]], needed: bool
    ) -> forms.MultipleChoiceField:
        return forms.MultipleChoiceField(
            label=field.label,
            choices=files,
            required=needed,
            widget=forms.CheckboxSelectMultiple,
            help_text=_("JPEG, PNG, WebP or PDF, each at most 10 MB."),
            initial=[key for key, _ in files] if len(self.photo_fields) == 1 else [],
            error_messages={
                "required": _("Add at least one photo."),
                "invalid_choice": _("A file is not here any more. Please add it again."),
            },
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and (missing := too_few_photos(self.kind, self.schema, cleaned)):
            self.add_error("photos", translated(missing))
        return cleaned

    def answer(self) -> dict[str, Any]:
        chosen = {name: self.cleaned_data.get(name) or [] for name in self.photo_fields}
        return {
            **super().answer(),
            **{name: ids for name, ids in chosen.items() if ids or name in self.needed},
        }


def _make_plain(field: forms.Field, schema: Mapping[str, Any]) -> None:
    """The admin's fields with ordinary widgets, and choices that a thumb can hit."""
    field.error_messages["required"] = gettext("Please answer this.")
    if isinstance(field, forms.ChoiceField):
        choices: list[Any] = [(key, words) for key, words in list(field.choices) if key != ""]  # type: ignore[arg-type]
        if len(choices) <= 6:
            field.widget = forms.RadioSelect()
            field.choices = choices if field.required else [*choices, ("", gettext("No answer"))]
        else:
            field.widget = forms.Select()
            field.choices = [("", gettext("Choose one")), *choices]
    elif isinstance(field, forms.DateTimeField):
        field.widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_TIME)
    elif isinstance(field, forms.IntegerField):  # and its children for other numbers
        whole = not isinstance(field, forms.FloatField)
        field.widget = forms.NumberInput(
            attrs={"step": "1" if whole else "any", "inputmode": "numeric" if whole else "decimal"}
        )
    elif isinstance(field, forms.CharField):
        longest = field.max_length or 10_000
        attributes = {"rows": 4, "maxlength": longest}
        field.widget = (
            forms.TextInput(attrs={"maxlength": longest}) if longest <= 500 else forms.Textarea(attributes)
        )
    field.widget.is_required = field.required

"""A task's form: made from the JSON Schema of the answer, and read back into the answer that it asks for."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from mudda import strictjson
from mudda.languages import translated

LONG_TEXT = 500
"""Texts that may be longer than this get several lines to write on."""
NOT_ANSWERED = ("", "—")
PREFIX = "answer"
MOST_PROBLEMS = 5
"""Problems of one JSON text that are shown at once."""


class TimeInput(forms.DateTimeInput):
    input_type = "datetime-local"


class JsonText(forms.CharField):
    """What no plain field can ask for, such as an object, written as JSON."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        read, problems = strictjson.loads(text)
        if problems:
            raise ValidationError([problem.message for problem in problems[:MOST_PROBLEMS]])
        return read


class AnswerForm(forms.Form):
    """The fields of one task's answer, in the schema's order.

    ``answer()`` has only what was filled in, and null for what was not where the schema wants a null. Whether
    it satisfies the schema is for the service to say: ``show`` puts what it says at the fields.
    """

    def __init__(self, schema: Mapping[str, Any], labels: Mapping[str, str], data: Any = None) -> None:
        super().__init__(data, prefix=PREFIX)
        properties = schema.get("properties")
        self.schemas: dict[str, Mapping[str, Any]] = dict(properties) if isinstance(properties, dict) else {}
        self.needed = set(schema.get("required", ()))
        for name, one in self.schemas.items():
            self.fields[name] = _field(one, labels.get(name) or _label(name), name in self.needed)

    def answer(self) -> dict[str, Any]:
        """The answer as JSON; to be called on a valid form."""
        found: dict[str, Any] = {}
        for name, schema in self.schemas.items():
            value = _json(self.cleaned_data.get(name), schema)
            if value is not None:
                found[name] = value
            elif name in self.needed and _allows(schema, "null"):
                found[name] = None
        return found

    def show(self, problems: Iterable[Mapping[str, Any]]) -> None:
        """Put problems (``{pointer, message}``) at their fields."""
        for problem in problems:
            name = str(problem.get("pointer", "")).removeprefix("/answer").strip("/").split("/")[0]
            self.add_error(name if name in self.fields else None, translated(str(problem.get("message", ""))))


def _field(schema: Mapping[str, Any], label: str, needed: bool) -> forms.Field:
    options: dict[str, Any] = {
        "label": label,
        "required": needed and not _allows(schema, "null"),
        "help_text": escape(translated(schema.get("description", ""))),  # the theme shows help as markup
    }
    if isinstance(schema.get("enum"), list):
        choices = [
            NOT_ANSWERED,
            *((str(at), str(value)) for at, value in enumerate(schema["enum"]) if value is not None),
        ]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(), **options)
    if _allows(schema, "boolean"):
        choices = [NOT_ANSWERED, ("yes", _("Yes")), ("no", _("No"))]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(), **options)
    if _allows(schema, "integer"):
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(), **options)
    if _allows(schema, "number"):
        widget = UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
        return forms.FloatField(widget=widget, **options)
    if schema.get("format") == "date-time":
        return forms.DateTimeField(widget=TimeInput(attrs={"class": "md-time"}), **options)
    if _takes_json(schema):
        options["help_text"] = options["help_text"] or _("Written as JSON.")
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})
        return JsonText(widget=widget, **options)
    if _allows(schema, "array"):
        options["help_text"] = options["help_text"] or _("One on each line.")
        options["required"] = False  # an empty list is an answer
        return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), **options)
    longest = schema.get("maxLength")
    if isinstance(longest, int):
        options["max_length"] = longest
    if isinstance(longest, int) and longest <= LONG_TEXT:
        return forms.CharField(widget=UnfoldAdminTextInputWidget(), **options)
    return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **options)


def _json(value: Any, schema: Mapping[str, Any]) -> Any:
    """What a field gave, as JSON; None for nothing."""
    if value in (None, "") and not (_allows(schema, "array") and not _allows(schema, "null")):
        return None
    if isinstance(schema.get("enum"), list):
        return schema["enum"][int(value)]
    if _allows(schema, "boolean"):
        return value == "yes"
    if schema.get("format") == "date-time":
        aware = timezone.make_aware(value) if timezone.is_naive(value) else value
        return aware.isoformat(timespec="seconds")
    if _takes_json(schema) and value is not None:
        return value
    if _allows(schema, "array"):
        return [line.strip() for line in (value or "").splitlines() if line.strip()]
    return value


def _allows(schema: Mapping[str, Any], kind: str) -> bool:
    types = schema.get("type")
    return kind == types or (isinstance(types, list) and kind in types)


def _takes_json(schema: Mapping[str, Any]) -> bool:
    """Whether neither one plain field nor a text on each line could be the answer."""
    if _allows(schema, "array"):
        items = schema.get("items")
        return isinstance(items, dict) and "type" in items and not _allows(items, "string")
    return _allows(schema, "object") and not _allows(schema, "string")


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()

"""The questions of an inspection as rows of a form."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.plan.activity import QUESTION_TYPES

NEW_ROWS = 2
MOST = 50
KINDS = {
    "yes_no": gettext_lazy("yes or no"),
    "choice": gettext_lazy("one of a list"),
    "number": gettext_lazy("a number"),
    "text": gettext_lazy("in words"),
    "photos": gettext_lazy("photos"),
}
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def asks_questions(schema: Any) -> bool:
    """Whether an input is questions by their names, as ``inspect_site`` has them."""
    inner = schema.get("additionalProperties") if isinstance(schema, dict) else None
    return isinstance(inner, dict) and {"ask", "type"} <= set(inner.get("properties", ()))


def are_questions(value: Any) -> bool:
    """Whether rows can show all of it and give it back."""
    return isinstance(value, dict) and all(
        NAME.fullmatch(name) and isinstance(question, dict) and _is_question(question)
        for name, question in value.items()
    )


def _is_question(question: Mapping[str, Any]) -> bool:
    ask, options = question.get("ask"), question.get("options", [])
    return (
        isinstance(ask, str)
        and ask == " ".join(ask.split())
        and question.get("type") in QUESTION_TYPES
        and isinstance(options, list)
        and all(isinstance(one, str) and one == " ".join(one.split()) and one for one in options)
    )


class QuestionsPart:
    """Fields for the questions there are, and for two more.

    Attributes:
        fields: By their names in the form.
        rows: Those names, row by row: ask, type, options, name, gone.
        value: After ``read``: the questions as the plan has them.
    """

    def __init__(self, name: str, now: Mapping[str, Any]) -> None:
        self.name, self.now = name, now
        self.names = [*now, *[""] * NEW_ROWS][:MOST]
        self.fields: dict[str, forms.Field] = {}
        self.rows: list[list[str]] = []
        self.value: dict[str, Any] = dict(now)
        for at, key in enumerate(self.names):
            self.rows.append(self._add_row(at, key, now.get(key)))

    def _add_row(self, at: int, key: str, question: Any) -> list[str]:
        known = question if isinstance(question, dict) else {}
        options = known.get("options")
        lines = "\n".join(map(str, options)) if isinstance(options, list) else ""
        kinds = [(kind, KINDS.get(kind, kind)) for kind in QUESTION_TYPES]
        text, area = (
            forms.TextInput({"class": "md-input"}),
            forms.Textarea({"class": "md-input", "rows": "3"}),
        )
        made: dict[str, forms.Field] = {
            "ask": forms.CharField(
                label=_("Question"), initial=known.get("ask", ""), max_length=500, required=False, widget=text
            ),
            "type": forms.ChoiceField(
                label=_("Answered by"),
                choices=kinds,
                initial=known.get("type", "yes_no"),
                required=False,
                widget=forms.Select({"class": "md-select"}),
            ),
            "options": forms.CharField(
                label=_("The list, one a line"), initial=lines, max_length=10_000, required=False, widget=area
            ),
            "name": forms.CharField(
                label=_("Its name in later steps"),
                initial=key,
                max_length=63,
                required=False,
                widget=forms.TextInput({"class": "md-input md-input-short"}),
            ),
            "gone": forms.BooleanField(label=_("Take it out"), required=False),
        }
        if not key:
            made.pop("gone")
        names = {part: f"q_{at}_{part}" for part in made}
        self.fields.update({names[part]: field for part, field in made.items()})
        return list(names.values())

    def read(self, given: Mapping[str, Any], wrong: Callable[[str, Any], None]) -> None:
        """Make ``value`` of what was given; ``wrong`` takes a field's name and what is wrong with it."""
        found: dict[str, Any] = {}
        for at, key in enumerate(self.names):
            ask = given.get(f"q_{at}_ask", "")
            if given.get(f"q_{at}_gone") or not ask:
                continue
            name = given.get(f"q_{at}_name") or _name_of(ask)
            if not NAME.fullmatch(name):
                wrong(f"q_{at}_name", _("Small letters, digits and _, beginning with a letter."))
            elif name in found:
                wrong(f"q_{at}_name", _("Another question has this name."))
            found[name] = self._question(at, key, given)
        self.value = found

    def _question(self, at: int, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """A question with what the form shows; what it doesn't show stays."""
        before = self.now.get(key)
        question = dict(before) if isinstance(before, dict) else {}
        question |= {"ask": given[f"q_{at}_ask"], "type": given.get(f"q_{at}_type") or "yes_no"}
        options = [line.strip() for line in given.get(f"q_{at}_options", "").splitlines() if line.strip()]
        question.pop("options", None)
        if question["type"] == "choice":
            question["options"] = options
        if question["type"] != "photos":
            question.pop("keep_location", None)
        return question


def _name_of(ask: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", ask.lower()).strip("_")
    return (words if words[:1].isalpha() else f"question_{words}")[:40].strip("_")


__all__ = ["QuestionsPart", "asks_questions"]

"""Editing a plan as JSON: the same reading and the same validation as the API's."""

import json
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from mudda import strictjson
from workflows.console.review import in_order
from workflows.plan.catalogue import offered
from workflows.plan.schema import PLAN_FIELDS, STEP_FIELDS


class DocumentForm(forms.Form):
    """A plan's text. ``problems`` are those of reading it; what is wrong with the plan itself is another
    matter: a draft with errors may be saved."""

    text = forms.CharField(
        label="The plan as JSON",
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 32, "class": "md-code-input", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: list[strictjson.JsonProblem] = []

    def clean_text(self) -> Any:
        document, self.problems = strictjson.loads(self.cleaned_data["text"])
        if self.problems:
            raise forms.ValidationError(
                [f"{problem.pointer} {problem.message}".strip() for problem in self.problems]
            )
        return document


def as_text(document: Any) -> str:
    """A plan's document indented, its fields in the order in which people read them."""
    return json.dumps(_ordered(document), indent=2, ensure_ascii=False)


def _ordered(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    plan = _in_order(document, PLAN_FIELDS)
    if isinstance(plan.get("steps"), list):
        plan["steps"] = [_ordered_step(step) if isinstance(step, dict) else step for step in plan["steps"]]
    return plan


def _ordered_step(step: dict[str, Any]) -> dict[str, Any]:
    found = _in_order(step, STEP_FIELDS)
    if isinstance(found.get("inputs"), dict):
        found["inputs"] = in_order(found["inputs"], offered().get(str(step.get("activity_id"))))
    return found


def _in_order(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**{name: data[name] for name in names if name in data}, **data}

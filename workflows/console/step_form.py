"""One step as a form: its words and times, when it begins, who is asked first, and the inputs of its activity.

Only what was changed is written, and into whatever the step is by then (``patched``): what the form cannot show stays
as it was, and two people who change different fields of one step don't undo each other's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.console.changing import id_of, needs_of, steps_in, with_fields
from workflows.console.conditions import (
    FEWEST_ROWS,
    JOINS,
    OPERATORS,
    ROWS,
    WITHOUT_VALUE,
    Row,
    Rows,
    condition_of,
    rows_of,
)
from workflows.console.inputs import UNSET, Anything, Input, Words, input_field
from workflows.console.offers import REPORTER, Groups, grouped, offers_for
from workflows.console.periods import period
from workflows.console.questions import QuestionsPart, are_questions, asks_questions
from workflows.plan.activity import ActivitySpec
from workflows.plan.durations import in_words, working_in_words
from workflows.plan.schema import GROUPS, STEP_FIELDS

NOBODY, DEFAULT = "", "default"
SHOWN_ELSEWHERE = frozenset(
    {
        "step_id", "activity_id", "title", "reason", "policies", "inputs", "needs", "when", "requires_approval",
        "due", "timeout", "on_failure",
    }
)  # fmt: skip
RARE = tuple(name for name in STEP_FIELDS if name not in SHOWN_ELSEWHERE)
"""Fields of a step that are edited as JSON."""
RARE_WORDS = {
    "overdue": gettext_lazy("When it is late"),
    "retry": gettext_lazy("How it is tried again"),
    "compensate": gettext_lazy("What undoes it"),
}


@dataclass(frozen=True)
class InputRow:
    """An input for the template: its field, the list of references to take from, and whether it has to be given."""

    field: BoundField
    take: BoundField | None
    wanted: bool


class StepForm(forms.Form):
    """A step of a document.

    ``step`` is what the person has read, of any shape; ``activity`` stands in its place where another kind of work is
    wanted.
    """

    template_name = "admin/console/step_fields.html"

    def __init__(
        self,
        document: Any,
        step: Mapping[str, Any],
        spec: ActivitySpec | None,
        departments: Mapping[str, str],
        data: Any = None,
    ) -> None:
        super().__init__(data)
        self.step, self.spec = step, spec
        self.offers = offers_for(document, needs_of(step))
        self.questions: QuestionsPart | None = None
        self.inputs: dict[str, str] = {}
        self.taken: set[str] = set()
        self._add_words(document)
        self._add_condition()
        self._add_approval()
        self._add_terms()
        self._add_inputs(departments)

    # --- fields ---------------------------------------------------------------------------------

    def _add_words(self, document: Any) -> None:
        self._add("title", _line(_("What is done"), self.step.get("title"), 120, required=True))
        self._add("reason", _text(_("Why"), self.step.get("reason")))
        others = [
            (id_of(one), f"{at}. {one.get('title') or id_of(one)}")
            for at, one in enumerate(steps_in(document), 1)
            if id_of(one) and id_of(one) != id_of(self.step)
        ]
        needs = _Needs(others, needs_of(self.step))
        self._add("needs", needs)
        policies = self.step.get("policies")
        cited = "\n".join(map(str, policies)) if isinstance(policies, list) else ""
        self._add(
            "policies", _text(_("Policies that it rests on"), cited, _("One a line, as <id>@<version>."))
        )

    def _add_condition(self) -> None:
        self.rows = rows_of(self.step.get("when"))
        if self.rows is None:
            self._add("when", _json(_("Only if"), self.step["when"]))
            return
        left: Groups = [*grouped(self.offers), (_("The issue"), [(REPORTER, _("The reporter"))])]
        known = {text for _heading, group in left for text, _words in group}
        gone = [(row.left, row.left) for row in self.rows.rows if row.left not in known]
        self._add("when_join", _choice(_("Holds if"), JOINS, self.rows.join))
        self.condition_places = range(min(max(len(self.rows.rows) + 1, FEWEST_ROWS), ROWS))
        for at in self.condition_places:
            row = self.rows.rows[at] if at < len(self.rows.rows) else Row("", "eq")
            self._add(f"when_{at}_left", _choice(_("What"), [("", "…"), *gone, *left], row.left))
            self._add(f"when_{at}_is", _choice(_("How"), OPERATORS, row.operator))
            self._add(f"when_{at}_right", _line(_("With what"), row.right, 200))

    def _add_approval(self) -> None:
        asked = self.step.get("requires_approval")
        members = asked if isinstance(asked, dict) else {}
        group = members.get("group") if isinstance(asked, dict) else None
        now = str(group) if group else DEFAULT if asked else NOBODY
        choices: list[tuple[str, Any]] = [
            (NOBODY, _("nobody, unless the activity wants it")),
            (DEFAULT, _("whoever the activity names, else a supervisor")),
            *((name, name.capitalize()) for name in GROUPS),
        ]
        if now not in dict(choices):
            choices.append((now, now))
        self._add("approval", _choice(_("Who is asked before it begins"), choices, now))
        self._add("approval_reason", _line(_("Why they are asked"), members.get("reason"), 500))
        four_eyes = forms.BooleanField(
            required=False,
            label=_("Nobody who wrote or approved the plan may decide"),
            initial=members.get("four_eyes") is True,
        )
        self._add("approval_four_eyes", four_eyes)
        self._add("approval_due", _Length(_("They answer within"), members.get("due"), working=True))

    def _add_terms(self) -> None:
        self._add("due", _Length(_("It is due within"), self.step.get("due"), working=True))
        self._add(
            "timeout", _Length(_("One attempt is given up after"), self.step.get("timeout"), working=False)
        )
        now = self.step.get("on_failure")
        escalates = now.get("escalate") if isinstance(now, dict) else None
        choices: list[tuple[str, Any]] = [
            ("fail", _("the run fails")),
            ("continue", _("the rest goes on")),
            *(
                (f"escalate:{name}", _("%(group)s is asked what to do") % {"group": name.capitalize()})
                for name in GROUPS
            ),
        ]
        shown = f"escalate:{escalates}" if escalates else str(now or "fail")
        if shown not in dict(choices):
            choices.append((shown, shown))
        self._add("on_failure", _choice(_("If it fails"), choices, shown))
        for name in [*RARE, *sorted(set(self.step) - set(STEP_FIELDS))]:
            value = self.step.get(name)
            self._add(f"rare_{name}", _json(str(RARE_WORDS.get(name, name)), value))

    def _add_inputs(self, departments: Mapping[str, str]) -> None:
        given = self.step.get("inputs")
        properties = self.spec.inputs.get("properties", {}) if self.spec else {}
        given = self._kept(given if isinstance(given, dict) else {})
        required = self.spec.inputs.get("required", []) if self.spec else []
        for at, name in enumerate([*properties, *(name for name in given if name not in properties)]):
            value, schema = given.get(name, UNSET), properties.get(name)
            if asks_questions(schema) and (value is UNSET or are_questions(value)):
                self.questions = QuestionsPart(name, {} if value is UNSET else value)
                for key, field in self.questions.fields.items():
                    self._add(key, field)
                continue
            key = f"in_{at}"
            self.inputs[key] = name
            field = input_field(
                name,
                schema,
                value,
                offers=self.offers,
                departments=departments,
                required=name in required,
            )
            self._add(key, field)
            if field.offers:
                label = _("Take from what is known then")
                self._add(f"take_{at}", _choice(label, [("", label), *field.offers], ""))

    @property
    def is_other_work(self) -> bool:
        return self.spec is not None and self.spec.activity_id != self.step.get("activity_id")

    def _kept(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that another kind of work has too; of the same kind all, whether the schema knows them or not."""
        if not self.is_other_work or self.spec is None:
            return dict(given)
        return {name: given[name] for name in self.spec.inputs.get("properties", {}) if name in given}

    def _add(self, name: str, field: forms.Field) -> None:
        self.fields[name] = field

    # --- for the template -----------------------------------------------------------------------

    def input_rows(self) -> list[InputRow]:
        rows = []
        for key in self.inputs:
            take = key.replace("in_", "take_")
            field = self.fields[key]
            rows.append(
                InputRow(
                    self[key], self[take] if take in self.fields else None, getattr(field, "wanted", False)
                )
            )
        return rows

    def condition_rows(self) -> list[tuple[BoundField, BoundField, BoundField]]:
        if self.rows is None:
            return []
        return [
            (self[f"when_{at}_left"], self[f"when_{at}_is"], self[f"when_{at}_right"])
            for at in self.condition_places
        ]

    def rare_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith("rare_")]

    def rare_errors(self) -> bool:
        """Whether something is wrong with a field that is folded away."""
        return any(name.startswith("rare_") or name == "policies" for name in self.errors)

    def question_rows(self) -> list[list[BoundField]]:
        return [[self[name] for name in row] for row in self.questions.rows] if self.questions else []

    # --- what comes of it -----------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        self.taken.clear()
        self.condition = self._condition()
        if self.questions:
            self.questions.read(self.cleaned_data, self.add_error)
        for key, name in self.inputs.items():
            take = self.cleaned_data.get(key.replace("in_", "take_"))
            if take and key in self.cleaned_data:
                self.cleaned_data[key] = _taken(self.fields[key], self.cleaned_data[key], take)
                self.taken.add(name)
        return self.cleaned_data

    def _condition(self) -> Any:
        if self.rows is None:
            value = self.cleaned_data.get("when", UNSET)
            return None if value is UNSET else value
        rows = []
        for at in self.condition_places:
            left, operator, right = (
                self.cleaned_data.get(f"when_{at}_{part}", "") for part in ("left", "is", "right")
            )
            if not left:
                continue
            right = "" if operator in WITHOUT_VALUE else right
            if not right and operator not in WITHOUT_VALUE:
                self.add_error(f"when_{at}_right", _("Say with what it is compared."))
                continue
            rows.append(Row(left, operator, right))
        try:
            return condition_of(
                Rows(self.cleaned_data.get("when_join", "all"), tuple(rows), self.rows.kept), self.offers
            )
        except ValueError as error:
            self.add_error("when_0_right", str(error))
            return None

    def patched(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """The step with what was changed in the form, and nothing else."""
        changed = set(self.changed_data)
        given, changes = self.cleaned_data, dict[str, Any]()
        for name in ("title", "reason"):
            if name in changed:
                changes[name] = given[name] or None
        if "title" in changed:
            changes["title"] = given["title"]
        if "needs" in changed:
            changes["needs"] = given["needs"]
        if "policies" in changed:
            changes["policies"] = given["policies"].split() or None
        if any(name.startswith("when") for name in changed):
            changes["when"] = self.condition
        if any(name.startswith("approval") for name in changed):
            changes["requires_approval"] = self._approval(step.get("requires_approval"))
        for name in ("due", "timeout"):
            if name in changed:
                changes[name] = given[name] or None
        if "on_failure" in changed:
            changes["on_failure"] = _on_failure(given["on_failure"])
        for name in changed:
            if name.startswith("rare_"):
                value = given[name]
                changes[name.removeprefix("rare_")] = None if value is UNSET else value
        if self.spec is not None and self.is_other_work:
            changes["activity_id"] = self.spec.activity_id
        inputs = self._inputs(step.get("inputs"), changed)
        if inputs is not None:
            changes["inputs"] = inputs
        return with_fields(step, changes)

    def _inputs(self, now: Any, changed: set[str]) -> dict[str, Any] | None:
        """The inputs with what was changed; None where nothing was."""
        found = self._kept(now if isinstance(now, dict) else {})
        touched = {key: name for key, name in self.inputs.items() if key in changed or name in self.taken}
        for key, name in touched.items():
            value = self.cleaned_data[key]
            found.pop(name, None)
            if value is not UNSET:
                found[name] = value
        asked = self.questions is not None and any(name in self.questions.fields for name in changed)
        if self.questions is not None and asked:
            found[self.questions.name] = self.questions.value
        return found if touched or asked or self.is_other_work else None

    def _approval(self, now: Any) -> Any:
        given = self.cleaned_data
        if given["approval"] == NOBODY:
            return None
        members = with_fields(
            now if isinstance(now, dict) else {},
            {
                "group": None if given["approval"] == DEFAULT else given["approval"],
                "reason": given["approval_reason"] or None,
                "four_eyes": given["approval_four_eyes"] or None,
                "due": given["approval_due"] or None,
            },
        )
        return members or True


def _taken(field: forms.Field, value: Any, reference: str) -> Any:
    """The value with a reference that was taken from the list: in its place, or at its end where it is a text."""
    if isinstance(field, Words) and isinstance(value, str):
        return f"{value} {reference}"
    return reference


def _on_failure(chosen: str) -> Any:
    escalates = chosen.startswith("escalate:")
    return (
        {"escalate": chosen.removeprefix("escalate:")} if escalates else None if chosen == "fail" else chosen
    )


# --- fields of the step itself ----------------------------------------------------------------------


class _Lines(forms.CharField):
    """A text whose line ends are those of the plan."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(data) != (initial or "")


class _Title(forms.CharField):
    """Kept as it is written, but something has to be."""

    def validate(self, value: Any) -> None:
        super().validate(value.strip())


class _Needs(forms.MultipleChoiceField):
    def __init__(self, others: list[tuple[str, str]], now: list[str]) -> None:
        gone = [(one, _("%(id)s (not in the plan)") % {"id": one}) for one in now if one not in dict(others)]
        super().__init__(
            choices=[*others, *gone],
            initial=now,
            required=False,
            label=_("It begins after"),
            help_text=_("None: as soon as the plan is launched."),
            widget=forms.CheckboxSelectMultiple,
        )


class _Length(forms.CharField):
    """A length of time in words."""

    def __init__(self, label: str, now: Any, *, working: bool) -> None:
        shown = (working_in_words if working else in_words)(now) if now else ""
        help_text = _("In working time, such as 2 days 4 hours.") if working else _("Such as 90 minutes.")
        widget = forms.TextInput({"class": "md-input md-input-short"})
        super().__init__(
            label=label, initial=shown, required=False, widget=widget, max_length=60, help_text=help_text
        )
        self.working, self.now = working, now

    def clean(self, value: Any) -> Any:
        """As the plan language writes it; as it was where nothing was changed, whatever that is."""
        text = str(super().clean(value))
        if not text or text == self.initial:
            return self.now if text else ""
        try:
            return period(text, working=self.working)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


def _line(label: str, value: Any, longest: int, *, required: bool = False) -> forms.Field:
    widget = forms.TextInput({"class": "md-input"})
    initial = value if isinstance(value, str) else ""
    kind = _Title if required else forms.CharField
    return kind(
        label=label, initial=initial, max_length=longest, required=required, strip=False, widget=widget
    )


def _text(label: str, value: Any, help_text: str = "") -> forms.Field:
    widget = forms.Textarea({"class": "md-input", "rows": "2"})
    initial = value if isinstance(value, str) else ""
    return _Lines(
        label=label,
        initial=initial,
        max_length=10_000,
        required=False,
        strip=False,
        widget=widget,
        help_text=help_text,
    )


def _choice(label: str, choices: Iterable[Any], now: str) -> forms.Field:
    widget = forms.Select({"class": "md-select"})
    return forms.ChoiceField(label=label, choices=list(choices), initial=now, required=False, widget=widget)


def _json(label: str, value: Any) -> Input:
    field = Anything(label=label, required=False)
    field.initial = "" if value is None else field.shown(value)
    return field

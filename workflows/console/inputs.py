"""Form fields made from a JSON Schema: one for each input of an activity, whatever the input is.

A field knows how its value is shown and how what a person gives becomes JSON. ``UNSET`` is an input that is left out.
A value that the schema's kind of field cannot show is edited as JSON, so that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mudda import console, strictjson
from workflows.console.data import number
from workflows.console.offers import DEPARTMENT, REPORTER, Groups, Offer, as_written, grouped
from workflows.console.periods import period
from workflows.console.words import label_of
from workflows.departments import PREFIX
from workflows.plan.durations import in_words

UNSET = object()
"""An input that isn't given."""
ONE_LINE = 500
"""Up to this many letters a text is a line."""
NUMBERS = frozenset({"number", "integer"})


class Input(forms.Field):
    """A field for one input. ``offers`` are the references that may take the place of its value."""

    offers: Groups = []
    takes_whole = False
    """Whether a reference is the whole value, and not a part of a text."""
    kind = ""

    def shown(self, value: Any) -> Any:
        """The value as the form shows it; None where this field cannot show it."""
        raise NotImplementedError

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(_lines(data) != _lines(initial))


def _lines(text: Any) -> Any:
    """A browser sends lines that end in two characters."""
    return "" if text is None else text.replace("\r\n", "\n") if isinstance(text, str) else text


class Words(Input):
    """A text, in which references may stand."""

    kind = "words"

    def __init__(self, *, long: bool, longest: int | None, offers: Groups, **more: Any) -> None:
        attributes = {"class": "md-input"} | ({"maxlength": str(longest)} if longest else {})
        widget = (
            forms.Textarea({**attributes, "rows": "4"})
            if long
            else forms.TextInput({**attributes, "size": "60"})
        )
        super().__init__(widget=widget, **more)
        self.offers = offers

    def shown(self, value: Any) -> Any:
        return value if isinstance(value, str) else None

    def to_python(self, value: Any) -> Any:
        text = _lines(value)
        return text if text.strip() else UNSET


class Number(Input):
    kind = "number"
    takes_whole = True

    def __init__(self, *, offers: Groups, **more: Any) -> None:
        super().__init__(
            widget=forms.TextInput({"class": "md-input md-input-short", "inputmode": "decimal"}), **more
        )
        self.offers = offers

    def shown(self, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return as_written(value) or None

    def to_python(self, value: Any) -> Any:
        text = (value or "").strip()
        if not text:
            return UNSET
        if as_written(text):
            return as_written(text)
        try:
            return number(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class Period(Input):
    """A length of time that a clock counts, in words."""

    kind = "period"
    takes_whole = True

    def __init__(self, *, offers: Groups, **more: Any) -> None:
        super().__init__(widget=forms.TextInput({"class": "md-input md-input-short"}), **more)
        self.offers = offers
        self.help_text = self.help_text or _("Such as 2 days 4 hours.")

    def shown(self, value: Any) -> Any:
        return as_written(value) or in_words(value) if isinstance(value, str) else None

    def to_python(self, value: Any) -> Any:
        text = (value or "").strip()
        if not text or as_written(text):
            return as_written(text) or UNSET
        try:
            return period(text, working=False)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class OneOf(Input):
    """One of a few values; a reference is one more of them. Values are JSON texts in the page."""

    kind = "one"

    def __init__(
        self, *, options: Iterable[tuple[Any, str]], offers: Groups, blank: str, now: Any, **more: Any
    ) -> None:
        """``now`` is the value as it is, which stays choosable whatever it is."""
        choices: list[Any] = [("", blank), *((json.dumps(value), words) for value, words in options)]
        choices += [
            (heading, [(json.dumps(text), words) for text, words in group]) for heading, group in offers
        ]
        super().__init__(widget=forms.Select({"class": "md-select"}, choices), **more)
        if (
            isinstance(now, str | int | float)
            and (text := json.dumps(as_written(now) or now)) not in self.values
        ):
            choices.insert(1, (text, _("%(value)s, as it is now") % {"value": now}))
            self.widget.choices = choices

    @property
    def values(self) -> set[str]:
        """What may be chosen."""
        found = set()
        for value, words in self.widget.choices:
            found |= {inner for inner, _ in words} if isinstance(words, list) else {value}
        return found

    def shown(self, value: Any) -> Any:
        text = json.dumps(as_written(value) or value)
        return text if text in self.values else None

    def to_python(self, value: Any) -> Any:
        if not value:
            return UNSET
        if value not in self.values:
            raise forms.ValidationError(_("Choose one of the list."))
        return json.loads(value)


class Some(Input):
    """Some of a few roles; one alone is written without a list."""

    kind = "some"

    def __init__(self, *, options: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(widget=forms.CheckboxSelectMultiple(choices=options), **more)
        self.options = dict(options)

    def shown(self, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        known = [as_written(one) or one for one in values]
        return known if all(isinstance(one, str) and one in self.options for one in known) and known else None

    def to_python(self, value: Any) -> Any:
        chosen = [one for one in value or [] if one]
        if any(one not in self.options for one in chosen):
            raise forms.ValidationError(_("Choose some of the list."))
        return UNSET if not chosen else chosen[0] if len(chosen) == 1 else chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        return set(initial or []) != set(data or [])


class Anything(Input):
    """A value of any shape, as JSON."""

    kind = "json"

    def __init__(self, **more: Any) -> None:
        attributes = {"class": "md-input md-code-input", "rows": "6", "spellcheck": "false"}
        super().__init__(widget=forms.Textarea(attributes), **more)
        self.help_text = self.help_text or _("As JSON.")

    def shown(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        if not (value or "").strip():
            return UNSET
        found, problems = strictjson.loads(_lines(value))
        if problems:
            raise forms.ValidationError([f"{one.pointer} {one.message}".strip() for one in problems])
        return found


def input_field(
    name: str,
    schema: Any,
    value: Any,
    *,
    offers: list[Offer],
    departments: Mapping[str, str],
    required: bool,
    words: str = "",
) -> Input:
    """The field for an input.

    Args:
        value: what it is now, or ``UNSET``: where its kind of field can't show that, it is edited as JSON.
        required: what is shown of it; a draft may be saved without.
        words: instead of its name.
    """
    schema = schema if isinstance(schema, dict) else {}
    more: dict[str, Any] = {
        "label": words or label_of(name).capitalize(),
        "required": False,
        "help_text": "" if "x-role" in schema else str(schema.get("description", "")),
    }
    field = _field(schema, value, offers, departments, _blank(required), more)
    if value is not UNSET:
        shown = field.shown(value)
        if shown is None:
            field = Anything(**{**more, "help_text": ""})
            shown = field.shown(value)
        field.initial = shown
    field.wanted = required  # type: ignore[attr-defined]
    return field


def _field(
    schema: dict[str, Any],
    value: Any,
    offers: list[Offer],
    departments: Mapping[str, str],
    blank: str,
    more: dict[str, Any],
) -> Input:
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "x-role" in schema:
        return _role_field(schema, value, departments, blank, more)
    if isinstance(schema.get("enum"), list):
        options = [(one, console.in_words(str(one))) for one in schema["enum"]]
        literal = schema.get("x-literal") or schema.get("x-group")
        like = [] if literal else _like(offers, schema)
        return OneOf(options=options, offers=like, blank=blank, now=value, **more)
    if kinds == ["boolean"]:
        options = [(True, _("yes")), (False, _("no"))]
        return OneOf(options=options, offers=_like(offers, schema), blank=blank, now=value, **more)
    if set(kinds) <= NUMBERS:
        return Number(offers=_like(offers, schema), **more)
    if kinds == ["string"] and schema.get("format") == "duration":
        return Period(offers=[], **more)
    if kinds == ["string"]:
        longest = schema.get("maxLength")
        return Words(long=not longest or longest > ONE_LINE, longest=longest, offers=grouped(offers), **more)
    return Anything(**more)


def _role_field(
    schema: dict[str, Any], value: Any, departments: Mapping[str, str], blank: str, more: dict[str, Any]
) -> Input:
    only_departments = schema["x-role"] == "department"
    prefix = "" if only_departments else PREFIX
    roles = [] if only_departments else [(REPORTER, _("The reporter"))]
    roles += [(DEPARTMENT, _("The issue’s department"))]
    roles += [(f"{prefix}{code}", name) for code, name in departments.items()]
    if isinstance(schema.get("type"), list) and "array" in schema["type"]:
        return Some(options=roles, **more)
    return OneOf(options=roles, offers=[], blank=blank, now=value, **more)


def _like(offers: list[Offer], schema: Mapping[str, Any]) -> Groups:
    """The references whose values may be of this kind."""
    kinds = _kinds(schema)
    return grouped([offer for offer in offers if not _kinds(offer.schema) or _kinds(offer.schema) & kinds])


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type")
    found = set(kinds if isinstance(kinds, list) else [kinds] if kinds else [])
    return found | ({"number"} if "integer" in found else set())


def _blank(required: bool) -> str:
    return str(gettext_lazy("choose") if required else gettext_lazy("left out"))


__all__ = ["UNSET", "Anything", "Input", "OneOf", "input_field"]

"""What a plan reads of the call that launches it, asked for in a form."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

KINDS = (
    ("text", gettext_lazy("text")),
    ("number", gettext_lazy("a number")),
    ("yes_no", gettext_lazy("yes or no")),
)
LARGEST = 2**53
"""Beyond it a number in JSON is not the same for every reader."""


class DataForm(forms.Form):
    """For each key its value, and how it is meant."""

    def __init__(self, keys: Iterable[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = tuple(keys)
        for at, key in enumerate(self.keys):
            label = key.replace("_", " ").capitalize()
            self.fields[f"value_{at}"] = forms.CharField(label=label, widget=UnfoldAdminTextInputWidget())
            self.fields[f"kind_{at}"] = forms.ChoiceField(
                label=_("%(name)s is") % {"name": label}, choices=KINDS, widget=UnfoldAdminSelectWidget()
            )

    def clean(self) -> dict[str, Any]:
        for at in range(len(self.keys)):
            try:
                self._value(at)
            except ValueError as error:
                self.add_error(f"value_{at}", str(error))
        return self.cleaned_data

    def execution_data(self) -> dict[str, Any]:
        return {key: self._value(at) for at, key in enumerate(self.keys)}

    def _value(self, at: int) -> Any:
        text, kind = self.cleaned_data.get(f"value_{at}", ""), self.cleaned_data.get(f"kind_{at}")
        if kind == "number" and text:
            return number(text)
        if kind == "yes_no" and text:
            if text.lower() not in {"yes", "no"}:
                raise ValueError(_("Write yes or no."))
            return text.lower() == "yes"
        return text


def number(text: str) -> float:
    """A number as a person writes it; a whole one without decimals.

    Raises:
        ValueError: it is none, or too large; the message is for the person.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError(_("Write a number, with a point before the decimals.")) from None
    if not abs(value) <= LARGEST:
        raise ValueError(_("This number is too large."))
    return int(value) if value == int(value) else value

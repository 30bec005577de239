"""How people write a department's hours and closed days: as words on a line, not as JSON."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from issues.hours import BadHours, parse_week, read_days, say_week, written_week
from issues.models import Department
from mudda.languages import translated


class WeekField(forms.CharField):
    """``Mon-Fri 08:00-16:00; Sat 09:00-12:00`` for the seven lists that a department keeps; empty: the city's hours."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return say_week(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[list[list[str]]]:
        text = super().clean(value)
        try:
            return written_week(parse_week(text)) if text else []
        except BadHours as error:
            raise forms.ValidationError(translated(str(error)), code="bad_hours") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class DaysField(forms.CharField):
    """Days as YYYY-MM-DD, one a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        days = super().clean(value).replace(",", " ").split()
        try:
            return sorted(day.isoformat() for day in read_days(days))
        except BadHours as error:
            raise forms.ValidationError(translated(str(error)), code="bad_days") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


if TYPE_CHECKING:
    DepartmentFormBase = forms.ModelForm[Department]
else:
    DepartmentFormBase = forms.ModelForm


class DepartmentForm(DepartmentFormBase):
    working_hours = WeekField(
        required=False,
        max_length=500,
        label=_("Working hours"),
        help_text=_(
            "In the city's time, such as Mon-Fri 08:00-12:00,13:00-16:00; Sat 09:00-12:00, or 24/7. "
            "Empty: the city's own hours."
        ),
    )
    closed_days = DaysField(
        required=False,
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        label=_("Closed days"),
        help_text=_("Further days without work, besides the public holidays: as YYYY-MM-DD, one a line."),
    )

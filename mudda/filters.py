"""Filters of lists that read a value or refuse it: one that is passed over would list everything."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import BooleanFilter, IsoDateTimeFilter
from django_filters.fields import IsoDateTimeField


class TruthField(forms.Field):
    """``true`` or ``false``."""

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in {"true", "false"}:
            raise ValidationError("This has to be true or false.", code="invalid")
        return bool(value == "true")


class TruthFilter(BooleanFilter):
    field_class = TruthField


class MomentField(IsoDateTimeField):
    """A moment in UTC: PostgreSQL knows no zone that is 16 hours or more away."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return moment.astimezone(UTC) if moment is not None else None
        except OverflowError as error:
            raise ValidationError("This is no moment of any year from 1 to 9999.", code="overflow") from error


class MomentFilter(IsoDateTimeFilter):
    field_class = MomentField

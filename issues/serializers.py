"""What the issues' API takes and gives: input and output apart, so that nothing leaks by inheritance."""

import math
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from issues.duplicates import Duplicate, possible_duplicates
from issues.facts import FACTS, MOST_PEOPLE, facts_of
from issues.models import Attachment, Issue, IssueStatus, Urgency
from issues.services import LONGEST_ADDRESS, LONGEST_STATEMENT, clean_statement
from mudda.drf import Input

LONGEST_NOTE = 10_000
PLACES = 6
"""Decimal places of a degree that are kept: a tenth of a metre."""


class Degrees(serializers.FloatField):
    """A latitude or longitude, kept with ``PLACES`` decimal places."""

    def to_internal_value(self, data: Any) -> Any:
        degrees = super().to_internal_value(data)
        if not math.isfinite(degrees):
            self.fail("invalid")
        return Decimal(str(round(degrees, PLACES)))


class PositionInput(Input):
    """``latitude`` and ``longitude``: both, or neither."""

    rules = {
        "dependentRequired": {"latitude": ["longitude"], "longitude": ["latitude"]},
        "if": {"required": ["latitude"], "properties": {"latitude": {"type": "number"}}},
        "then": {"properties": {"longitude": {"type": "number"}}},
        "else": {"properties": {"longitude": {"type": "null"}}},
    }

    latitude = Degrees(min_value=-90, max_value=90, required=False, allow_null=True)
    longitude = Degrees(min_value=-180, max_value=180, required=False, allow_null=True)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        for one, other in (("latitude", "longitude"), ("longitude", "latitude")):
            left_out = other in given and one not in given
            if left_out or (given.get(other) is not None and given.get(one) is None):
                detail = serializers.ErrorDetail("Latitude and longitude go together.", code="required")
                raise serializers.ValidationError({one: detail})
        return given


class ReporterInput(Input):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)


class ReportInput(PositionInput):
    statement = serializers.CharField(
        max_length=LONGEST_STATEMENT, help_text="What is wrong, in the citizen's own words."
    )
    address = serializers.CharField(max_length=LONGEST_ADDRESS, required=False, allow_blank=True, default="")
    category = serializers.CharField(
        max_length=40,
        required=False,
        help_text="A category's code. Callers limited to departments need one of theirs.",
    )
    urgency = serializers.ChoiceField(Urgency.choices, required=False, default=Urgency.NORMAL)
    people_affected = serializers.IntegerField(
        min_value=0, max_value=MOST_PEOPLE, required=False, allow_null=True
    )
    reporter = ReporterInput(required=False, help_text="Who reported it: told how it goes, never read back.")

    def validate_statement(self, text: str) -> str:
        return clean_statement(text, pointer="/statement")


class ChangeInput(PositionInput):
    """What is left out stays as it is."""

    rules = {**PositionInput.rules, "minProperties": 1, "dependentSchemas": {"visible": {"minProperties": 2}}}

    status = serializers.ChoiceField(IssueStatus.choices, required=False)
    category = serializers.CharField(max_length=40, required=False, help_text="A category's code.")
    department = serializers.CharField(max_length=40, required=False, help_text="A department's code.")
    address = serializers.CharField(max_length=LONGEST_ADDRESS, required=False, allow_blank=True)
    urgency = serializers.ChoiceField(Urgency.choices, required=False)
    people_affected = serializers.IntegerField(
        min_value=0, max_value=MOST_PEOPLE, required=False, allow_null=True, help_text="Null: not known."
    )
    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, help_text="A remark on the change.")
    visible = serializers.BooleanField(required=False, help_text="Whether the reporter may read the note.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given.keys() - {"visible"}:
            raise serializers.ValidationError("Name at least one field to change.", code="required")
        return super().validate(given)


class NoteInput(Input):
    text = serializers.CharField(max_length=LONGEST_NOTE)
    visible = serializers.BooleanField(
        required=False, default=False, help_text="Whether the reporter may read it."
    )


class NoteOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    visible = serializers.BooleanField()
    author = serializers.IntegerField(
        source="author_id", allow_null=True, help_text="The id of the account; null: a plan's step."
    )
    created_at = serializers.DateTimeField()


class AttachmentInput(Input):
    file = serializers.FileField(help_text="JPEG, PNG, WebP or PDF, at most 10 MB.")


class AttachmentOutput(serializers.Serializer[Any]):
    """A file that belongs to an issue."""

    id = serializers.UUIDField()
    title = serializers.CharField(help_text="The name that it came with.")
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes, as kept.")
    sha256 = serializers.CharField(help_text="Of the bytes as kept; also its `ETag`.")
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_url(self, attachment: Attachment) -> str:
        return f"{settings.PUBLIC_URL}/issues/{attachment.issue.reference}/attachments/{attachment.pk}"


class FactsInput(Input):
    rules = {"minProperties": 1}

    category = serializers.CharField(max_length=40, required=False, help_text="A category's code.")
    place = serializers.CharField(
        max_length=LONGEST_ADDRESS, required=False, allow_blank=True, help_text="Empty: not known."
    )
    urgency = serializers.ChoiceField(Urgency.choices, required=False)
    people_affected = serializers.IntegerField(
        min_value=0, max_value=MOST_PEOPLE, required=False, allow_null=True, help_text="Null: not known."
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            raise serializers.ValidationError(f"Name at least one of {', '.join(FACTS)}.", code="required")
        return given


class FactOutput(serializers.Serializer[Any]):
    value = serializers.JSONField(help_text="A category's code, a text or a number; null: not known.")
    confidence = serializers.FloatField(allow_null=True, help_text="0 to 1; null: nobody said.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field of ours, not REST framework's
        help_text="`staff`, `recorded` (given with the report), or the planner that read it; empty: not known."
    )
    by = serializers.IntegerField(allow_null=True, help_text="The account that set it.")


class FactsOutput(serializers.Serializer[Any]):
    category = FactOutput()
    place = FactOutput()
    urgency = FactOutput()
    people_affected = FactOutput()


class DuplicateOutput(serializers.Serializer[Any]):
    """An issue that may be the same one."""

    issue_id = serializers.CharField()
    status = serializers.ChoiceField(IssueStatus.choices)
    hours_apart = serializers.FloatField()
    metres_apart = serializers.FloatField(allow_null=True, help_text="Null where a position isn't known.")
    similarity = serializers.FloatField(help_text="Of the words, 0 to 1.")


class IssueSummary(serializers.Serializer[Any]):
    """An issue in a list, without who reported it."""

    issue_id = serializers.CharField(source="reference")
    sandbox = serializers.BooleanField(
        source="is_sandbox", help_text="Whether it was made in a sandbox: it isn't real."
    )
    version = serializers.IntegerField(
        source="event_seq", help_text="Counts every event of the issue; its `ETag`."
    )
    status = serializers.ChoiceField(IssueStatus.choices)
    statement = serializers.CharField()
    address = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    category = serializers.CharField(source="category.code", allow_null=True, default=None)
    department = serializers.CharField(source="department.code", allow_null=True, default=None)
    urgency = serializers.ChoiceField(Urgency.choices)
    people_affected = serializers.IntegerField(allow_null=True)
    reported_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class IssueOutput(IssueSummary):
    """An issue without who reported it, with how its facts are known."""

    facts = FactsOutput()
    duplicates = DuplicateOutput(many=True, help_text="Issues of your departments that may be the same one.")


_CLOCK_TIME = "T([0-9]{1,6}H([0-9]{1,8}M)?|[0-9]{1,8}M)"
TARGET = f"P([0-9]{{1,5}}D({_CLOCK_TIME})?|{_CLOCK_TIME})"
"""Working time, such as P1DT4H."""
CLOCK = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
SPAN = {"type": "array", "items": CLOCK, "minItems": 2, "maxItems": 2}
DAY = {"type": "array", "items": SPAN}


class ArrayField(serializers.JSONField):
    """An array; ``issues.hours`` reads what is in it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list):
            raise serializers.ValidationError("This has to be an array.", code="wrong_type")
        return super().to_internal_value(data)


@extend_schema_field(
    {"type": "array", "items": DAY, "anyOf": [{"maxItems": 0}, {"minItems": 7, "maxItems": 7}]}
)
class WeekField(ArrayField):
    """Seven days, or none for the city's own hours."""


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "date"}})
class DaysField(ArrayField):
    """Days without work."""


@extend_schema_field({"type": "string", "maxLength": 20, "pattern": f"^({TARGET})?$"})
class TargetField(serializers.CharField):
    """Working time; empty: none."""


class CategoryOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    department = serializers.CharField(source="department.code")
    target = serializers.CharField(help_text="In working time, such as P5D; empty: none.")
    active = serializers.BooleanField()


class CategoryInput(Input):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=120, required=False)
    department = serializers.CharField(max_length=40, required=False, help_text="A department's code.")
    target = TargetField(max_length=20, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)


class DepartmentOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    active = serializers.BooleanField()
    working_hours = serializers.JSONField(
        help_text="Seven lists, Monday first, of [from, to]; empty: the city's own hours."
    )
    closed_days = serializers.JSONField(help_text="Further days without work, as YYYY-MM-DD.")


class DepartmentInput(Input):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=120, required=False)
    email = serializers.EmailField(required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)
    working_hours = WeekField(required=False)
    closed_days = DaysField(required=False)


def duplicates_output(found: list[Duplicate]) -> list[dict[str, Any]]:
    """Duplicates as ``DuplicateOutput`` describes them."""
    return [
        {"issue_id": one.issue, **{k: v for k, v in asdict(one).items() if k != "issue"}} for one in found
    ]


def issue_output(issue: Issue, viewer: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """An issue as ``IssueOutput`` describes it, with the duplicates that ``viewer`` may see."""
    return {
        "issue_id": issue.reference,
        "sandbox": issue.is_sandbox,
        "version": issue.event_seq,
        "status": issue.status,
        "statement": issue.statement,
        "address": issue.address,
        "latitude": None if issue.latitude is None else float(issue.latitude),
        "longitude": None if issue.longitude is None else float(issue.longitude),
        "category": issue.category.code if issue.category else None,
        "department": issue.department.code if issue.department else None,
        "urgency": issue.urgency,
        "people_affected": issue.people_affected,
        "facts": {
            fact.name: {
                "value": fact.value,
                "confidence": fact.confidence,
                "source": fact.source,
                "by": fact.by,
            }
            for fact in facts_of(issue)
        },
        "duplicates": duplicates_output(possible_duplicates(issue, viewer=viewer)),
        "reported_at": issue.reported_at.isoformat(),
        "updated_at": issue.updated_at.isoformat(),
    }

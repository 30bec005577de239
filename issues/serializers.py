"""What the issues' API takes and gives: input and output apart, so that nothing leaks by inheritance."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework import serializers

from issues.duplicates import Duplicate, possible_duplicates
from issues.facts import FACTS, MOST_PEOPLE, facts_of
from issues.models import Issue, IssueStatus, Urgency
from issues.services import LONGEST_ADDRESS
from mudda.drf import Input


class FactsInput(Input):
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


class IssueOutput(serializers.Serializer[Any]):
    """An issue without who reported it."""

    issue_id = serializers.CharField()
    version = serializers.IntegerField(help_text="Counts every event of the issue; its `ETag`.")
    status = serializers.ChoiceField(IssueStatus.choices)
    statement = serializers.CharField()
    address = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    department = serializers.CharField(allow_null=True)
    urgency = serializers.ChoiceField(Urgency.choices)
    people_affected = serializers.IntegerField(allow_null=True)
    facts = FactsOutput()
    duplicates = DuplicateOutput(many=True, help_text="Issues of your departments that may be the same one.")
    reported_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def duplicates_output(found: list[Duplicate]) -> list[dict[str, Any]]:
    """Duplicates as ``DuplicateOutput`` describes them."""
    return [
        {"issue_id": one.issue, **{k: v for k, v in asdict(one).items() if k != "issue"}} for one in found
    ]


def issue_output(issue: Issue, viewer: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """An issue as ``IssueOutput`` describes it, with the duplicates that ``viewer`` may see."""
    return {
        "issue_id": issue.reference,
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

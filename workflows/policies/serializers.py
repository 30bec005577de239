"""What the policies' API takes and gives."""

from typing import Any

from rest_framework import serializers

from mudda.drf import Input
from workflows.policies.citing import citation
from workflows.policies.models import (
    PolicyDocument,
    PolicyLanguage,
    PolicyPassage,
    PolicyStatus,
    PolicyVersion,
)
from workflows.policies.services import LONGEST_HEADING, LONGEST_TEXT, current_version, newest_version

LANGUAGE_HELP = "How words are reduced to their stems; `simple` for every other language."
DEPARTMENT_HELP = "The code of the department whose policy it is; without one it is the whole city's."


class CreatePolicyInput(Input):
    heading = serializers.CharField(max_length=LONGEST_HEADING)
    text = serializers.CharField(
        max_length=LONGEST_TEXT,
        trim_whitespace=False,
        help_text="Markdown or plain text; it is cut at its headings.",
    )
    department = serializers.CharField(
        max_length=40, required=False, allow_null=True, default=None, help_text=DEPARTMENT_HELP
    )
    language = serializers.ChoiceField(
        PolicyLanguage.choices, required=False, default=PolicyLanguage.ENGLISH, help_text=LANGUAGE_HELP
    )


class RevisePolicyInput(Input):
    heading = serializers.CharField(max_length=LONGEST_HEADING)
    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False)
    language = serializers.ChoiceField(
        PolicyLanguage.choices,
        required=False,
        help_text="Another one, only while nothing was ever published.",
    )


class ImportPolicyInput(Input):
    file = serializers.FileField(help_text="Markdown, text in UTF-8 or PDF, at most 5 MB.")
    heading = serializers.CharField(
        max_length=LONGEST_HEADING,
        required=False,
        allow_blank=True,  # a form sends a field that was left empty too
        help_text="Without one, the file's first line.",
    )
    department = serializers.CharField(max_length=40, required=False, help_text=DEPARTMENT_HELP)
    language = serializers.ChoiceField(
        PolicyLanguage.choices, required=False, default=PolicyLanguage.ENGLISH, help_text=LANGUAGE_HELP
    )


class ImportVersionInput(Input):
    file = serializers.FileField(help_text="Markdown, text in UTF-8 or PDF, at most 5 MB.")
    heading = serializers.CharField(
        max_length=LONGEST_HEADING,
        required=False,
        allow_blank=True,
        help_text="Without one, the file's first line.",
    )


class PublishInput(Input):
    version = serializers.IntegerField(
        min_value=1, max_value=999_999_999, help_text="The version that was read."
    )


class PassageOutput(serializers.Serializer[Any]):
    position = serializers.IntegerField(help_text="From 1.")
    heading = serializers.CharField(help_text="The headings above it.")
    text = serializers.CharField()


class VersionOutput(serializers.Serializer[Any]):
    """One version of a policy, with the passages that it was cut into."""

    policy_id = serializers.UUIDField()
    version = serializers.IntegerField()
    citation = serializers.CharField(help_text="How a step of a plan cites it, in `policies`.")
    heading = serializers.CharField()
    text = serializers.CharField()
    file_name = serializers.CharField(help_text="The name of the file that it came from.")
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    passages = PassageOutput(many=True)


class PolicyOutput(serializers.Serializer[Any]):
    """A policy with its newest text, which need not be the one in force."""

    policy_id = serializers.UUIDField()
    sandbox = serializers.BooleanField(help_text="Whether it was made in a sandbox: it isn't real.")
    status = serializers.ChoiceField(PolicyStatus.choices)
    heading = serializers.CharField()
    text = serializers.CharField()
    department = serializers.CharField(allow_null=True)
    language = serializers.ChoiceField(PolicyLanguage.choices)
    version = serializers.IntegerField(help_text="The newest; the ETag is made of it.")
    in_force = serializers.IntegerField(allow_null=True, help_text="The version that plans are grounded on.")
    file_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PolicySummary(serializers.Serializer[Any]):
    """A policy in a list, without its text."""

    policy_id = serializers.UUIDField(source="pk")
    sandbox = serializers.BooleanField(
        source="is_sandbox", help_text="Whether it was made in a sandbox: it isn't real."
    )
    status = serializers.ChoiceField(PolicyStatus.choices)
    heading = serializers.CharField()
    department = serializers.CharField(source="department.code", allow_null=True, default=None)
    language = serializers.ChoiceField(PolicyLanguage.choices)
    in_force = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_in_force(self, document: PolicyDocument) -> int | None:
        return in_force(document)


class FoundOutput(serializers.Serializer[Any]):
    """A passage that a search found."""

    policy_id = serializers.UUIDField()
    version = serializers.IntegerField()
    citation = serializers.CharField()
    heading = serializers.CharField()
    text = serializers.CharField()


class SearchOutput(serializers.Serializer[Any]):
    results = FoundOutput(many=True, help_text="Best first.")


def in_force(document: PolicyDocument) -> int | None:
    """The number of the version in force; None of a draft and of what was withdrawn."""
    if document.status != PolicyStatus.PUBLISHED or document.current is None:
        return None
    return document.current.number


def policy_output(document: PolicyDocument, *, in_force_only: bool = False) -> dict[str, Any]:
    """A policy as ``PolicyOutput`` describes it, its ids and times as texts: the answer is kept for replays too.

    Args:
        in_force_only: show the version in force instead of a newer one that waits to be published.
    """
    newest = current_version(document) if in_force_only else newest_version(document)
    return {
        "policy_id": str(document.pk),
        "sandbox": document.is_sandbox,
        "status": document.status,
        "heading": newest.heading,
        "text": newest.text,
        "department": document.department.code if document.department else None,
        "language": document.language,
        "version": newest.number,
        "in_force": in_force(document),
        "file_name": newest.source,
        "created_at": document.created_at.isoformat(),
        "updated_at": document.updated_at.isoformat(),
    }


def version_output(version: PolicyVersion) -> dict[str, Any]:
    """A version as ``VersionOutput`` describes it."""
    passages = PolicyPassage.objects.filter(version=version).values("position", "heading", "text")
    return {
        "policy_id": str(version.document_id),
        "version": version.number,
        "citation": citation(version.document_id, version.number),
        "heading": version.heading,
        "text": version.text,
        "file_name": version.source,
        "author": version.author.get_username() if version.author else None,
        "created_at": version.created_at.isoformat(),
        "passages": list(passages.order_by("position")),
    }

"""What the API of revisions takes and gives."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from mudda.drf import Input
from workflows.models import PlanRevision, RunStatus
from workflows.revisions import Difference, sentences_of, stored_changes
from workflows.serializers import ProblemOutput


class RunProblemOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class ChangeOutput(serializers.Serializer[Any]):
    """One difference, by step and field."""

    kind = serializers.ChoiceField(["added", "removed", "renamed", "moved", "changed"])
    step = serializers.CharField(help_text="The step's id; empty for the plan itself.")
    field = serializers.CharField(help_text="Such as `due` or `inputs/message`; empty for the whole step.")
    title = serializers.CharField()
    place = serializers.IntegerField(help_text="Where the step stands, from 1; 0 for the plan itself.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    words = serializers.CharField(help_text="The same as a sentence.")


class ApprovalOutput(serializers.Serializer[Any]):
    by = serializers.CharField()
    approved_at = serializers.DateTimeField()
    comment = serializers.CharField()


class RevisionSummary(serializers.Serializer[Any]):
    """A revision in a list, without its text."""

    revision = serializers.IntegerField()
    digest = serializers.CharField()
    is_current = serializers.BooleanField()
    planner = serializers.CharField(help_text="`playbooks`, `openai`, or `staff` for an edit.")
    author = serializers.CharField(allow_null=True)
    instruction = serializers.CharField(help_text="What a revision in words was asked for; else empty.")
    changes = serializers.ListField(
        child=serializers.CharField(), help_text="What differs from the revision before, as sentences."
    )
    error_count = serializers.IntegerField(help_text="Errors that validation found when it was saved.")
    approvals = ApprovalOutput(many=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: PlanRevision) -> dict[str, Any]:
        return super().to_representation(revision_summary(instance))


class RevisionOutput(RevisionSummary):
    """One frozen text of a plan, with how it came to be."""

    workflow_id = serializers.UUIDField()
    workflow_plan = serializers.JSONField()
    problems = ProblemOutput(many=True)
    planner_detail = serializers.JSONField()
    account = serializers.CharField(help_text="What the model says it has changed; else empty.")
    changes = ChangeOutput(many=True)  # type: ignore[assignment]

    def to_representation(self, instance: PlanRevision) -> dict[str, Any]:
        return serializers.Serializer.to_representation(self, revision_output(instance))


class CitationOutput(serializers.Serializer[Any]):
    """A passage that was offered to the planner."""

    document = serializers.CharField(help_text="The policy's id.")
    version = serializers.IntegerField()
    heading = serializers.CharField()
    passage = serializers.IntegerField()
    steps = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of the steps that cite it; maybe none."
    )


class ExchangeOutput(serializers.Serializer[Any]):
    """One call to the model, with personal data masked as it was sent."""

    purpose = serializers.CharField(help_text="`choose`, `write`, `revise` or `correct`.")
    model = serializers.CharField(required=False, help_text="The one that answered; not there if none did.")
    api = serializers.CharField()
    request = serializers.JSONField()
    response = serializers.JSONField()
    seconds = serializers.FloatField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        return dict(instance)  # as it was kept: an auditor is shown all of it


class MadeOutput(serializers.Serializer[Any]):
    """How a planner came to what it wrote: what was asked and answered, on what grounds, at what cost."""

    run_id = serializers.UUIDField(source="pk")
    purpose = serializers.ChoiceField(["draft", "revise"])
    status = serializers.ChoiceField(RunStatus.choices)
    planner = serializers.CharField()
    model = serializers.CharField(help_text="Empty where no model was asked.")
    prompt_version = serializers.CharField()
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.DecimalField(
        12, 6, allow_null=True, help_text="US dollars; null where no price is known."
    )
    seconds = serializers.FloatField()
    instruction = serializers.CharField()
    account = serializers.CharField(help_text="What the model says it has changed; else empty.")
    fallback = RunProblemOutput(allow_null=True, help_text="Why the playbooks had to step in.")
    problem = RunProblemOutput(allow_null=True, help_text="Why it failed.")
    citations = CitationOutput(many=True)
    exchanges = ExchangeOutput(many=True)
    asked_at = serializers.DateTimeField(source="created_at")
    ended_at = serializers.DateTimeField(allow_null=True)


class NamedRevision(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    digest = serializers.CharField()


DiffOutput = type(
    "DiffOutput",
    (serializers.Serializer,),
    {
        "__doc__": "What differs between two revisions.",
        "from": NamedRevision(),
        "to": NamedRevision(),
        "changes": ChangeOutput(many=True),
    },
)

DiffInput = type(
    "DiffInput",
    (Input,),
    {
        "from": serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False),
        "to": serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False),
    },
)


def revision_summary(revision: PlanRevision) -> Mapping[str, Any]:
    """A revision as ``RevisionSummary`` describes it."""
    run = getattr(revision, "planner_run", None)
    return {
        "revision": revision.number,
        "digest": revision.digest,
        "is_current": revision.plan.current_id == revision.pk,
        "planner": revision.planner,
        "author": revision.author.get_username() if revision.author else None,
        "instruction": run.instruction if run else "",
        "changes": sentences_of(revision),
        "error_count": sum(problem["severity"] == "error" for problem in revision.problems),
        "approvals": [
            {
                "by": approval.approver.get_username(),
                "approved_at": approval.approved_at,
                "comment": approval.comment,
            }
            for approval in revision.approvals.all()
        ],
        "created_at": revision.created_at,
    }


def revision_output(revision: PlanRevision) -> Mapping[str, Any]:
    """A revision as ``RevisionOutput`` describes it."""
    run = getattr(revision, "planner_run", None)
    return {
        **revision_summary(revision),
        "workflow_id": revision.plan_id,
        "workflow_plan": revision.document,
        "problems": revision.problems,
        "planner_detail": revision.planner_detail,
        "account": run.account if run else "",
        "changes": [
            {**change.as_dict(), "words": words}
            for change, words in zip(stored_changes(revision), sentences_of(revision), strict=True)
        ],
    }


def diff_output(found: Difference) -> dict[str, Any]:
    """A difference as ``DiffOutput`` describes it."""
    return {
        "from": {"revision": found.older.number, "digest": found.older.digest},
        "to": {"revision": found.newer.number, "digest": found.newer.digest},
        "changes": changes_output(found),
    }


def changes_output(found: Difference) -> list[dict[str, Any]]:
    """The changes of a difference, each as ``ChangeOutput`` describes it."""
    pairs = zip(found.changes, found.sentences, strict=True)
    return [{**change.as_dict(), "words": words} for change, words in pairs]

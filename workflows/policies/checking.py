"""The policies that a plan's steps cite, checked against those that the city has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from workflows.plan.validation import Problem
from workflows.policies.citing import cited
from workflows.policies.models import PolicyDocument, PolicyStatus, PolicyVersion

Key = tuple[str, int]


@dataclass(frozen=True)
class CitedPolicy:
    """A version that a plan cites: its heading, the document's status, and the number in force."""

    document: str
    version: int
    heading: str
    status: str
    in_force: int


def cited_policies(document: Any, *, sandbox: UUID | None = None) -> dict[str, CitedPolicy]:
    """By its citation, each policy that a plan cites and that exists. Takes any JSON value.

    Args:
        sandbox: the plan's: only it may cite policies of this sandbox.
    """
    texts = {text for _, text in _citations(document)}
    keys = {text: key for text in texts if (key := cited(text)) is not None}
    found = _found(set(keys.values()), sandbox)
    return {text: found[key] for text, key in keys.items() if key in found}


def policy_problems(document: Any, *, sandbox: UUID | None = None) -> list[Problem]:
    """What is wrong with a plan's citations; ``sandbox`` as for ``cited_policies``.

    ``unknown_policy`` (an error) for what is no version of any document, or of one that was never in force: a plan
    that cites a rule that does not exist would be approved for a reason that isn't one. ``policy_outdated`` (a warning)
    where the document was withdrawn, or another version is in force by now.
    """
    known = cited_policies(document, sandbox=sandbox)
    problems = (_problem(pointer, text, known) for pointer, text in _citations(document))
    return [problem for problem in problems if problem is not None]


def _problem(pointer: str, text: str, known: Mapping[str, CitedPolicy]) -> Problem | None:
    policy = known.get(text)
    if policy is None or policy.status == PolicyStatus.DRAFT:
        message = "There is no such policy, or it is a draft still."
        hint = "Cite one as <id>@<version>, as a search of the policies gives them, or none."
        return Problem(pointer, "unknown_policy", message, hint)
    if policy.status == PolicyStatus.WITHDRAWN:
        message = "The policy that is cited was withdrawn."
        return Problem(pointer, "policy_outdated", message, "See whether the step still stands.", "warning")
    if policy.version != policy.in_force:
        message = f"Version {policy.version} of the policy is cited; version {policy.in_force} is in force."
        return Problem(pointer, "policy_outdated", message, "See whether the step still stands.", "warning")
    return None


def _citations(document: Any) -> Iterator[tuple[str, str]]:
    """Pointers and texts of the citations; whatever is misshapen, which validation names, has none."""
    steps = document.get("steps") if isinstance(document, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        policies = step.get("policies") if isinstance(step, dict) else None
        for at, text in enumerate(policies if isinstance(policies, list) else []):
            if isinstance(text, str):
                yield f"/steps/{index}/policies/{at}", text


def _found(keys: set[Key], sandbox: UUID | None) -> dict[Key, CitedPolicy]:
    if not keys:
        return {}
    documents = PolicyDocument.objects.filter(pk__in={document for document, _ in keys}).beside(sandbox)
    rows = PolicyVersion.objects.filter(
        document__in=documents, number__in={number for _, number in keys}
    ).values_list("document_id", "number", "heading", "document__status", "document__current__number")
    return {
        (str(document), number): CitedPolicy(str(document), number, heading, status, in_force)
        for document, number, heading, status, in_force in rows
    }

"""How often a search finds the policy that a person would have opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from workflows.policies.models import PolicyDocument
from workflows.policies.search import search_passages
from workflows.policies.shipped import shipped_id


@dataclass(frozen=True)
class Question:
    """A citizen's statement, and the policy whose passage answers it: its id, its heading, or a sample's name."""

    statement: str
    policy: str


@dataclass(frozen=True)
class Answer:
    """``found`` are the headings of the documents of the best passages, best first; ``rank`` is from 1, or None."""

    question: Question
    rank: int | None
    found: tuple[str, ...]


class UnknownPolicy(Exception):
    """A question expects a policy that isn't in force here; says which."""


def ask(questions: Iterable[Question], *, among: int = 5) -> list[Answer]:
    """Search all policies in force, of every department, for each statement.

    Args:
        among: so many passages are looked at.

    Raises:
        UnknownPolicy: see there.
    """
    published = PolicyDocument.objects.all().beside(None).published()
    headings = {str(pk): heading for pk, heading in published.values_list("pk", "heading")}
    return [_ask(question, headings, among) for question in questions]


def recall(answers: list[Answer], at: int) -> float:
    """The share, 0 to 1, of the answers whose policy is among the best ``at`` passages."""
    hits = sum(answer.rank is not None and answer.rank <= at for answer in answers)
    return hits / len(answers) if answers else 0.0


def _ask(question: Question, headings: dict[str, str], among: int) -> Answer:
    wanted = _document(question.policy, headings)
    passages = search_passages(question.statement, PolicyDocument.objects.all().beside(None), limit=among)
    ranks = [rank for rank, passage in enumerate(passages, 1) if passage.document == wanted]
    found = tuple(headings[passage.document] for passage in passages)
    return Answer(question, ranks[0] if ranks else None, found)


def _document(name: str, headings: dict[str, str]) -> str:
    by_heading = {heading.casefold(): pk for pk, heading in headings.items()}
    for candidate in (name, by_heading.get(name.casefold()), str(shipped_id(name)), _as_id(name)):
        if candidate in headings:
            return candidate
    raise UnknownPolicy(f"No policy in force is called {name!r}.")


def _as_id(name: str) -> str | None:
    try:
        return str(UUID(name))
    except ValueError:
        return None

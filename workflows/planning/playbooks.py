"""Drafting without a model: a playbook for each kind of issue, chosen by the words of the statement."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workflows.plan.catalogue import Catalogue, offered
from workflows.plan.validation import validate
from workflows.planning.base import DraftRequest, Facts, PlannedDraft, Urgency
from workflows.planning.city import shipped_categories
from workflows.planning.matching import Match
from workflows.planning.people import find_people
from workflows.planning.places import PLACE_LIMIT, find_place
from workflows.planning.shelf import FOLDER, GENERAL, Playbook, PlaybookError, load_playbooks
from workflows.planning.text import clean
from workflows.planning.urgency import find_urgency

__all__ = [
    "Choice",
    "Playbook",
    "PlaybookError",
    "PlaybookPlanner",
    "choose",
    "load_playbooks",
    "playbook_problems",
]

FREQUENT = 0.5  # added to a score for each level of a playbook's frequency; a word is worth 2 to 14
ALIKE = 3.0  # more than the hint of a single small word, which says less than that people confuse two kinds
ENOUGH = 2.5  # the least score of words that is an answer rather than a guess
LIKE = 2.0  # what it counts against a kind that its examples are less like a statement than another's
UNLIKE = 20.0  # the most that this counts
SURE = {"place": 0.6, "urgency": 0.5}  # words find a place and an urgency, and know nothing of the city
CANDIDATES = 3  # kept with the draft, so that staff see what else it might have been


@dataclass(frozen=True)
class Choice:
    """``why`` are the words that spoke for the playbook, the heaviest first; ``score`` is below 0 where the examples
    speak against it and no words for it."""

    playbook: Playbook
    score: float
    why: tuple[str, ...]


def choose(statement: str, folder: Path = FOLDER, *, by_examples: bool = True) -> list[Choice]:
    """Return the playbooks that fit ``statement``, best first, never empty.

    Words decide (``matching``), as far as the examples of the kinds do not speak against it (``likeness``). The general
    playbook leads when no words reach ``ENOUGH``, whatever the examples say: a guess is worse than a person who reads.
    Behind it come the kinds by the little that was found, and what cities hear of most. It is otherwise last. Kinds
    that people confuse with the first come before those that only a hint speaks for.
    """
    shelf = load_playbooks(folder)
    heard = clean(statement)
    found = {match.kind: _weighed(shelf.playbooks[match.kind], match) for match in shelf.index.matches(heard)}
    distances = shelf.likeness.distances(heard) if by_examples else {}
    general = Choice(shelf.playbooks[GENERAL], 0.0, ())
    nothing = {kind: Choice(playbook, 0.0, ()) for kind, playbook in shelf.playbooks.items()}
    if max((choice.score for choice in found.values()), default=0.0) < ENOUGH:
        order = sorted((nothing | found).values(), key=lambda choice: _unlikely(choice, distances))
        return [general, *(choice for choice in order if choice.playbook.kind != GENERAL)]
    judged = {kind: _judged(choice, distances) for kind, choice in (nothing | found).items()}
    first = max(judged.values(), key=lambda choice: choice.score)
    alike = {kind: ALIKE * (1 - place / 5) for place, kind in enumerate(first.playbook.alike)}
    named = [kind for kind in judged if kind in found or kind in alike or distances]
    others = [judged[kind] for kind in named if kind not in (first.playbook.kind, GENERAL)]
    others.sort(key=lambda choice: -choice.score - alike.get(choice.playbook.kind, 0.0))
    return [first, *others, *([] if first.playbook.kind == GENERAL else [general])]


def _weighed(playbook: Playbook, match: Match) -> Choice:
    """Where the words leave it nearly open, what a city hears of every day is likelier."""
    return Choice(playbook, match.score + FREQUENT * playbook.frequency, match.why)


def _judged(choice: Choice, distances: Mapping[str, float]) -> Choice:
    """What the words say of a kind, less what the examples say against it."""
    against = min(-LIKE * distances.get(choice.playbook.kind, -UNLIKE), UNLIKE) if distances else 0.0
    return Choice(choice.playbook, round(choice.score - against, 3), choice.why)


def _unlikely(choice: Choice, distances: Mapping[str, float]) -> tuple[float, int]:
    return -_judged(choice, distances).score, -choice.playbook.frequency


def confidence(choices: list[Choice]) -> float:
    """Return how clearly the first choice leads: 0 when nothing fits, nearly 1 when only this does."""
    if choices[0].playbook.kind == GENERAL:
        return 0.0
    first = max(choices[0].score, ENOUGH)  # what leads by its examples alone does not lead by much
    second = max((choice.score for choice in choices[1:] if choice.score > 0), default=0.0)
    return round(first / (first + second + ENOUGH), 2)


class PlaybookPlanner:
    """Drafts with the playbooks of ``folder``. Needs no network and always answers."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def draft(self, request: DraftRequest) -> PlannedDraft:
        """Return the plan of the playbook that fits best; a category already known decides alone.

        Raises:
            PlaybookError: the playbooks on disk cannot be used.
        """
        choices = choose(request.statement, self._folder)
        known = self._known(request.category)
        chosen = known or choices[0]
        playbook = chosen.playbook
        people = find_people(request.statement)
        facts = Facts(
            category=playbook.category,
            confidence=1.0 if known else confidence(choices),
            place=clean(request.address, PLACE_LIMIT) if request.address else find_place(request.statement),
            urgency=request.urgency or self._urgency(request.statement, playbook),
            people_affected=people.count if people else None,
            sure=SURE | ({"people_affected": people.confidence} if people else {}),
        )
        detail = {
            "playbook": playbook.kind,
            "version": playbook.version,
            "why": _why(chosen, is_known=known is not None),
            "candidates": [
                {"playbook": c.playbook.kind, "score": max(0.0, c.score)} for c in choices[:CANDIDATES]
            ],
        }
        return PlannedDraft(copy.deepcopy(dict(playbook.plan)), facts, "playbooks", detail)

    def _known(self, category: str | None) -> Choice | None:
        playbooks = load_playbooks(self._folder).playbooks.values()
        return next((Choice(p, 0.0, ()) for p in playbooks if category and p.category == category), None)

    def _urgency(self, statement: str, playbook: Playbook) -> Urgency:
        return find_urgency(clean(statement), playbook.urgency_hints, playbook.default_urgency)


def _why(chosen: Choice, *, is_known: bool) -> str:
    if is_known:
        return "The category was already known."
    if not chosen.why:
        if chosen.playbook.kind == GENERAL:
            return "No playbook fits these words, so a person decides."
        return "Other reports in such words were of this kind."
    return "The statement speaks of: " + ", ".join(_read(term) for term in chosen.why[:5]) + "."


def _read(term: str) -> str:
    """A term as people read it: ``flood*`` is every word that begins so."""
    return f"{term[:-1]}…" if term.endswith("*") else term


def playbook_problems(catalogue: Catalogue | None = None, folder: Path = FOLDER) -> list[str]:
    """Return what is wrong with the playbooks, one sentence each with its file; empty when all can be used.

    Plans are checked against ``catalogue``, by default the activities that this process offers.
    """
    activities = offered() if catalogue is None else catalogue
    try:
        shelf = load_playbooks(folder)
    except PlaybookError as error:
        return error.problems
    targets = {category.code: category.target for category in shipped_categories()}
    return [
        f"{kind}.yaml: plan{problem.pointer}: {problem.code}: {problem.message}"
        for kind, playbook in shelf.playbooks.items()
        for problem in validate(playbook.plan, activities, category_target=targets[playbook.category])
        if problem.severity == "error"
    ]

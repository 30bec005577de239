"""Which playbook do these words speak of? Weighted words, stems and phrases, forgiving typing errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workflows.planning.text import words

MAX_GAP = 1  # "sign is down" is the phrase "sign down"
FUZZY_FROM = 5  # shorter words differ too easily: "sigh" is not "sign"
FUZZY_TO = 24  # no word of ours is longer, and the cost grows with the square of the length
FUZZY_WEIGHT = 0.7  # a corrected word counts less than one that was written


@dataclass(frozen=True)
class Term:
    """One entry of a playbook: its stems in order (the last may be a prefix), weight, and own words."""

    kind: str
    stems: tuple[str, ...]
    prefix: bool
    weight: float
    written: str


@dataclass(frozen=True)
class Match:
    kind: str
    score: float
    why: tuple[str, ...]


def parse_term(kind: str, written: str, weight: float) -> Term:
    """Read ``"leak*"`` or ``"water main"``. Raises ValueError when there is no word in it."""
    prefix = written.endswith("*")
    stems = tuple(words(written))
    if prefix and stems:
        # A beginning must not lose an ending: "flood*" is meant to cover "flooded" and "floods".
        stems = (*stems[:-1], written.rstrip("*").split()[-1].casefold())
    if not stems:
        raise ValueError(f"{written!r} holds no word")
    return Term(kind=kind, stems=stems, prefix=prefix, weight=weight, written=written)


class TermIndex:
    """All terms of all playbooks, looked up by the word that a phrase begins with."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._by_first: dict[str, list[Term]] = defaultdict(list)
        self._prefix_first: dict[str, list[Term]] = defaultdict(list)
        self._vocabulary: set[str] = set()
        self._prefixes: set[str] = set()
        for term in terms:
            alone = len(term.stems) == 1
            (self._prefix_first if term.prefix and alone else self._by_first)[term.stems[0]].append(term)
            whole = term.stems[:-1] if term.prefix else term.stems
            self._vocabulary.update(whole)
            if term.prefix:
                self._prefixes.add(term.stems[-1])
        self._shortened: dict[str, set[str]] = defaultdict(set)
        for word in self._vocabulary | self._prefixes:
            if len(word) >= FUZZY_FROM:
                for shorter in _one_letter_less(word):
                    self._shortened[shorter].add(word)

    def matches(self, statement: str) -> list[Match]:
        """Return the kinds that any term speaks for, best first; equal scores in the order of their names."""
        heard = [self._correct(word) for word in words(statement)]
        stems = [word for word, _ in heard]
        found: dict[Term, tuple[float, range]] = {}
        for start, (word, trust) in enumerate(heard):
            for term in self._beginning_with(word):
                end = _phrase_end(term, stems, start)
                if end is not None:
                    weight = term.weight * min(trust, heard[end][1])
                    if term not in found or abs(weight) > abs(found[term][0]):
                        found[term] = (weight, range(start, end + 1))
        return _ranked(found)

    def _beginning_with(self, word: str) -> Iterator[Term]:
        yield from self._by_first.get(word, ())
        for length in range(3, len(word) + 1):
            yield from self._prefix_first.get(word[:length], ())

    def _correct(self, word: str) -> tuple[str, float]:
        if not FUZZY_FROM <= len(word) <= FUZZY_TO or word in self._vocabulary or not word.isalpha():
            return word, 1.0
        if any(word[:length] in self._prefixes for length in range(3, len(word) + 1)):
            return word, 1.0
        near: set[str] = set(self._shortened.get(word, ()))
        for shorter in _one_letter_less(word):
            if shorter in self._vocabulary and len(shorter) >= FUZZY_FROM:
                near.add(shorter)
            near.update(known for known in self._shortened.get(shorter, ()) if known[0] == word[0])
        return (min(near), FUZZY_WEIGHT) if near else (word, 1.0)


def _one_letter_less(word: str) -> set[str]:
    """Two words that share one of these differ by one letter dropped, added or changed, or two swapped."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _phrase_end(term: Term, stems: list[str], start: int) -> int | None:
    """Return the index of the last word of ``term`` found from ``start`` on, or None."""
    at = start
    for position, wanted in enumerate(term.stems):
        if position == 0:
            continue
        is_prefix = term.prefix and position == len(term.stems) - 1
        window = range(at + 1, min(at + 2 + MAX_GAP, len(stems)))
        hit = next((i for i in window if _fits(stems[i], wanted, is_prefix)), None)
        if hit is None:
            return None
        at = hit
    return at


def _fits(word: str, wanted: str, is_prefix: bool) -> bool:
    return word.startswith(wanted) if is_prefix else word == wanted


def _ranked(found: Mapping[Term, tuple[float, range]]) -> list[Match]:
    """Add up each kind's terms, the heaviest first; a word that a heavier term has used counts once."""
    scores: dict[str, float] = defaultdict(float)
    why: dict[str, list[str]] = defaultdict(list)
    used: dict[str, set[int]] = defaultdict(set)
    for term, (weight, span) in sorted(found.items(), key=lambda item: (-abs(item[1][0]), item[0].written)):
        if weight > 0 and used[term.kind].issuperset(span):
            continue
        scores[term.kind] += weight
        if weight > 0:
            used[term.kind].update(span)
            why[term.kind].append(term.written)
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Match(kind, round(score, 3), tuple(why[kind])) for kind, score in ranked if score > 0]

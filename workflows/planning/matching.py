"""Which playbook do these words speak of? Weighted words, stems and phrases, forgiving typing errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflows.planning.emphasis import emphasis
from workflows.planning.text import stem, words

MAX_GAP = 1  # "sign is down" is the phrase "sign down"
FUZZY_FROM = 5  # shorter words differ too easily: "sigh" is not "sign"
FUZZY_TO = 24  # no word of ours is longer, and the cost grows with the square of the length
FUZZY_WEIGHT = 0.7  # a corrected word counts less than one that was written
AFTER_FIRST = 0.5  # what a kind's second and later terms count, beside its weightiest
HALF = 4  # letters that each part of two words written as one has at least: "streetsign"
SUBJECT = 5.0  # a term of this weight makes clear what a statement is about

# Everyday words that are one letter away from one of ours ("bring" and "bridge"), and are not misspelt.
_EVERYDAY = frozenset(
    words(
        "bring course doing least letter paper point reached round shall started story thought women woman bread "
        "broad beard brain strain stamp latter better matter bigger dinner winter hidden golden garden moving "
        "living giving taking making having coming paying saying buying lying trying crying brown crown drown "
        "clean learn early yearly nearly really ready party pretty empty forty thirty twenty"
    )
)


# Words that say nothing of the matter, in terms and in statements: "hole in the road" is "hole in road".
_SMALL = frozenset(
    words(
        "a an the my our your his her its their this that these those some any very really quite please just also"
    )
)


@dataclass(frozen=True)
class Term:
    """One entry of a playbook: its stems in order (the last may be a prefix), weight, and own words."""

    kind: str
    stems: tuple[str, ...]
    prefix: bool
    weight: float
    written: str


@dataclass(frozen=True)
class _Hit:
    """A term found in a statement: what it counts there, and where its words stand."""

    term: Term
    weight: float
    span: tuple[int, ...]

    def weighed(self, counts: Sequence[float]) -> _Hit:
        """Let what speaks for a kind count as its weightiest word does; what speaks against it counts anywhere."""
        share = max(counts[at] for at in self.span) if self.weight > 0 else 1.0
        return replace(self, weight=self.weight * share)


@dataclass(frozen=True)
class Match:
    kind: str
    score: float
    why: tuple[str, ...]


def parse_term(kind: str, written: str, weight: float) -> Term:
    """Read ``"leak*"`` or ``"water main"``. Raises ValueError when there is no word in it."""
    prefix = written.endswith("*")
    stems = tuple(without_small(words(written)))
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
        heard = [
            self._correct(part) for word in without_small(words(statement)) for part in self._apart(word)
        ]
        stems = [word for word, _ in heard]
        found: dict[Term, list[_Hit]] = defaultdict(list)
        for start, word in enumerate(stems):
            for term in self._beginning_with(word):
                span = _phrase(term, stems, start)
                if span is not None:
                    found[term].append(_Hit(term, term.weight * min(heard[i][1] for i in span), span))
        weighty = [hit.span[-1] for hits in found.values() for hit in hits if hit.weight >= SUBJECT]
        counts = emphasis(stems, min(weighty, default=len(stems)))
        return _ranked(_strongest([hit.weighed(counts) for hit in hits]) for hits in found.values())

    def _beginning_with(self, word: str) -> Iterator[Term]:
        yield from self._by_first.get(word, ())
        for length in range(3, len(word) + 1):
            yield from self._prefix_first.get(word[:length], ())

    def _knows(self, word: str) -> bool:
        return word in self._vocabulary or any(
            word[:end] in self._prefixes for end in range(3, len(word) + 1)
        )

    def _apart(self, word: str) -> tuple[str, ...]:
        """Two words of ours that were written as one ("streetsign"), else the word itself."""
        if 2 * HALF <= len(word) <= FUZZY_TO and not self._knows(word):
            for at in range(HALF, len(word) - HALF + 1):
                halves = stem(word[:at]), stem(word[at:])
                if self._vocabulary.issuperset(halves):
                    return halves
        return (word,)

    def _correct(self, word: str) -> tuple[str, float]:
        if not FUZZY_FROM <= len(word) <= FUZZY_TO or not word.isalpha():
            return word, 1.0
        if word in _EVERYDAY or self._knows(word):
            return word, 1.0
        near: set[str] = set(self._shortened.get(word, ()))
        for shorter in _one_letter_less(word):
            if shorter in self._vocabulary and len(shorter) >= FUZZY_FROM:
                near.add(shorter)
            near.update(known for known in self._shortened.get(shorter, ()) if known[0] == word[0])
        return (min(near), FUZZY_WEIGHT) if near else (word, 1.0)


def without_small(said: list[str]) -> list[str]:
    return [word for word in said if word not in _SMALL]


def _one_letter_less(word: str) -> set[str]:
    """Two words that share one of these differ by one letter dropped, added or changed, or two swapped."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _phrase(term: Term, stems: list[str], start: int) -> tuple[int, ...] | None:
    """Return where the words of ``term`` stand when it begins at ``start``, or None."""
    at = [start]
    for position, wanted in enumerate(term.stems[1:], 1):
        is_prefix = term.prefix and position == len(term.stems) - 1
        window = range(at[-1] + 1, min(at[-1] + 2 + MAX_GAP, len(stems)))
        hit = next((i for i in window if _fits(stems[i], wanted, is_prefix)), None)
        if hit is None:
            return None
        at.append(hit)
    return tuple(at)


def _strongest(hits: list[_Hit]) -> _Hit:
    return max(hits, key=lambda hit: abs(hit.weight))


def _fits(word: str, wanted: str, is_prefix: bool) -> bool:
    return word.startswith(wanted) if is_prefix else word == wanted


def _ranked(found: Iterable[_Hit]) -> list[Match]:
    """Add up what was found for each kind, the best first; equal scores in the order of the kinds' names.

    A word counts once for a kind, in the weightiest and longest term that uses it ("stop sign" leaves nothing
    for "sign"). What comes after the weightiest counts less: two good words make it surer, not twice as sure.
    """
    scores: dict[str, float] = defaultdict(float)
    why: dict[str, list[str]] = defaultdict(list)
    used: dict[str, set[int]] = defaultdict(set)
    order = sorted(found, key=lambda hit: (-abs(hit.weight), -len(hit.term.stems), hit.term.written))
    for hit in order:
        kind = hit.term.kind
        if hit.weight <= 0:
            scores[kind] += hit.weight
            continue
        fresh = set(hit.span) - used[kind]
        if not fresh:
            continue
        scores[kind] += hit.weight * len(fresh) / len(hit.span) * (AFTER_FIRST if why[kind] else 1.0)
        used[kind].update(fresh)
        why[kind].append(hit.term.written)
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Match(kind, round(score, 3), tuple(why[kind])) for kind, score in ranked if score > 0]

"""How like the reports of each kind are these words? Naive Bayes over examples of our own.

Terms (``matching``) are what somebody thought of as telling; examples also say what usually stands around it. Each
knows statements that the other does not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from workflows.planning.matching import without_small
from workflows.planning.text import words

PAIR = 0.5  # what two words in a row count, beside each of them
PART = 0.1  # what four letters of a word count: they are what is left of a misspelt one
PART_LENGTH = 4
PARTS_FROM = 5  # letters; a shorter word has no parts
SMOOTHING = 0.4  # examples that a word's share in all kinds is worth before one of this kind is seen
LEAST = -3.0  # that no example of a kind has a word says no more than this against it, however many there are


class Likeness:
    """What the examples of each kind have in common.

    How many a kind has says nothing of how often cities hear of it, so no kind is likelier before a word is known.

    Args:
        examples: statements by kind; a kind may have none.
    """

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        self._kinds = tuple(sorted(kind for kind, said in examples.items() if said))
        counts = {kind: Counter(_features(examples[kind])) for kind in self._kinds}
        sizes = {kind: len(examples[kind]) for kind in self._kinds}
        everywhere: Counter[str] = Counter()
        for count in counts.values():
            everywhere.update(count)
        total = sum(sizes.values())
        self._telling = {
            feature: tuple(
                _telling(counts[kind][feature], sizes[kind], (often + 0.5) / (total + 1))
                for kind in self._kinds
            )
            for feature, often in everywhere.items()
        }

    def distances(self, statement: str) -> dict[str, float]:
        """Return how much less likely each kind is than the likeliest, which has 0; the others are below.

        Differences of logarithms of likelihood, by the square root of how many words are known, as words of one
        statement say the same thing twice. Empty where no word is known.
        """
        known = [feature for feature in set(_features([statement])) if feature in self._telling]
        said = sum(_weight(feature) == 1.0 for feature in known)
        if not said:
            return {}
        sums = [0.0] * len(self._kinds)
        for feature in known:
            weight = _weight(feature)
            sums = [
                value + weight * telling for value, telling in zip(sums, self._telling[feature], strict=True)
            ]
        scale = math.sqrt(said)
        best = max(sums)
        return {kind: (value - best) / scale for kind, value in zip(self._kinds, sums, strict=True)}


def _telling(count: int, size: int, share: float) -> float:
    """How much likelier a feature is in a kind than anywhere, as a logarithm."""
    believed = (count + SMOOTHING * share) / (size + SMOOTHING)
    return max(LEAST, math.log(believed / share))


def _features(statements: Sequence[str]) -> Iterator[str]:
    """Words, pairs of words (with a space) and parts of words (with ``#``), each once for a statement."""
    for statement in statements:
        said = without_small(words(statement))
        pairs = (f"{one} {other}" for one, other in zip(said, said[1:], strict=False))
        yield from {*said, *pairs, *(part for word in said for part in _parts(word))}


def _parts(word: str) -> Iterator[str]:
    if len(word) >= PARTS_FROM:
        whole = f"^{word}$"
        yield from (f"#{whole[at : at + PART_LENGTH]}" for at in range(len(whole) - PART_LENGTH + 1))


def _weight(feature: str) -> float:
    return PART if feature[0] == "#" else PAIR if " " in feature else 1.0

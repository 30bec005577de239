"""What is a statement about, and what only says where? "Pothole near the storm drain" is about the pothole."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.planning.text import stem

REACH = 3  # words after "near" that are part of the place
PLACE = 0.35  # what a word counts that only says where
UPON = 0.6  # the same after "on" and "in", once the subject has been named
NAMING = 0.6  # what the word before "sign" counts: a crosswalk sign is a sign


def _stems(said: str) -> frozenset[str]:
    return frozenset(stem(word) for word in said.split())


# Words after which people say where it is, or what suffers from it ("branches blocking the traffic light").
_PLACE = _stems(
    "near nearby around beside behind outside opposite along between next front by at adjacent toward across "
    "against past blocking covering hiding obscuring obstructing"
)
# After these the damaged thing itself may come ("crack in the sidewalk"), unless the subject is known already.
_UPON = _stems("on in onto over under into inside to upon")
# "Hidden by" and "broken by" name a cause, not a place.
_CAUSED = _stems(
    "hidden covered blocked obscured obstructed damaged lifted caused hit buckled overgrown broken raised"
)
_NEW_THOUGHT = _stems("and is are was were has have needs with but because that which due causing missing")
_SMALL = _stems("the a an of my our")


def emphasis(stems: Sequence[str], subject: int) -> list[float]:
    """Return how much each word counts, from 0 to 1; ``subject`` is where the first weighty term has ended.

    A verb or "and" ends what says where it is, as does the ``REACH``-th word of it.
    """
    weights = [1.0] * len(stems)
    left, weight = 0, 1.0
    for at, word in enumerate(stems):
        before = stems[at - 1] if at else ""
        if word in _PLACE and not (word in {"by", "behind"} and before in _CAUSED):
            left, weight = REACH, PLACE
        elif word in _UPON and at > subject:
            left, weight = REACH, UPON
        elif word in _NEW_THOUGHT:
            left = 0
        elif left and word not in _SMALL:
            weights[at] = weight
            left -= 1
        if word == "sign" and at:
            weights[at - 1] *= NAMING
    return weights

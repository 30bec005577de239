"""How many people does it concern? Numbers of people and of homes in the statement; a cautious guess, or nothing.

Homes and buildings are turned into people by round figures: what counts is whether it is five or five hundred.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.planning.text import clean

PEOPLE_A_HOME = 2.5  # US Census Bureau, households 2020 to 2024: 2.5 persons; other countries have 2 to 5
HOMES_A_BLOCK = 20  # our own round figure for one side of an American block and the other
HOMES_A_BUILDING = 12
HOMES_A_NEIGHBOURHOOD = 120
MOST = 1_000_000  # more is a telephone number or a figure of speech

COUNTED, ESTIMATED, VAGUE = 0.8, 0.6, 0.3
"""Confidence in people that were counted, in homes that were, and in words such as "the whole block"."""


@dataclass(frozen=True)
class People:
    """About how many, and the confidence (0 to 1) in it."""

    count: int
    confidence: float


_ONES = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {
    **{word: at for at, word in enumerate(_ONES, 1)},
    **{word: at * 10 for at, word in enumerate(_TENS, 2)},
    **{f"{ten}{dash}{one}": at * 10 + unit for at, ten in enumerate(_TENS, 2) for unit, one in enumerate(_ONES[:9], 1)
       for dash in ("-", " ")},
    "a hundred": 100, "hundred": 100, "a thousand": 1_000, "a dozen": 12, "a couple of": 2, "a couple": 2,
    "both": 2, "a few": 3, "several": 3, "a handful of": 5,
    "dozens of": 24, "scores of": 40, "hundreds of": 200, "thousands of": 2_000,
}  # fmt: skip
_LOOSE = frozenset(word for word in _WORDS if word.endswith("of") or word in {"a few", "several"})
_NUMBER = (
    r"(?:\d{1,3}\s?(?:-|–|to)\s?(?=\d{1,3}\D))?(?P<number>\d{1,3}(?:,\d{3})+|\d{1,7}|"
    + "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True))
    + ")"
)
_BETWEEN = (
    r"\s+(?:(?:other|more|of\s+(?:us|my|our|the)|of|different|young|old|older|elderly|disabled|small|little|local"
    r"|single|family)\s+){0,2}"
)
_PERSON = (
    r"(?:people|persons?|residents?|neighbou?rs|tenants?|inhabitants|adults|seniors|kids|child(?:ren)?|students|pupils"
    r"|patients|customers|employees|workers|pedestrians|commuters|seniors|users)"
)
_HOME = r"(?:homes?|houses?|households?|families|apartments?|flats?|dwellings|units)"
_BUILDING = r"(?:buildings?|apartment\s+(?:buildings?|blocks?)|condo(?:minium)?s|blocks?)"
# "two houses down" is a way, "3 homes St" a street.
_ELSEWHERE = (
    r"(?!\w)(?!\s+(?:down|up|away|from|over|along|past|further|before|after|ago"
    r"|(?:st|street|ave|road|rd|lane|drive)\b))"
)

_PEOPLE = re.compile(rf"(?<![\w.,/-]){_NUMBER}{_BETWEEN}{_PERSON}{_ELSEWHERE}", re.IGNORECASE)
_FAMILY = re.compile(rf"\b(?:family|household|party|group)\s+of\s+{_NUMBER}(?!\w)", re.IGNORECASE)
_OF_US = re.compile(rf"(?<![\w.,/-]){_NUMBER}\s+of\s+us(?!\w)", re.IGNORECASE)
_HOMES = re.compile(rf"(?<![\w.,/-]){_NUMBER}{_BETWEEN}{_HOME}{_ELSEWHERE}", re.IGNORECASE)
_BUILDINGS = re.compile(
    rf"(?<![\w.,/-]){_NUMBER}\s+(?:apartment|residential)\s+{_BUILDING}{_ELSEWHERE}", re.IGNORECASE
)
_WHOLE = re.compile(
    r"\b(?:(?:the|our|my|this)\s+)?(?:whole|entire|all\s+of\s+(?:the|our))\s+(?:\w+\s+)?"
    r"(?P<what>neighbou?rhood|subdivision|development|complex|block|street|road|building|apartment|floor)(?!\w)",
    re.IGNORECASE,
)
_EVERYONE = re.compile(
    r"\b(?:everyone|everybody|all\s+(?:the\s+)?(?:residents|neighbou?rs|tenants))\s+(?:on|in|of)\s+(?:the|our|my|this)\s+"
    r"(?P<what>neighbou?rhood|subdivision|complex|block|street|road|building)(?!\w)",
    re.IGNORECASE,
)
_ANY = re.compile(
    rf"\b(?:{_PERSON}|{_HOME}|{_BUILDING}|of\s+\w+|whole|entire|all|every(?:one|body))\b", re.IGNORECASE
)
_HOMES_IN = {
    "neighborhood": HOMES_A_NEIGHBOURHOOD, "neighbourhood": HOMES_A_NEIGHBOURHOOD,
    "subdivision": HOMES_A_NEIGHBOURHOOD, "development": HOMES_A_NEIGHBOURHOOD, "complex": HOMES_A_NEIGHBOURHOOD,
    "block": HOMES_A_BLOCK, "street": HOMES_A_BLOCK, "road": HOMES_A_BLOCK, "building": HOMES_A_BUILDING,
    "apartment": 1, "floor": 4,
}  # fmt: skip
_LOOK_AT = 2_000  # characters of the statement; keeps the search short for hostile text


def find_people(statement: str) -> People | None:
    """Return about how many people ``statement`` speaks of: the largest number in it; None when it speaks of none."""
    text = clean(statement, _LOOK_AT)
    if not _ANY.search(text):
        return None  # most statements: ten times as fast
    people = [_read(match) for form in (_PEOPLE, _FAMILY, _OF_US) for match in form.finditer(text)]
    homes = [(*_read(match), PEOPLE_A_HOME) for match in _HOMES.finditer(text)]
    homes += [(*_read(match), HOMES_A_BUILDING * PEOPLE_A_HOME) for match in _BUILDINGS.finditer(text)]
    found = [(count, VAGUE if loose else COUNTED) for count, loose in people]
    found += [(round(count * each), VAGUE if loose else ESTIMATED) for count, loose, each in homes]
    found += [
        (round(_HOMES_IN[match["what"].lower()] * PEOPLE_A_HOME), VAGUE)
        for form in (_WHOLE, _EVERYONE)
        for match in form.finditer(text)
    ]
    possible = [(count, sure) for count, sure in found if 0 < count <= MOST]
    if not possible:
        return None
    count, sure = max(possible)
    return People(count, sure)


def _read(match: re.Match[str]) -> tuple[int, bool]:
    """The number, and whether it is only a way of speaking."""
    written = " ".join(match["number"].lower().split())
    if written in _WORDS:
        return _WORDS[written], written in _LOOSE
    return int(written.replace(",", "")), False

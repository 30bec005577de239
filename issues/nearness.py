"""Are two reports near each other? Addresses brought to one form, distances, and likeness of words. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH = 6_371_008.8
"""Metres: the mean radius of the Earth (IUGG 1980)."""
METRES_A_DEGREE = 111_195.0
"""Of latitude, on a sphere of that radius."""
LONGEST_STREET = 120

_ACCENTS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(\d{1,6})[a-z]?")
_CROSSING = re.compile(r"\s(?:and|und|et|y)\s|\s*[&@/]\s*|\sat\s")
_LEADING = re.compile(
    r"^(?:(?:the|near|by|at|on|in front of|opposite|outside|behind|corner|intersection|junction|crossing|of)\s+)+"
)
_FLAT = re.compile(r"\b(?:apt|apartment|unit|suite|flat|room|floor)\b\.?\s*#?\w+|#\s*\w+|\bno\b\.?(?=\s*\d)")
# The common kinds of street in the words of people and of the postal service (USPS Publication 28, appendix C1).
_KINDS = {
    "st": "street", "str": "street", "ave": "avenue", "av": "avenue", "rd": "road", "blvd": "boulevard",
    "dr": "drive", "ln": "lane", "ct": "court", "pl": "place", "sq": "square", "hwy": "highway",
    "pkwy": "parkway", "ter": "terrace", "terr": "terrace", "trl": "trail", "cir": "circle", "aly": "alley",
    "plz": "plaza", "expy": "expressway", "fwy": "freeway", "brg": "bridge",
}  # fmt: skip
_KIND_WORDS = frozenset(_KINDS.values()) | {"way", "row", "pike", "walk"}
_SIDES = {
    "n": "north", "s": "south", "e": "east", "w": "west",
    "ne": "northeast", "nw": "northwest", "se": "southeast", "sw": "southwest",
}  # fmt: skip


@dataclass(frozen=True)
class Duplicate:
    """An issue (by its reference) that may be the same one: ``similarity`` of the words lies between 0 and 1.

    ``metres_apart`` is None where one of the two has no position.
    """

    issue: str
    status: str
    hours_apart: float
    metres_apart: float | None
    similarity: float


@dataclass(frozen=True)
class Spot:
    """An address in one form: ``street`` is a key to compare (``"main street"``, of a crossing ``"elm|main"``),
    empty when there is nothing to compare; ``number`` the house number, None when there is none."""

    street: str
    number: int | None = None


def spot_of(address: str) -> Spot:
    """Bring an address to one form, so that "123 Main St." and "123 main street, Springfield" are the same."""
    flat = unicodedata.normalize("NFKD", address.casefold()).replace("'", "").replace("’", "")
    plain = _ACCENTS.sub("", flat)
    parts = [_FLAT.sub(" ", part).strip() for part in plain.split(",")]
    named = [part for part in parts if sum(map(str.isalpha, part)) > 1]
    if not named:
        return Spot("")
    text = _LEADING.sub("", named[0])
    sides = [side for side in _CROSSING.split(text) if _words(side)]
    if len(sides) == 2 and not any(_words(side)[0].isdecimal() and len(_words(side)) > 1 for side in sides):
        return Spot("|".join(sorted(_without_kind(_street(_words(side))) for side in sides))[:LONGEST_STREET])
    words = _words(text)
    number = _house_number(words)
    if number is None and parts[0] != named[0] and (alone := _NUMBER.fullmatch(parts[0])):
        return Spot(_street(words)[:LONGEST_STREET], int(alone[1]))  # "12, rue de la Paix"
    street = words if number is None else words[1:] if _NUMBER.fullmatch(words[0]) else words[:-1]
    return Spot(_street(street)[:LONGEST_STREET], number)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _house_number(words: list[str]) -> int | None:
    """The number before or after the name of the street."""
    for word in (words[0], words[-1]) if len(words) > 1 else ():
        if match := _NUMBER.fullmatch(word):
            return int(match[1])
    return None


def _street(words: list[str]) -> str:
    """The name of a street with its kind and sides written out; "St" before a name is a saint."""
    last = len(words) - 1
    out = []
    for at, word in enumerate(words):
        follows_side = at == last - 1 and words[last] in _SIDES
        if word in _SIDES and at in {0, last} and last > 0:
            out.append(_SIDES[word])
        elif at > 0 and (at == last or follows_side) and word in _KINDS:
            out.append(_KINDS[word])
        else:
            out.append("saint" if word == "st" else word)
    return " ".join(out)


def _without_kind(street: str) -> str:
    """At a crossing people leave out "street" and "avenue"."""
    words = street.split()
    return " ".join(words[:-1]) if len(words) > 1 and words[-1] in _KIND_WORDS else street


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance of two positions (latitude, longitude in degrees), by the haversine formula."""
    north, south = radians(one[0]), radians(other[0])
    across = radians(other[1] - one[1]) / 2
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(across) ** 2
    return 2 * EARTH * asin(sqrt(min(1.0, half)))


def box_around(position: tuple[float, float], metres: float) -> tuple[float, float, float, float]:
    """South, north, west and east (degrees) of a box that holds the circle of ``metres`` around ``position``."""
    up = metres / METRES_A_DEGREE
    aside = up / max(0.01, cos(radians(position[0])))
    return position[0] - up, position[0] + up, position[1] - aside, position[1] + aside


def likeness(one: Set[str], other: Set[str]) -> float:
    """How much two sets of stems have in common, 0 to 1: the cosine of the angle between them."""
    if not one or not other:
        return 0.0
    return len(one & other) / sqrt(len(one) * len(other))

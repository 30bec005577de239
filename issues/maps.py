"""A small map without a map: the neighbourhood of an issue as distances and directions, for a drawing. Pure.

No tiles: what a city's streets look like nobody here knows, and no other server is asked. What is drawn is true: how
far and in which direction the other issues lie.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians, sin

from issues.around import SHOWN, Near

SIZE = 320
"""Width and height of the drawing, in its own units."""
EDGE = 22
"""What stays free around the outermost distance, for marks that lie on it."""
SCALES = (50, 100, 200, 400)
"""Metres from the middle to the edge: the smallest that holds everything."""
DIRECTIONS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


@dataclass(frozen=True)
class Mark:
    """Another issue on the drawing: where it is, its number in the list beside ("" where that is too short), itself."""

    x: str
    y: str
    label: str
    near: Near


@dataclass(frozen=True)
class Map:
    """``metres`` from the middle to the outer ring, ``rings`` as radii, and the scale bar with its ``bar_metres``.
    Places are in the drawing's units, as SVG writes numbers in every language."""

    metres: int
    rings: tuple[str, ...]
    marks: tuple[Mark, ...]
    bar_end: str
    bar_metres: int
    size: str = str(SIZE)
    middle: str = str(SIZE // 2)
    near_edge: str = str(EDGE)
    far_edge: str = str(SIZE - EDGE)
    bar_start: str = str(EDGE // 2)
    bar_y: str = str(SIZE - 8)
    bar_text: str = str(SIZE - 14)


def map_of(near: Sequence[Near]) -> Map:
    """The neighbourhood, with the issue itself in the middle and north above. ``near`` have a distance each, and the
    nearest come first."""
    farthest = max((one.metres or 0.0 for one in near), default=0.0)
    metres = next((scale for scale in SCALES if scale >= farthest), SCALES[-1])
    unit = (SIZE / 2 - EDGE) / metres
    return Map(
        metres=metres,
        rings=(_place(metres / 2 * unit), _place(metres * unit)),
        marks=tuple(_marks(near, unit)),
        bar_end=_place(EDGE // 2 + metres / 2 * unit),
        bar_metres=metres // 2,
    )


def _marks(near: Iterable[Near], unit: float) -> Iterable[Mark]:
    for number, one in enumerate(near, 1):
        away, angle = (one.metres or 0.0) * unit, radians(one.bearing)
        x, y = SIZE / 2 + away * sin(angle), SIZE / 2 - away * cos(angle)
        yield Mark(_place(x), _place(y), str(number) if number <= SHOWN else "", one)


def _place(units: float) -> str:
    return f"{units:.1f}"


def direction_of(bearing: float) -> str:
    """The bearing (degrees from north) in words, as one of eight."""
    return DIRECTIONS[round(bearing / 45) % 8]

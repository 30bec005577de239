"""Where the boxes and the lines of a drawn plan stand: steps in rows by what they wait for, every line going down.

Whole numbers, in the drawing's own unit; nothing of the web. The way is Sugiyama's: break circles, leave out what
goes without saying, put steps in layers, order each row by its neighbours, then move boxes as near to those as they
may stand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

WIDTH, GAP, LANE = 168, 16, 12
"""Of a box; between two boxes; of a line that passes a row, its share of the space on both sides included."""
BETWEEN = 36
"""From one row's lowest box to the next row."""
MARGIN = 8
PER_ROW = 5
"""Boxes in one row; a layer with more takes several rows, so that the drawing grows down and not aside."""
MAX_BENDS = 1_500
"""Rows that all lines together may pass. No line is longer than a plan, but ten thousand may be asked for."""
SWEEPS = 4

Cell = tuple[int, int]
"""(step, row): a box in its own row, a passing line in any other."""


@dataclass(frozen=True)
class Box:
    """The rectangle of one step."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Line:
    """From the box of step ``above`` to that of ``below``, by their places in what was given. ``points`` begin at
    the foot of the one and end at the head of the other; two at the same x are joined straight."""

    above: int
    below: int
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Layout:
    """A drawing.

    Attributes:
        boxes: One a step, in the order in which they were given.
        lines: What has to be seen: not that a step waits for one that another of its needs waits for already.
        circular: Steps that wait, by way of others, for themselves. What would close the circle isn't drawn.
        hidden: Lines that were left out because there are too many.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    circular: frozenset[int]
    hidden: int


def lay_out(heights: Sequence[int], needs: Sequence[Sequence[int]]) -> Layout:
    """Place steps.

    Args:
        heights: Of each step's box.
        needs: For each step the places of those that it waits for, whatever they are: repeated, or in a circle.
    """
    if not heights:
        return Layout(2 * MARGIN, 2 * MARGIN, (), (), frozenset(), 0)
    waits, circular = _without_circles([set(one) for one in needs])
    waits = _told_once(waits)
    row_of, rows = _rows(waits)
    drawn, hidden = _drawable(waits, row_of)
    for above, row in _passing(drawn, row_of):
        rows[row].append((above, row))
    links = _links(drawn, row_of)
    _order(rows, links)
    middles = _middles(rows, row_of, links)
    return _drawing(heights, rows, row_of, drawn, middles, circular, hidden)


# --- what is drawn ----------------------------------------------------------------------------------


def _without_circles(needs: list[set[int]]) -> tuple[list[set[int]], frozenset[int]]:
    """The needs without those that would close a circle, and whose they were."""
    placed: set[int] = set()
    waiting = list(range(len(needs)))
    kept = [set(one) for one in needs]
    while waiting:
        ready = [at for at in waiting if kept[at] <= placed]
        if not ready:
            ready = [_in_a_circle(waiting[0], kept, placed)]
            kept[ready[0]] &= placed
        placed |= set(ready)
        waiting = [at for at in waiting if at not in placed]
    return kept, frozenset(at for at, one in enumerate(needs) if kept[at] != one)


def _in_a_circle(at: int, needs: list[set[int]], placed: set[int]) -> int:
    """A step of a circle, found by going up from one that waits for it."""
    seen = set()
    while at not in seen:
        seen.add(at)
        at = min(needs[at] - placed)
    return at


def _told_once(needs: list[set[int]]) -> list[set[int]]:
    """Without each need that another one of the same step has already, by whatever way."""
    before: list[int] = [0] * len(needs)  # as bits: 200 steps are one number
    kept = []
    for at in _upwards(needs):
        for one in needs[at]:
            before[at] |= before[one] | 1 << one
    for waits in needs:
        implied = 0
        for one in waits:
            implied |= before[one]
        kept.append({one for one in waits if not implied >> one & 1})
    return kept


def _upwards(needs: list[set[int]]) -> list[int]:
    """Every step after those that it waits for."""
    depth = _depths(needs)
    return sorted(range(len(needs)), key=lambda at: (depth[at], at))


def _depths(needs: list[set[int]]) -> list[int]:
    """How many steps have to be over before each, one after the other."""
    depth = [0] * len(needs)
    waiting, placed, level = list(range(len(needs))), set[int](), 0
    while waiting:
        ready = [at for at in waiting if needs[at] <= placed]
        for at in ready:
            depth[at] = level
        placed |= set(ready)
        waiting = [at for at in waiting if at not in placed]
        level += 1
    return depth


def _rows(needs: list[set[int]]) -> tuple[list[int], list[list[Cell]]]:
    """The row of each step, and the boxes of each row."""
    depth = _depths(needs)
    row_of = [0] * len(needs)
    rows: list[list[Cell]] = []
    for level in range(max(depth) + 1):
        members = [at for at in range(len(needs)) if depth[at] == level]
        for start in range(0, len(members), PER_ROW):
            for at in members[start : start + PER_ROW]:
                row_of[at] = len(rows)
            rows.append([(at, len(rows)) for at in members[start : start + PER_ROW]])
    return row_of, rows


def _drawable(needs: list[set[int]], row_of: list[int]) -> tuple[list[tuple[int, int]], int]:
    """(above, below) of what is drawn, the short ones first, and how many are left out."""
    pairs = [(above, below) for below, waits in enumerate(needs) for above in sorted(waits)]
    pairs.sort(key=lambda pair: row_of[pair[1]] - row_of[pair[0]])
    lengths = accumulate(row_of[below] - row_of[above] for above, below in pairs)
    within = sum(length <= MAX_BENDS for length in lengths)
    return sorted(pairs[:within]), len(pairs) - within


def _passing(drawn: list[tuple[int, int]], row_of: list[int]) -> list[Cell]:
    """Where lines pass a row. All lines of one step go down together until the last of them ends."""
    last: dict[int, int] = {}
    for above, below in drawn:
        last[above] = max(last.get(above, 0), row_of[below])
    return [(above, row) for above, end in last.items() for row in range(row_of[above] + 1, end)]


def _way(above: int, below: int, row_of: list[int]) -> list[Cell]:
    """The cells of one line from its upper box to its lower one."""
    return [*((above, row) for row in range(row_of[above], row_of[below])), (below, row_of[below])]


Links = tuple[dict[Cell, set[Cell]], dict[Cell, set[Cell]]]
"""Of each cell its neighbours in the row above, and in the row below."""


def _links(drawn: list[tuple[int, int]], row_of: list[int]) -> Links:
    up: dict[Cell, set[Cell]] = {}
    down: dict[Cell, set[Cell]] = {}
    for above, below in drawn:
        cells = _way(above, below, row_of)
        for upper, lower in zip(cells, cells[1:], strict=False):
            up.setdefault(lower, set()).add(upper)
            down.setdefault(upper, set()).add(lower)
    return up, down


# --- where it stands --------------------------------------------------------------------------------


def _order(rows: list[list[Cell]], links: Links) -> None:
    """Order each row by where its neighbours stand, so that few lines cross."""
    places: dict[Cell, float] = {}
    for row in rows:
        _number(row, places)
    for sweep in range(SWEEPS):
        near = links[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=_by_neighbours(places, near))
            _number(row, places)


def _number(row: list[Cell], places: dict[Cell, float]) -> None:
    """Where each cell stands in its row, as a part of it: rows of different length are comparable."""
    places.update({cell: (at + 0.5) / len(row) for at, cell in enumerate(row)})


def _by_neighbours(places: dict[Cell, float], near: dict[Cell, set[Cell]]) -> Callable[[Cell], float]:
    def key(cell: Cell) -> float:
        return _mean([places[one] for one in near.get(cell, ())] or [places[cell]])

    return key


def _middles(rows: list[list[Cell]], row_of: list[int], links: Links) -> dict[Cell, float]:
    """The x of the middle of every cell."""
    widths = {cell: WIDTH + GAP if row_of[cell[0]] == cell[1] else LANE for row in rows for cell in row}
    middles: dict[Cell, float] = {}
    for row in rows:
        _spread(row, [0.0] * len(row), widths, middles)
    for sweep in range(SWEEPS):
        near = links[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean([middles[one] for one in near.get(cell, ())] or [middles[cell]]) for cell in row]
            _spread(row, wanted, widths, middles)
    return middles


def _spread(
    row: list[Cell], wanted: list[float], widths: dict[Cell, int], middles: dict[Cell, float]
) -> None:
    """Put a row as near as can be to where it is wanted, nothing over anything: the least squares of it, found by
    pooling neighbours that would stand over each other (isotonic regression)."""
    offset, offsets = 0.0, []
    for before, cell in zip([None, *row], row, strict=False):
        if before is not None:
            offset += (widths[before] + widths[cell]) / 2
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for want, at in zip(wanted, offsets, strict=True):
        mean, size = want - at, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    starts = [mean for mean, size in pools for _ in range(size)]
    middles.update({cell: start + at for cell, start, at in zip(row, starts, offsets, strict=True)})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _drawing(
    heights: Sequence[int],
    rows: list[list[Cell]],
    row_of: list[int],
    drawn: list[tuple[int, int]],
    middles: dict[Cell, float],
    circular: frozenset[int],
    hidden: int,
) -> Layout:
    left = min(middles[cell] - (WIDTH if row_of[cell[0]] == cell[1] else LANE) / 2 for cell in middles)
    xs = {cell: round(middle - left) + MARGIN for cell, middle in middles.items()}
    tallest = [max(heights[at] for at, row in cells if row_of[at] == row) for cells in rows]
    tops = [MARGIN, *accumulate((height + BETWEEN for height in tallest), initial=MARGIN)][1:]
    boxes = tuple(
        Box(xs[at, row_of[at]] - WIDTH // 2, tops[row_of[at]], WIDTH, height)
        for at, height in enumerate(heights)
    )
    lines = tuple(
        Line(above, below, _points(_way(above, below, row_of), boxes[above], xs, tops, tallest))
        for above, below in drawn
    )
    right = max(xs[cell] + (WIDTH if row_of[cell[0]] == cell[1] else LANE) // 2 for cell in xs)
    return Layout(right + MARGIN, tops[-1] - BETWEEN + MARGIN, boxes, lines, circular, hidden)


def _points(
    way: list[Cell], first: Box, xs: dict[Cell, int], tops: list[int], tallest: list[int]
) -> tuple[tuple[int, int], ...]:
    """Straight down beside the boxes of a row, aside only between two rows."""
    start, *passed, end = way
    points = [(xs[start], first.y + first.height), (xs[start], tops[start[1]] + tallest[start[1]])]
    for cell in passed:
        points += [(xs[cell], tops[cell[1]]), (xs[cell], tops[cell[1]] + tallest[cell[1]])]
    return tuple(dict.fromkeys([*points, (xs[end], tops[end[1]])]))


__all__ = ["Box", "Layout", "Line", "lay_out"]

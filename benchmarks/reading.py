"""Reads of the API, taken in turns with one that always costs the same."""

from collections.abc import Sequence

from benchmarks.figures import median, ms, percentile
from benchmarks.stack import Stack

YARDSTICK = "/categories/other"
"""Reads one row of a small table: what it costs does not depend on how much there is, so where this takes longer the
machine was doing something else."""

YARDSTICK_HEAD = "for comparison: read a category"


def read_in_turns(stack: Stack, columns: Sequence[Sequence[str]]) -> list[str]:
    """Read the paths of each column once, one after the other, by one caller; the columns take turns.

    Returns:
        For each column, and last for ``YARDSTICK``, the median and the 99th percentile in words.
    """
    caller = stack.caller()
    measured = [*columns, [YARDSTICK] * len(columns[0])]
    for paths in measured:
        caller.timed("GET", paths[0])  # warm
    took: list[list[float]] = [[] for _ in measured]
    for turn in zip(*measured, strict=True):
        for times, path in zip(took, turn, strict=True):
            times.append(caller.timed("GET", path))
    return [f"{ms(median(times))}, p99 {ms(percentile(times, 99))}" for times in took]

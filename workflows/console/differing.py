"""The difference of two revisions as a reviewer reads it: step by step, what was and what is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from workflows.console.words import (
    Line,
    Piece,
    Vocabulary,
    input_lines,
    pieces_of,
)
from workflows.plan.catalogue import offered
from workflows.plan.changes import Change
from workflows.plan.changewords import label_of, titles_of, value_in_words
from workflows.plan.schema import STEP_FIELDS
from workflows.plan.wording import render, time_in_words
from workflows.revisions import Difference

LONGEST = 4_000
"""Characters of a value that the page shows."""
IN_THE_HEADING = ("step_id", "title")
NOTES = {"added": gettext_lazy("New step"), "removed": gettext_lazy("Gone"), "changed": "", "": ""}


@dataclass(frozen=True)
class Row:
    """One field: ``before`` and ``after`` are None where there is nothing to show."""

    label: str
    before: tuple[Piece, ...] | None
    after: tuple[Piece, ...] | None


@dataclass(frozen=True)
class Part:
    """What differs in one step, or in the plan itself (``place`` 0)."""

    kind: str
    place: int
    title: str
    note: str
    rows: tuple[Row, ...]


def parts_of(found: Difference, departments: Mapping[str, str]) -> list[Part]:
    """A difference by step: the plan's own fields first, then the steps in their new order, then those gone.

    Args:
        departments: The city's departments, code to name.
    """
    known = Vocabulary(titles_of(found.older.document, found.newer.document), departments)
    groups = groupby(found.changes, key=lambda change: (change.kind == "removed", change.step))
    return [_part(list(changes), known) for _, changes in groups]


def _part(changes: list[Change], known: Vocabulary) -> Part:
    first = changes[0]
    if first.kind in ("added", "removed"):
        step = first.after if first.kind == "added" else first.before
        note = str(NOTES[first.kind])
        rows = tuple(_step_rows(step, known, is_new=first.kind == "added"))
        return Part(first.kind, first.place, first.title or first.step, note, rows)
    notes = [_moved(change) for change in changes if change.kind in ("moved", "renamed")]
    rows = tuple(_row(change, known) for change in changes if change.kind == "changed")
    return Part("changed", first.place, first.title or first.step, ", ".join(notes), rows)


def _moved(change: Change) -> str:
    if change.kind == "renamed":
        words = gettext("has the id %(after)s instead of %(before)s")
    else:
        words = gettext("moved from place %(before)s to place %(after)s")
    return words % {"before": change.before, "after": change.after}


def _row(change: Change, known: Vocabulary) -> Row:
    before, after = (
        None if value is None else shown(change.field, value, known)
        for value in (change.before, change.after)
    )
    return Row(_heading(change.field), before, after)


def _step_rows(step: Any, known: Vocabulary, *, is_new: bool) -> Iterable[Row]:
    if not isinstance(step, dict):
        yield _one("step", shown("", step, known), is_new=is_new)
        return
    names = [name for name in STEP_FIELDS if name in step] + sorted(set(step) - set(STEP_FIELDS))
    for name in names:
        value = step[name]
        if name == "inputs" and isinstance(value, dict):
            for key in sorted(value):
                field = f"inputs/{key}"
                yield _one(_heading(field), shown(field, value[key], known), is_new=is_new)
        elif name not in IN_THE_HEADING:
            yield _one(_heading(name), shown(name, value, known), is_new=is_new)


def _one(label: str, value: tuple[Piece, ...], *, is_new: bool) -> Row:
    return Row(label, None, value) if is_new else Row(label, value, None)


def _heading(field: str) -> str:
    label = label_of(field or "step").removeprefix("the ")
    return label[:1].upper() + label[1:]


def shown(field: str, value: Any, known: Vocabulary) -> tuple[Piece, ...]:
    """A value whole, or nearly so, in words: what isn't a word of its own is a list of lines."""
    if field == "when":
        return (Piece(render(value, known.steps)[:LONGEST]),)
    if isinstance(value, str):
        spec = offered().get(value) if field == "activity_id" else None
        name = spec.title if spec else known.department(value) if field.startswith("inputs/") else None
        said = time_in_words(field.rpartition("/")[2], value)
        return (Piece(name),) if name else pieces_of(said[:LONGEST], known)
    if isinstance(value, dict | list) and value and field not in ("needs", "requires_approval"):
        return _listed(field, value, known)
    return (Piece(value_in_words(field, value, known.steps, LONGEST)),)


def _listed(field: str, value: Any, known: Vocabulary) -> tuple[Piece, ...]:
    """A value with parts, each on a line of its own."""
    name = field.removeprefix("inputs/")
    (line,) = input_lines({name: value}, known)
    pieces: list[Piece] = []
    for piece in _lines(line.lines, 0):
        pieces.append(piece)
        if sum(len(one.text) for one in pieces) > LONGEST:
            return (*pieces, Piece("…"))
    return tuple(pieces[:-1]) if pieces and pieces[-1].text == "\n" else tuple(pieces)


def _lines(lines: Iterable[Line], depth: int) -> Iterable[Piece]:
    for line in lines:
        yield Piece("  " * depth + (f"{line.label}: " if line.label else "– "))
        yield from line.pieces
        yield Piece("\n")
        yield from _lines(line.lines, depth + 1)

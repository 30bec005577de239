"""The difference of two revisions as a reviewer reads it: step by step, what was and what is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from workflows.plan.catalogue import offered
from workflows.plan.changes import Change
from workflows.plan.changewords import label_of, text_in_words, titles_of, value_in_words
from workflows.plan.schema import STEP_FIELDS
from workflows.revisions import Difference

LONGEST = 4_000
"""Characters of a value that the page shows."""
IN_THE_HEADING = ("step_id", "title")
NOTES = {"added": "New step", "removed": "Gone", "changed": "", "": ""}


@dataclass(frozen=True)
class Row:
    """One field: ``before`` and ``after`` are None where there is nothing to show."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Part:
    """What differs in one step, or in the plan itself (``place`` 0)."""

    kind: str
    place: int
    title: str
    note: str
    rows: tuple[Row, ...]


def parts_of(found: Difference) -> list[Part]:
    """A difference by step: the plan's own fields first, then the steps in their new order, then those gone."""
    titles = titles_of(found.older.document, found.newer.document)
    groups = groupby(found.changes, key=lambda change: (change.kind == "removed", change.step))
    return [_part(list(changes), titles) for _, changes in groups]


def _part(changes: list[Change], titles: Mapping[str, str]) -> Part:
    first = changes[0]
    if first.kind in ("added", "removed"):
        step = first.after if first.kind == "added" else first.before
        rows = tuple(_step_rows(step, titles, is_new=first.kind == "added"))
        return Part(first.kind, first.place, first.title or first.step, NOTES[first.kind], rows)
    notes = [_moved(change) for change in changes if change.kind in ("moved", "renamed")]
    rows = tuple(_row(change, titles) for change in changes if change.kind == "changed")
    return Part("changed", first.place, first.title or first.step, ", ".join(notes), rows)


def _moved(change: Change) -> str:
    if change.kind == "renamed":
        return f"has the id {change.after} instead of {change.before}"
    return f"moved from place {change.before} to place {change.after}"


def _row(change: Change, titles: Mapping[str, str]) -> Row:
    before, after = (
        None if value is None else shown(change.field, value, titles)
        for value in (change.before, change.after)
    )
    return Row(_heading(change.field), before, after)


def _step_rows(step: Any, titles: Mapping[str, str], *, is_new: bool) -> Iterable[Row]:
    if not isinstance(step, dict):
        yield _one("step", shown("", step, titles), is_new=is_new)
        return
    names = [name for name in STEP_FIELDS if name in step] + sorted(set(step) - set(STEP_FIELDS))
    for name in names:
        value = step[name]
        if name == "inputs" and isinstance(value, dict):
            for key in sorted(value):
                field = f"inputs/{key}"
                yield _one(_heading(field), shown(field, value[key], titles), is_new=is_new)
        elif name not in IN_THE_HEADING:
            yield _one(_heading(name), shown(name, value, titles), is_new=is_new)


def _one(label: str, value: str, *, is_new: bool) -> Row:
    return Row(label, None, value) if is_new else Row(label, value, None)


def _heading(field: str) -> str:
    label = label_of(field or "step").removeprefix("the ")
    return label[:1].upper() + label[1:]


def shown(field: str, value: Any, titles: Mapping[str, str]) -> str:
    """A value whole, or nearly so: texts without quotation marks, activities by their titles."""
    if field == "activity_id" and isinstance(value, str) and (spec := offered().get(value)):
        return spec.title
    if isinstance(value, str):
        return text_in_words(value, titles)[:LONGEST]
    if field == "when":
        return value_in_words(field, value, titles, LONGEST).strip('"')
    return value_in_words(field, value, titles, LONGEST)

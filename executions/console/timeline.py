"""A run's steps as bars over time. Places are percentages of the whole width, for SVG's own attributes: a style
attribute is nothing that a strict Content-Security-Policy lets through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from executions.console.clock import DAY, HOUR, MINUTE, between
from executions.models import HumanTask, StepRun, WorkflowExecution
from workflows.console.graph import state_in_words

PERSON = "person"
MOST_TICKS = 4
PACES = (
    1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR,
    3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY, 365 * DAY,
)  # fmt: skip
"""Seconds from one mark to the next. A run lasts half a year at most; what lasts longer has fewer marks."""
NARROWEST = 0.6
"""Percent: what took a moment is to be seen too."""
LABEL_ROOM = 82.0
"""Percent of the width: a label further right would be cut off."""


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: the state of the step, or ``person`` while somebody was asked."""

    x: str
    width: str
    kind: str


@dataclass(frozen=True)
class Bar:
    """One step's row. ``words`` says how long it took, or takes; "" for one that has not begun."""

    number: int
    title: str
    status: str
    words: str
    goes_on: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True)
class Timeline:
    """``due`` is where the run's target lies; "" outside of what is shown, or without one."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    due: str

    @property
    def asked(self) -> bool:
        """Whether anybody was asked anything."""
        return any(part.kind == PERSON for bar in self.bars for part in bar.parts)

    @property
    def states(self) -> dict[str, str]:
        """The states that bars have, each in words: a colour is never the only sign."""
        kinds = dict.fromkeys(part.kind for bar in self.bars for part in bar.parts if part.kind != PERSON)
        return {kind: state_in_words(kind) for kind in kinds}


@dataclass(frozen=True)
class _Scale:
    start: datetime
    end: datetime

    def place(self, moment: datetime) -> float:
        whole = (self.end - self.start).total_seconds()
        return min(100.0, max(0.0, 100 * (moment - self.start).total_seconds() / whole))

    def part(self, start: datetime, end: datetime, kind: str) -> Part:
        x = self.place(start)
        width = max(NARROWEST, self.place(end) - x)
        return Part(percent(min(x, 100 - width)), percent(width), kind)


def timeline_of(
    execution: WorkflowExecution, steps: Sequence[StepRun], tasks: Sequence[HumanTask], now: datetime
) -> Timeline | None:
    """The bars of a run as it stands; None where nothing has begun."""
    moments = [step.started_at for step in steps if step.started_at] + [task.opened_at for task in tasks]
    if execution.started_at is not None:
        moments.append(execution.started_at)
    if not moments:
        return None
    start, end = min(moments), _end(execution, steps, now)
    scale = _Scale(start, max(end, start + timedelta(seconds=1)))
    bars = [
        _bar(number, step, [task for task in tasks if task.step_id == step.step_id], scale, end)
        for number, step in enumerate(steps, 1)
    ]
    due = execution.due_at
    shown = due is not None and scale.start <= due <= scale.end
    return Timeline(tuple(bars), tuple(_ticks(scale)), percent(scale.place(due)) if due and shown else "")


def percent(value: float) -> str:
    """As SVG writes it, whatever decimal sign the reader's language has."""
    return f"{value:.2f}%"


def _end(execution: WorkflowExecution, steps: Sequence[StepRun], now: datetime) -> datetime:
    if execution.completed_at is None:
        return now
    return max([execution.completed_at, *(step.ended_at for step in steps if step.ended_at)])


def _bar(number: int, step: StepRun, tasks: Sequence[HumanTask], scale: _Scale, end: datetime) -> Bar:
    parts = []
    if step.started_at is not None:
        parts.append(scale.part(step.started_at, step.ended_at or end, step.status))
    for task in tasks:
        over = min(task.decided_at or end, step.ended_at or end)
        if over >= task.opened_at:
            parts.append(scale.part(task.opened_at, over, PERSON))
    goes_on = step.started_at is not None and step.ended_at is None
    return Bar(number, step.title, step.status, _words(step, end), goes_on, tuple(parts))


def _words(step: StepRun, end: datetime) -> str:
    if step.started_at is None:
        return "" if step.ended_at is None else _("not begun")
    return between(step.started_at, step.ended_at or end)


# --- the axis ---------------------------------------------------------------------------------------


def _ticks(scale: _Scale) -> Iterator[Tick]:
    span = (scale.end - scale.start).total_seconds()
    pace = next((pace for pace in PACES if span / pace <= MOST_TICKS), PACES[-1])
    one_day = localtime(scale.start).date() == localtime(scale.end).date()
    hours = "H:i" if one_day else "D H:i"
    pattern = "j M" if pace >= DAY else hours if pace >= MINUTE else "H:i:s"
    for moment in _marks(scale, pace):
        at = scale.place(moment)
        if at <= LABEL_ROOM:
            yield Tick(percent(at), date_format(localtime(moment), pattern))


def _marks(scale: _Scale, pace: int) -> Iterator[datetime]:
    """Full hours, days and so on of the city's clock."""
    first = localtime(scale.start)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if pace >= DAY:
        days = pace // DAY
        moment = midnight + timedelta(days=1)  # on the wall clock: a day may have 23 hours
        while moment <= scale.end:
            yield moment
            moment += timedelta(days=days)
        return
    passed = int((first - midnight).total_seconds())
    moment = scale.start - timedelta(seconds=passed % pace, microseconds=first.microsecond)
    while moment <= scale.end:
        if moment >= scale.start:
            yield moment
        moment += timedelta(seconds=pace)

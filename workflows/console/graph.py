"""A plan drawn as a graph: inline SVG with classes only, so that it needs neither scripts nor inline styles. Its
colours are in ``static/mudda/graph.css``, which a page that shows a graph has to load.

What the picture says stands beside it in words too, for those who cannot see it.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from workflows.console.layout import WIDTH, Box, Layout, Line, lay_out
from workflows.console.review import BY, Card
from workflows.plan.compiled import CompiledPlan
from workflows.plan.schema import DEFAULT_APPROVAL_GROUP
from workflows.plan.wording import render

PAD, TEXT, KIND, MARK = 10, 17, 22, 16
"""Inside a box: to its edge; the height of a line of the title, of the line above it, and of a mark below it."""
ACROSS = 22
"""Letters of a title in one line of a box, as wide as most letters are; wide ones count twice."""
ACROSS_MARK = 22
WITHOUT_SPACES = 4
"""So many letters less fit where there are no spaces, which are narrow, among them."""
LONGEST_TITLE, LONGEST_CONDITION = 3, 3
"""Lines of a box."""
LONGEST_WORDS = 300
"""Letters of a condition in the words beside the picture."""
EAST_ASIAN_WIDE = frozenset("WF")

STATES = {
    "pending": gettext_lazy("Pending"), "waiting": gettext_lazy("Waiting"), "running": gettext_lazy("Running"),
    "completed": gettext_lazy("Completed"), "failed": gettext_lazy("Failed"), "skipped": gettext_lazy("Skipped"),
    "compensated": gettext_lazy("Undone"), "cancelled": gettext_lazy("Cancelled"),
}  # fmt: skip
GONE = frozenset({"skipped", "cancelled"})
ICONS = {
    "program": "M7.5 0 1.5 8h3.7L3.6 14 11 5.4H6.8z",
    "person": "M6.5 6.3a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM.5 14v-2.2c0-2 2.7-3.6 6-3.6s6 1.6 6 3.6V14z",
    "clock": "M6.5.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm.8 3v3.3l2.6 1.7-.8 1.2L5.9 7.5v-4z",
    "": "M5.2 9.4V8.1c0-1.9 2.6-2 2.6-3.7 0-.8-.6-1.4-1.5-1.4-1 0-1.6.6-1.7 1.6H2.5C2.6 2.2 4.1.9 6.4.9c2.2 0 3.8 1.2 "
    "3.8 3.3 0 2.4-2.6 2.8-2.6 4.5v.7zm-.2 1.5h2.7v2.6H5z",
}
"""Fourteen units high: a bolt, a head, a clock, a question mark."""
MARKS = {
    "when": "M5 0l5 5-5 5-5-5z",
    "approval": "M5 0 .7 1.6v3.1C.7 7.2 2.5 9.2 5 10c2.5-.8 4.3-2.8 4.3-5.3V1.6z"
    "M4.5 7 2.4 4.9l.8-.8 1.3 1.3 2.5-2.5.8.8z",
    "error": "M5 .4 10 9.6H0zM4.5 3.5v3h1v-3zm0 3.7v1h1v-1z",
    "warning": "M5 .4 10 9.6H0zM4.5 3.5v3h1v-3zm0 3.7v1h1v-1z",
    "state": "M5 0a5 5 0 1 0 0 10A5 5 0 0 0 5 0z",
}
"""Ten units high: a diamond, a shield, a triangle, a disc."""


@dataclass(frozen=True)
class GraphStep:
    """What is drawn of a step.

    Attributes:
        number: Its place in the plan, 1 for the first; no two have the same.
        step_id: Its id; states are by it.
        done_by: ``program``, ``person`` or ``clock``; "" for an activity that nobody knows.
        after: The numbers of the steps that it waits for.
        missing: How many steps it waits for that aren't in the plan.
        condition: On what it depends, as a sentence; "" for always.
        approval: Who has to say yes before it begins; "" for nobody.
        url: Where the step is told in full; ``#step-<number>`` when left out.
    """

    number: int
    step_id: str
    title: str
    done_by: str
    after: tuple[int, ...] = ()
    missing: int = 0
    who: str = ""
    condition: str = ""
    approval: str = ""
    errors: int = 0
    warnings: int = 0
    url: str = ""


@dataclass(frozen=True)
class _Mark:
    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Face:
    """What stands in a box, broken into lines."""

    title: tuple[str, ...]
    marks: tuple[_Mark, ...]

    @property
    def height(self) -> int:
        lines = sum(len(mark.lines) for mark in self.marks)
        return 2 * PAD + KIND + TEXT * len(self.title) + MARK * lines + (6 if lines else 0)


def draw(
    steps: Iterable[GraphStep], states: Mapping[str, str] | None = None, *, name: str = "plan-graph"
) -> SafeString:
    """The plan as a picture, and the same in words.

    Args:
        steps: In the plan's order.
        states: The status of steps by their id (``running``, ``completed``, ...), for a run.
        name: What the ids inside begin with; one for each drawing on a page.
    """
    steps, states = list(steps), states or {}
    if not steps:
        return SafeString("")
    faces = [_face(step, states.get(step.step_id, "")) for step in steps]
    places = {step.number: at for at, step in enumerate(steps)}
    needs = [[places[one] for one in step.after if one in places] for step in steps]
    layout = lay_out([face.height for face in faces], needs)
    context = (steps, states, layout)
    return format_html(
        '<figure class="md-graph md-graph-{wide}" id="{name}">'
        '<div class="md-graph-pane" tabindex="0" role="region" aria-labelledby="{name}-title">'
        '<svg class="md-graph-svg" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' viewBox="0 0 {width} {height}" role="group" aria-labelledby="{name}-title" aria-describedby="{name}-desc">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{desc}</desc>'
        '<g class="md-graph-lines" aria-hidden="true">{lines}</g>{boxes}</svg></div>'
        '<figcaption class="md-graph-words">{hidden}<details data-keep="{name}-words"><summary>{summary}</summary>'
        "<ol>{words}</ol></details>"
        "</figcaption></figure>",
        wide=_breadth(layout),
        name=name,
        width=layout.width,
        height=layout.height,
        title=_("The steps as a graph"),
        desc=_("From top to bottom: each step is joined by a line to those that wait for it."),
        lines=format_html_join("", "{}", ((_line(line, states, steps),) for line in layout.lines)),
        boxes=format_html_join("", "{}", ((_box(at, faces[at], *context),) for at in range(len(steps)))),
        hidden=_left_out(layout.hidden),
        summary=_("The same in words"),
        words=format_html_join(
            "", "<li><bdi>{}</bdi></li>", ((_in_words(at, *context),) for at in range(len(steps)))
        ),
    )


def steps_of_cards(cards: Iterable[Card]) -> list[GraphStep]:
    """What is drawn of a plan that is read; whatever is wrong with it."""
    return [
        GraphStep(
            number=card.number,
            step_id=card.step_id,
            title=card.title,
            done_by=card.done_by,
            after=tuple(link.number for link in card.after if link.number),
            missing=sum(not link.number for link in card.after),
            who=card.who,
            condition=card.condition,
            approval=card.approval_by,
            errors=sum(concern.severity == "error" for concern in card.concerns),
            warnings=sum(concern.severity == "warning" for concern in card.concerns),
        )
        for card in cards
    ]


def steps_of_plan(compiled: CompiledPlan, whom: Mapping[str, str] | None = None) -> list[GraphStep]:
    """What is drawn of a plan that runs. ``whom`` are, by step id, the words for whose hands a step is in."""
    numbers = {step.step_id: at for at, step in enumerate(compiled.steps, 1)}
    titles = {step.step_id: step.title for step in compiled.steps}
    return [
        GraphStep(
            number=at,
            step_id=step.step_id,
            title=step.title,
            done_by=step.done_by,
            after=tuple(numbers[one] for one in step.needs if one in numbers),
            who=(whom or {}).get(step.step_id, ""),
            condition=render(step.when, titles) if step.when is not None else "",
            approval=(step.approval.group or DEFAULT_APPROVAL_GROUP).capitalize() if step.approval else "",
        )
        for at, step in enumerate(compiled.steps, 1)
    ]


def _breadth(layout: Layout) -> str:
    """How much room it needs beside something else: about one box, two, or more."""
    return "narrow" if layout.width < 1.3 * WIDTH else "middle" if layout.width < 2.9 * WIDTH else "wide"


# --- boxes and lines --------------------------------------------------------------------------------


def _face(step: GraphStep, state: str) -> _Face:
    return _Face(wrapped(step.title, ACROSS, LONGEST_TITLE), tuple(_marks(step, state)))


def _marks(step: GraphStep, state: str) -> Iterable[_Mark]:
    if state:
        yield _Mark("state", (state_in_words(state),))
    if step.condition:
        words = _("Only if %(condition)s") % {"condition": step.condition}
        yield _Mark("when", wrapped(words, ACROSS_MARK, LONGEST_CONDITION))
    if step.approval:
        words = _("Needs a yes: %(who)s") % {"who": step.approval}
        yield _Mark("approval", wrapped(words, ACROSS_MARK, 2))
    if step.errors:
        yield _Mark("error", (_errors(step.errors),))
    if step.warnings:
        yield _Mark("warning", (_warnings(step.warnings),))


def _box(
    at: int, face: _Face, steps: Sequence[GraphStep], states: Mapping[str, str], layout: Layout
) -> SafeString:
    step, box = steps[at], layout.boxes[at]
    state = states.get(step.step_id, "")
    return format_html(
        '<a class="md-graph-step md-graph-{kind}{when}{state}" href="{url}" aria-label="{words}">'
        '<svg x="{x}" y="{y}" width="{width}" height="{height}"><title>{title}</title>{shape}{bar}'
        '<path class="md-graph-icon" transform="translate({pad} {pad})" d="{icon}"/>'
        '<text class="md-graph-kind" x="30" y="22">{by}</text>'
        '<text class="md-graph-number" x="{right}" y="22" text-anchor="end">{number}</text>{lines}</svg></a>',
        kind=step.done_by if step.done_by in BY else "unknown",
        when=" md-graph-if" if step.condition else "",
        state=f" md-is-{state}" if state in STATES else "",
        url=step.url or f"#step-{step.number}",
        words=_in_words(at, steps, states, layout),
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        title=step.title,
        shape=_shape(step.done_by, box),
        bar=_bar(step, box),
        pad=PAD,
        icon=ICONS.get(step.done_by, ICONS[""]),
        by=_by(step.done_by),
        right=box.width - PAD,
        number=step.number,
        lines=format_html_join("", "{}", ((line,) for line in _text(face))),
    )


def _shape(done_by: str, box: Box) -> SafeString:
    """A program's step has square corners, a person's round ones, a clock's are cut off."""
    width, height = box.width - 2, box.height - 2
    if done_by == "clock":
        return format_html(
            '<path class="md-graph-box" d="M13 1H{} L{} 13 V{} L{} {} H13 L1 {} V13Z"/>',
            width - 11, width + 1, height - 11, width - 11, height + 1, height - 11,
        )  # fmt: skip
    radius = {"person": 18, "program": 4}.get(done_by, 0)
    return format_html(
        '<rect class="md-graph-box" x="1" y="1" width="{}" height="{}" rx="{}"/>', width, height, radius
    )


def _bar(step: GraphStep, box: Box) -> SafeString:
    """A gate on top of a step that somebody has to let begin."""
    if not step.approval:
        return SafeString("")
    return format_html('<path class="md-graph-gate" d="M24 2.5H{}"/>', box.width - 24)


def _text(face: _Face) -> Iterable[SafeString]:
    y = PAD + KIND + 12
    for line in face.title:
        yield format_html('<text class="md-graph-title" x="{}" y="{}">{}</text>', PAD, y, line)
        y += TEXT
    y += 4
    for mark in face.marks:
        yield format_html(
            '<path class="md-graph-mark md-graph-{}" transform="translate({} {})" d="{}"/>',
            mark.kind, PAD, y - 9, MARKS[mark.kind],
        )  # fmt: skip
        for line in mark.lines:
            yield format_html(
                '<text class="md-graph-words-{}" x="{}" y="{}">{}</text>', mark.kind, PAD + 15, y, line
            )
            y += MARK


def _line(line: Line, states: Mapping[str, str], steps: Sequence[GraphStep]) -> SafeString:
    (x, y), *others = line.points
    way = [f"M{x} {y}"]
    for next_x, next_y in others:
        middle = (y + next_y) // 2
        way.append(f"V{next_y}" if next_x == x else f"C{x} {middle} {next_x} {middle} {next_x} {next_y}")
        x, y = next_x, next_y
    way.append(f"M{x - 4} {y - 7}L{x} {y}L{x + 4} {y - 7}")
    gone = " md-graph-gone" if states.get(steps[line.below].step_id) in GONE else ""
    return format_html('<path class="md-graph-line{}" d="{}"/>', gone, "".join(way))


# --- words ------------------------------------------------------------------------------------------


def _in_words(at: int, steps: Sequence[GraphStep], states: Mapping[str, str], layout: Layout) -> str:
    """All that the picture says of a step."""
    step = steps[at]
    said = [_("Step %(number)s: %(title)s") % {"number": step.number, "title": step.title}]
    said.append(f"{_by(step.done_by)}, {step.who}" if step.who else _by(step.done_by))
    after = ", ".join(str(one) for one in step.after)
    said.append(_("After step %(after)s") % {"after": after} if after else _("Starts at once"))
    if step.missing:
        said.append(_("Waits for a step that is not in the plan"))
    if at in layout.circular:
        said.append(_("Waits in a circle for itself"))
    if step.condition:
        said.append(_("Only if %(condition)s") % {"condition": _short(step.condition)})
    if step.approval:
        said.append(_("Needs a yes: %(who)s") % {"who": step.approval})
    if step.errors:
        said.append(_errors(step.errors))
    if step.warnings:
        said.append(_warnings(step.warnings))
    if state := states.get(step.step_id):
        said.append(state_in_words(state))
    return ". ".join(said) + "."


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WORDS else f"{text[: LONGEST_WORDS - 1]}…"


def _by(done_by: str) -> str:
    return str(BY.get(done_by) or _("Unknown activity"))


def state_in_words(state: str) -> str:
    """A step's status for people; one that nobody knows as it is."""
    return str(STATES.get(state, state))


def _errors(count: int) -> str:
    return ngettext("%(count)d error", "%(count)d errors", count) % {"count": count}


def _warnings(count: int) -> str:
    return ngettext("%(count)d warning", "%(count)d warnings", count) % {"count": count}


def _left_out(count: int) -> SafeString:
    if not count:
        return SafeString("")
    words = ngettext(
        "%(count)d line is left out of the picture; the words name it.",
        "%(count)d lines are left out of the picture; the words name them.",
        count,
    )
    return format_html('<p class="md-quiet">{}</p>', words % {"count": count})


def wrapped(text: str, across: int, most: int) -> tuple[str, ...]:
    """A text in at most ``most`` lines of ``across`` letters, the last with an ellipsis where there is more."""
    lines: list[str] = []
    for word in text.split():
        for piece in _pieces(word, max(across - WITHOUT_SPACES, 1)):
            if lines and _width(lines[-1]) + 1 + _width(piece) <= across:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
            if len(lines) > most:
                return (*lines[: most - 1], f"{_cut(lines[most - 1], across - 1)}…")
    return tuple(lines)


def _pieces(word: str, across: int) -> Iterable[str]:
    """A word that is longer than a line, in pieces that aren't."""
    while _width(word) > across:
        start = _cut(word, across)
        yield start
        word = word[len(start) :]
    if word:
        yield word


def _cut(text: str, across: int) -> str:
    """As much of the beginning as fits, at least one letter."""
    width = 0
    for at, letter in enumerate(text):
        width += _width(letter)
        if at and width > across:
            return text[:at]
    return text


def _width(text: str) -> int:
    return sum(_letter(letter) for letter in text)


def _letter(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(letter) in EAST_ASIAN_WIDE else 1


__all__ = ["GraphStep", "draw", "state_in_words", "steps_of_cards", "steps_of_plan", "wrapped"]

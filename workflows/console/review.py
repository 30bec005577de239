"""A plan's document as what a reviewer reads: cards in order, each with what concerns it.

Takes any JSON value: a draft with errors has to be readable too, its errors most of all.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.console.offers import REPORTER, as_written
from workflows.console.words import (
    Line,
    Piece,
    Vocabulary,
    input_lines,
    label_of,
    line_of,
    pieces_of,
)
from workflows.departments import PREFIX
from workflows.plan.activity import ActivitySpec
from workflows.plan.catalogue import Catalogue
from workflows.plan.compiler import stronger
from workflows.plan.durations import in_words, working_in_words
from workflows.plan.schema import DEFAULT_APPROVAL_GROUP, Approval
from workflows.plan.wording import render, time_in_words

STEP_POINTER = re.compile(r"/steps/(\d{1,6})(?:/(.*))?\Z", re.DOTALL)
ICONS = {"program": "bolt", "person": "person", "clock": "schedule"}
BY = {
    "program": gettext_lazy("Automatic"),
    "person": gettext_lazy("People"),
    "clock": gettext_lazy("Waits"),
}
ON_FAILURE = {"continue": gettext_lazy("If it fails, the rest goes on.")}


@dataclass(frozen=True)
class Concern:
    """A problem that validation found, at its place."""

    severity: str
    code: str
    message: str
    hint: str
    place: str


@dataclass(frozen=True)
class Link:
    """A step that another waits for; ``number`` is 0 for one that isn't in the plan."""

    number: int
    title: str


@dataclass(frozen=True)
class Cited:
    """A policy that a step cites; ``url`` is "" for one that isn't there, whose label is what the plan says."""

    label: str
    url: str = ""


@dataclass(frozen=True)
class Told:
    """Somebody whom a plan contacts: as the plan has it (a reference as ``as_written`` writes it), and in words."""

    role: str
    words: str


@dataclass(frozen=True)
class Card:
    """One step, readable."""

    number: int
    step_id: str
    title: str
    activity: str
    done_by: str
    icon: str
    by: str
    who: str
    reason: str
    policies: tuple[Cited, ...]
    after: tuple[Link, ...]
    condition: str
    approval: str
    approval_by: str
    approval_reason: str
    inputs: tuple[Line, ...]
    terms: tuple[str, ...]
    concerns: tuple[Concern, ...]


@dataclass(frozen=True)
class Asked:
    """Who has to say yes to a step before it begins; ``four_eyes``: whoever approves the plan may not."""

    who: str
    step: str
    four_eyes: bool


@dataclass(frozen=True)
class Review:
    """A whole plan, readable.

    Attributes:
        told: The people whom it contacts.
        asked: Who has to say yes to a step before it begins.
        cost: What all steps together are declared to cost, in the city's currency, whatever their conditions.
        limits: What orders may cost at most: (the step, the limit, in words).
        version: Of the plan language that it says it is written in; None where it says none.
    """

    description: str
    due: str
    cards: tuple[Card, ...]
    concerns: tuple[Concern, ...]
    told: tuple[Told, ...]
    asked: tuple[Asked, ...]
    errors: int
    warnings: int
    cost: float
    limits: tuple[tuple[str, str], ...]
    version: Any


@dataclass
class _Found:
    """What is said about which step."""

    of_step: dict[int, list[Concern]] = field(default_factory=dict)
    of_plan: list[Concern] = field(default_factory=list)


def review(
    document: Any,
    problems: Iterable[Mapping[str, Any]],
    *,
    catalogue: Catalogue,
    departments: Mapping[str, str],
    policies: Mapping[str, Cited] | None = None,
) -> Review:
    """Make a plan readable.

    Args:
        document: The plan, normalised; any JSON value.
        problems: As stored with a revision: ``{pointer, code, message, hint, severity}``.
        departments: The city's departments, code to name.
        policies: What the plan cites and the city has, by its citation.
    """
    plan = document if isinstance(document, dict) else {}
    raw = plan.get("steps")
    steps = [step if isinstance(step, dict) else {} for step in raw] if isinstance(raw, list) else []
    known = Vocabulary({_text(s, "step_id"): _title(s) for s in steps if _text(s, "step_id")}, departments)
    problems = list(problems)
    found = _sorted(problems, len(steps))
    numbers = {
        step_id: at for at, step in reversed([*enumerate(steps, 1)]) if (step_id := _text(step, "step_id"))
    }
    cards = tuple(
        _card(at, step, catalogue, known, numbers, found.of_step.get(at, ()), policies or {})
        for at, step in enumerate(steps)
    )
    return Review(
        description=_text(plan, "description"),
        due=working_in_words(plan["due"]) if plan.get("due") else "",
        cards=cards,
        concerns=tuple(found.of_plan),
        told=tuple({one.words: one for step in steps for one in _told(step, known)}.values()),
        asked=tuple(_asked(steps, cards, catalogue)),
        errors=sum(problem.get("severity") == "error" for problem in problems),
        warnings=sum(problem.get("severity") == "warning" for problem in problems),
        cost=sum(spec.cost for step in steps if (spec := catalogue.get(_text(step, "activity_id")))),
        limits=tuple(_limits(steps, known)),
        version=plan.get("schema_version"),
    )


def _asked(
    steps: Iterable[Mapping[str, Any]], cards: Iterable[Card], catalogue: Catalogue
) -> Iterable[Asked]:
    for step, card in zip(steps, cards, strict=True):
        approval = _approval(step, catalogue.get(_text(step, "activity_id")))
        if approval is not None:
            yield Asked(card.approval, card.title, approval.four_eyes)


def _limits(steps: Iterable[Mapping[str, Any]], known: Vocabulary) -> Iterable[tuple[str, str]]:
    for step in steps:
        inputs = step.get("inputs")
        if isinstance(inputs, dict) and "cost_limit" in inputs:
            yield _title(step), "".join(piece.text for piece in pieces_of(inputs["cost_limit"], known))


def _sorted(problems: Iterable[Mapping[str, Any]], steps: int) -> _Found:
    found = _Found()
    for problem in problems:
        pointer = str(problem.get("pointer", ""))
        at = STEP_POINTER.match(pointer)
        of_step = at is not None and int(at[1]) < steps
        place = (at[2] or "") if at is not None and of_step else pointer.removeprefix("/")
        concern = Concern(
            severity=str(problem.get("severity", "error")),
            code=str(problem.get("code", "")),
            message=str(problem.get("message", "")),
            hint=str(problem.get("hint", "")),
            place=" › ".join(part.replace("~1", "/").replace("~0", "~") for part in place.split("/") if part),
        )
        if at is not None and of_step:
            found.of_step.setdefault(int(at[1]), []).append(concern)
        else:
            found.of_plan.append(concern)
    return found


def _card(
    at: int,
    step: dict[str, Any],
    catalogue: Catalogue,
    known: Vocabulary,
    numbers: Mapping[str, int],
    concerns: Iterable[Concern],
    cited: Mapping[str, Cited],
) -> Card:
    activity_id = _text(step, "activity_id")
    spec = catalogue.get(activity_id)
    approval = _approval(step, spec)
    inputs = step.get("inputs")
    policies = step.get("policies")
    return Card(
        number=at + 1,
        step_id=_text(step, "step_id"),
        title=_title(step),
        activity=spec.title if spec else activity_id or _("unknown activity"),
        done_by=spec.done_by if spec else "",
        icon=ICONS[spec.done_by] if spec else "help",
        by=str(BY[spec.done_by]) if spec else _("Unknown"),
        who=_who(step, known),
        reason=_text(step, "reason"),
        policies=tuple(cited.get(str(text), Cited(str(text))) for text in policies)
        if isinstance(policies, list)
        else (),
        after=tuple(_links(step.get("needs"), known, numbers)),
        condition=render(step["when"], known.steps) if "when" in step else "",
        approval=_approver(approval) if approval else "",
        approval_by=_group(approval) if approval else "",
        approval_reason=approval.reason if approval else "",
        inputs=input_lines(in_order(inputs, spec), known, spec.inputs.get("properties") if spec else None)
        if isinstance(inputs, dict)
        else (),
        terms=tuple(_terms(step, known, catalogue)),
        concerns=tuple(concerns),
    )


def in_order(inputs: Mapping[str, Any], spec: ActivitySpec | None) -> dict[str, Any]:
    """The inputs as the catalogue lists them: the database keeps an object's members, but not their order."""
    named = spec.inputs.get("properties", {}) if spec else {}
    return {**{name: inputs[name] for name in named if name in inputs}, **inputs}


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def _title(step: Mapping[str, Any]) -> str:
    return _text(step, "title") or _text(step, "step_id") or _("A step without a title")


def _links(needs: Any, known: Vocabulary, numbers: Mapping[str, int]) -> Iterable[Link]:
    for step_id in needs if isinstance(needs, list) else ():
        if isinstance(step_id, str):
            yield Link(numbers.get(step_id, 0), known.steps.get(step_id, step_id))


def _who(step: Mapping[str, Any], known: Vocabulary) -> str:
    """Whose hands it is in: the department or the group that the inputs name, in words."""
    inputs = step.get("inputs")
    for name in ("department", "group", "from"):
        value = inputs.get(name) if isinstance(inputs, dict) else None
        if isinstance(value, str) and value:
            role = _role(value, known)
            return role[:1].upper() + role[1:]
    return _("The reporter") if step.get("activity_id") == "ask_reporter" else ""


def _role(text: str, known: Vocabulary) -> str:
    found = known.department(text)
    if found is None:
        found = "".join(piece.text for piece in pieces_of(text, known))
    return found.removeprefix(PREFIX)


def _told(step: Mapping[str, Any], known: Vocabulary) -> Iterable[Told]:
    inputs = step.get("inputs")
    for name in ("to", "from", "department"):
        value = inputs.get(name) if isinstance(inputs, dict) else None
        for role in value if isinstance(value, list) else [value]:
            if isinstance(role, str) and role:
                yield Told(as_written(role) or role, _role(role, known))
    if step.get("activity_id") == "ask_reporter":
        yield Told(REPORTER, _role(REPORTER, known))


def _approval(step: Mapping[str, Any], spec: ActivitySpec | None) -> Approval | None:
    asked = step.get("requires_approval")
    wish = Approval.from_json(asked) if isinstance(asked, dict) else Approval() if asked is True else None
    try:
        return stronger(wish, spec.approval if spec else None)
    except (TypeError, ValueError):
        return wish  # an unknown group; validation says so


def _approver(approval: Approval) -> str:
    eyes = _(", nobody who wrote or approved the plan") if approval.four_eyes else ""
    due = _(", within %(time)s") % {"time": working_in_words(approval.due)} if approval.due else ""
    return f"{_group(approval)}{eyes}{due}"


def _group(approval: Approval) -> str:
    return str(approval.group or DEFAULT_APPROVAL_GROUP).capitalize()


def _terms(step: Mapping[str, Any], known: Vocabulary, catalogue: Catalogue) -> Iterable[str]:
    """Times, attempts and what happens on failure, where the plan says something of its own."""
    if step.get("due"):
        yield _("Due within %(time)s.") % {"time": working_in_words(step["due"])}
    if step.get("timeout"):
        yield _("Given up after %(time)s.") % {"time": in_words(step["timeout"])}
    retry = step.get("retry")
    if isinstance(retry, dict):
        yield _flat(_("Tried again"), retry, known)
    on_failure = step.get("on_failure")
    if isinstance(on_failure, str) and on_failure != "fail":
        yield str(ON_FAILURE.get(on_failure) or _("If it fails: %(what)s.") % {"what": on_failure})
    elif isinstance(on_failure, dict):
        yield _escalation(on_failure, known)
    if isinstance(step.get("overdue"), dict):
        yield _late(step["overdue"], known)
    if isinstance(step.get("compensate"), dict):
        yield _undoing(step["compensate"], known, catalogue)


def _escalation(on_failure: Mapping[str, Any], known: Vocabulary) -> str:
    if set(on_failure) != {"escalate"} or not isinstance(on_failure["escalate"], str):
        return _flat(_("If it fails"), on_failure, known)
    return _("If it fails, the group %(group)s is asked what to do.") % {"group": on_failure["escalate"]}


def _late(overdue: Mapping[str, Any], known: Vocabulary) -> str:
    """What happens when nobody answers in time; what isn't a sentence of ours is listed as it is."""
    sentences = []
    if isinstance(overdue.get("remind"), str):
        time = working_in_words(overdue["remind"])
        sentences.append(_("When late, they are reminded every %(time)s.") % {"time": time})
    if isinstance(overdue.get("escalate_to"), str) and overdue["escalate_to"]:
        sentences.append(_("When late, the group %(group)s gets it too.") % {"group": overdue["escalate_to"]})
    rest = {name: value for name, value in overdue.items() if name not in {"remind", "escalate_to"}}
    if rest or not sentences:
        sentences.append(_flat(_("When late"), rest, known))
    return " ".join(sentences)


def _undoing(compensate: Mapping[str, Any], known: Vocabulary, catalogue: Catalogue) -> str:
    activity_id = _text(compensate, "activity_id")
    spec = catalogue.get(activity_id)
    inputs = compensate.get("inputs")
    given = "; ".join(map(_words, input_lines(inputs, known))) if isinstance(inputs, dict) else ""
    words = _("If the run stops later, it is undone by “%(activity)s”") % {
        "activity": spec.title if spec else activity_id
    }
    return f"{words} ({given})." if given else f"{words}."


def _flat(label: str, value: Mapping[str, Any], known: Vocabulary) -> str:
    said = (_words(line_of(label_of(str(k)), time_in_words(str(k), v), known)) for k, v in value.items())
    return f"{label}: {', '.join(said)}."


def _words(line: Line) -> str:
    inner = "".join(piece.text for piece in line.pieces) or ", ".join(map(_words, line.lines))
    return f"{line.label} {inner}".strip()


__all__ = ["Card", "Concern", "Line", "Link", "Piece", "Review", "review"]

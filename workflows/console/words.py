"""The parts of a plan in words, for the people who have to answer for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.departments import PREFIX
from workflows.plan.references import BadReference, Reference, parse
from workflows.plan.wording import describe, time_in_words

ANSWERS = {
    "yes_no": gettext_lazy("yes or no"),
    "choice": gettext_lazy("one of"),
    "number": gettext_lazy("a number"),
    "text": gettext_lazy("in words"),
    "photos": gettext_lazy("photos"),
}


@dataclass(frozen=True)
class Piece:
    """A stretch of text; ``kind`` is "" for what is written, ``reference`` for what is filled in at run time,
    ``broken`` for braces that are no reference."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Line:
    """A named value: text in ``pieces``, or further ``lines`` inside it."""

    label: str
    pieces: tuple[Piece, ...] = ()
    lines: tuple["Line", ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """What names are known by.

    Attributes:
        steps: Step titles by id.
        departments: Names of the city's departments by code.
    """

    steps: Mapping[str, str]
    departments: Mapping[str, str]

    def department(self, text: str) -> str | None:
        """The name of the department that ``water`` or ``department:water`` is, or None."""
        return self.departments.get(text.removeprefix(PREFIX))


def input_lines(
    inputs: Mapping[str, Any], known: Vocabulary, schemas: Mapping[str, Any] | None = None
) -> tuple[Line, ...]:
    """The inputs of a step, each as a line; whatever its shape, it is shown.

    Args:
        schemas: What the activity says of its inputs, by their names.
    """
    return tuple(_input_line(name, value, known, (schemas or {}).get(name)) for name, value in inputs.items())


def _input_line(name: str, value: Any, known: Vocabulary, schema: Any) -> Line:
    if isinstance(value, str) and isinstance(schema, dict) and value in schema.get("enum", ()):
        return Line(label_of(name), (Piece(value.replace("_", " ").lower()),))
    if name == "questions" and isinstance(value, dict):
        return Line(_("questions"), lines=tuple(_question(key, asked, known) for key, asked in value.items()))
    if isinstance(value, str) and (name == "department" or value.startswith(PREFIX)):
        found = known.department(value)
        if found is not None:
            return Line(label_of(name), (Piece(found),))
    return line_of(label_of(name), time_in_words(name, value), known)


def _question(name: str, asked: Any, known: Vocabulary) -> Line:
    if not (isinstance(asked, dict) and isinstance(asked.get("ask"), str)):
        return line_of(label_of(name), asked, known)
    kind, options = asked.get("type"), asked.get("options")
    answer = str(ANSWERS.get(kind, kind)) if isinstance(kind, str) else "?"
    if isinstance(options, list):
        answer += ": " + ", ".join(str(option) for option in options)
    return Line("", (Piece(f"{asked['ask']} ({answer})"),))


def line_of(label: str, value: Any, known: Vocabulary) -> Line:
    """Any JSON value as a line."""
    if isinstance(value, dict) and value:
        lines = (line_of(label_of(str(k)), time_in_words(str(k), v), known) for k, v in value.items())
        return Line(label, lines=tuple(lines))
    if isinstance(value, list) and value:
        return Line(label, lines=tuple(line_of("", item, known) for item in value))
    return Line(label, pieces_of(value, known))


def pieces_of(value: Any, known: Vocabulary) -> tuple[Piece, ...]:
    """A value without parts, with what will be filled in named in words."""
    if not isinstance(value, str):
        return (Piece(plain_words(value)),)
    try:
        parts = parse(value)
    except BadReference:
        return (Piece(value, "broken"),)
    return tuple(
        Piece(describe(part, known.steps), "reference") if isinstance(part, Reference) else Piece(part)
        for part in parts
    )


def plain_words(value: Any) -> str:
    """A scalar, or an empty list or object, in words."""
    if value is None:
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("none") if value in ([], {}) else str(value)


def label_of(name: str) -> str:
    return name.replace("_", " ")

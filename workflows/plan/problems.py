"""What is wrong with a plan, told so that a person, a form and a model can each act on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from mudda.errors import Unprocessable


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        pointer: RFC 6901 pointer into the document; for something missing, where it should be.
        code: Stable name, listed in the specification.
        message: What is wrong, one sentence, fit to be shown.
        hint: What to do about it, or "".
        severity: An error keeps the plan from being approved, a warning doesn't.
    """

    pointer: str
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def as_dict(self) -> dict[str, str]:
        """``{pointer, code, message, hint, severity}``."""
        return asdict(self)


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of them is an error."""
    return any(problem.severity == "error" for problem in problems)


class PlanHasProblems(Unprocessable):
    """A plan that was to be approved or compiled has errors.

    Attributes:
        problems: All of them, warnings included.
    """

    code = "plan_has_problems"
    title = "The plan has errors."

    def __init__(self, problems: Sequence[Problem]) -> None:
        found = [problem for problem in problems if problem.severity == "error"]
        first = f", the first is {found[0].code} at {found[0].pointer!r}" if found else ""
        super().__init__(
            f"The plan has {len(found)} error(s){first}.", errors=[problem.as_dict() for problem in problems]
        )
        self.problems = tuple(problems)

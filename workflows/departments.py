"""The departments that a plan names, checked against those that the city has."""

from collections.abc import Iterator
from typing import Any

from workflows.plan.validation import Problem

PREFIX = "department:"


def names_departments(document: Any) -> bool:
    """Whether a document names any department."""
    return next(_named(document), None) is not None


def unknown_departments(document: Any, known: frozenset[str]) -> list[Problem]:
    """A ``bad_value`` problem for each department in a step's inputs that the city doesn't have."""
    return [
        Problem(
            pointer,
            "bad_value",
            f"There is no department {code!r}.",
            hint=f"Known: {', '.join(sorted(known))}." if known else "Add it in the admin first.",
        )
        for pointer, code in _named(document)
        if code not in known
    ]


def _named(document: Any) -> Iterator[tuple[str, str]]:
    """Pointers and codes of the departments written out in a document; whatever is misshapen has none."""
    steps = document.get("steps") if isinstance(document, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        inputs = step.get("inputs") if isinstance(step, dict) else None
        for name, value in inputs.items() if isinstance(inputs, dict) else ():
            for pointer, text in _texts(f"/steps/{index}/inputs/{name}", value):
                if (
                    name == "department"
                    and "{{" not in text
                    or name in {"to", "from"}
                    and text.startswith(PREFIX)
                ):
                    yield pointer, text.removeprefix(PREFIX)


def _texts(pointer: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield f"{pointer}/{index}", item

"""Every kind of error that there is, found where it is defined: one that is new is tested without being named."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mudda.drf import Input
from mudda.errors import MuddaError

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mudda", "issues", "workflows", "executions")
FAMILIES = {
    "MuddaError",
    "Conflict",
    "Unprocessable",
    "Unavailable",
    "AdapterError",
    "PlannerError",
    "PlannerUnavailable",
    "PlannerAnswerBad",
    "PolicyFileRefused",
    "RevisionFailed",
    "StepFailed",
}
"""What other kinds are of, or what gets its code where it is raised: no code of their own is ever told."""

GIVE_CODES = {
    "AdapterError",
    "StepFailed",
    "Failure",
    "PlannerUnavailable",
    "PlannerAnswerBad",
    "RevisionFailed",
}
"""What is called with a code where something fails in a step or in a planner."""
CONSTANTS = {"executions.deadlines": "OVERDUE", "executions.temporal.recording": "TIMED_OUT"}
SNAKE = re.compile(r"[a-z]+(_[a-z]+)+|[a-z]{3,}")


def every_kind() -> list[type[MuddaError]]:
    """Every class of errors of the rooms with a code of its own, by its code."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not re.search(r"\.(migrations|management)\.|\.(wsgi|asgi|__main__)$", module.name):
                importlib.import_module(module.name)
    ours = [kind for kind in _below(MuddaError) if kind.__module__.partition(".")[0] in ROOMS]
    return sorted((kind for kind in set(ours) if kind.__name__ not in FAMILIES), key=by_name)


def by_name(kind: type[MuddaError]) -> tuple[str, str]:
    return kind.code, kind.__name__


def _below(kind: type[MuddaError]) -> Iterator[type[MuddaError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the rooms, read."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            if not {"migrations", "devstack"} & set(file.parts):
                yield file, ast.parse(file.read_text())


def given_codes() -> set[str]:
    """The codes that failures of steps and planners are given where they happen."""
    found = {getattr(importlib.import_module(module), name) for module, name in CONSTANTS.items()}
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _gives_code(node, file):
                found |= set(_codes_in([*node.args, *(given.value for given in node.keywords)]))
            elif isinstance(node, ast.IfExp) and "adapters" in file.parts:
                found |= set(_codes_in([node.body, node.orelse]))
    return found


def _gives_code(call: ast.Call, file: Path) -> bool:
    name = getattr(call.func, "id", "")
    return name in GIVE_CODES or ("adapters" in file.parts and name in {"_refused", "_error"})


def _codes_in(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and SNAKE.fullmatch(value):
            yield value


def raised_families() -> list[str]:
    """Where a family is raised by itself."""
    found = []
    for file, tree in sources():
        for node in ast.walk(tree):
            raised = node.exc if isinstance(node, ast.Raise) else None
            name = raised.func if isinstance(raised, ast.Call) else raised
            if getattr(name, "id", "") in FAMILIES - GIVE_CODES:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    return found


# --- codes of fields --------------------------------------------------------------------------------

NAME_FIELDS = {"JsonProblem", "parameter_error", "_error", "_problem", "ErrorDetail", "ValidationError"}
NAME_FIELDS |= {"WebhookAddressRefused"}
"""What is called with the code of a field, or makes an entry of ``errors``."""
OF_OTHERS = {"plan", "policies", "checks", "planning", "adapters"}
"""Where problems of plans are found, which ``docs/plan-language.md`` lists, and failures of steps."""


def field_codes() -> set[str]:
    """Every code that an entry of ``errors`` may have, but for problems of plans."""
    found = {code for serializer in _serializers() for code in _codes_of(serializer())}
    for file, tree in sources():
        if OF_OTHERS & set(file.parts) and file.name not in {"views.py", "services.py"}:
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) in NAME_FIELDS
            ):
                found |= set(
                    _codes_in([*node.args[:2], *(one.value for one in node.keywords if one.arg == "code")])
                )
            if isinstance(node, ast.Dict):
                given = {
                    getattr(key, "value", ""): value
                    for key, value in zip(node.keys, node.values, strict=True)
                }
                found |= set(_codes_in([given["code"]])) if {"pointer", "code"} <= set(given) else set()
    return found - _names_of_fields()


def _serializers() -> Iterator[type[Input]]:
    every_kind()  # which imports them all
    yield from _below_all(Input)


def _below_all(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below_all(one)


def _codes_of(field: Any) -> Iterator[str]:
    yield from field.error_messages
    yield from (code for check in getattr(field, "validators", ()) if (code := getattr(check, "code", None)))
    for below in (*getattr(field, "fields", {}).values(), getattr(field, "child", None)):
        if below is not None:
            yield from _codes_of(below)


def _names_of_fields() -> set[str]:
    """Names stand where codes do in some calls."""
    return {name for serializer in _serializers() for name in serializer().fields}

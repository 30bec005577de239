"""How the demo lays out requests, answers and plans on a terminal."""

import json
import re
import shutil
import textwrap
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

INDENT = "    "
NO_BREAK = "\x00"  # no text of a plan or a mail has it
REFERENCE = re.compile(r"\{\{.*?\}\}")


def heading(title: str) -> None:
    """A new part of the story."""
    print(f"\n--- {title} {'-' * max(3, _width() - len(title) - 6)}", flush=True)


def request(method: str, path: str, body: Mapping[str, Any]) -> None:
    """A request with its JSON body."""
    print(f"{method} {path}")
    print(textwrap.indent(_json(body), INDENT), flush=True)


def answer(status: int, body: Mapping[str, Any], *, seconds: float | None = None) -> None:
    """An answer with its JSON body; a plan in it is left to :func:`plan`."""
    took = f"   ({seconds:.2f} s)" if seconds is not None else ""
    print(f"{status} {HTTPStatus(status).phrase}{took}")
    shown = dict(body)
    if isinstance(shown.get("workflow_plan"), dict):
        steps = shown["workflow_plan"].get("steps", [])
        shown["workflow_plan"] = f"... {len(steps)} steps, laid out below ..."
    print(textwrap.indent(_json(shown), INDENT), flush=True)


def plan(document: Mapping[str, Any]) -> None:
    """A plan, every step with its reason, needs and inputs."""
    print(f"\nThe plan: {document['workflow_name']}")
    text(document.get("description", ""))
    for number, step in enumerate(document["steps"], 1):
        print(f"{number:3}. {step['title']}")
        line = f"{step['step_id']}: {step['activity_id']}"
        line += f", after {', '.join(step['needs'])}" if step.get("needs") else ", at once"
        _wrapped(line, "     ")
        for name in sorted(step.keys() - {"step_id", "activity_id", "title", "needs", "inputs"}):
            _wrapped(f"{name}: {_inline(step[name])}", "     ")
        for name, value in step.get("inputs", {}).items():
            _input(name, value)
    print(flush=True)


def text(content: str) -> None:
    """Running text, indented, its own lines kept."""
    for line in content.strip().splitlines():
        _wrapped(line.rstrip(), INDENT, hang="")


def _input(name: str, value: object) -> None:
    if isinstance(value, list):
        _wrapped(f"{name} =", "       ")
        for item in value:
            _wrapped(f"- {_inline(item)}", "         ")
    else:
        _wrapped(f"{name} = {_inline(value)}", "       ")


def _wrapped(line: str, indent: str, *, hang: str = "  ") -> None:
    whole = REFERENCE.sub(lambda found: found[0].replace(" ", NO_BREAK), line)
    lines = textwrap.wrap(whole, _width(), initial_indent=indent, subsequent_indent=indent + hang)
    print("\n".join(lines).replace(NO_BREAK, " "))


def _inline(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 110)

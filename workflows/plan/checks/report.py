"""Collecting problems while a document is looked at, and putting them in the document's order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from mudda.strictjson import printable
from workflows.plan.problems import Problem

_AFTER_ALL = 1_000_000_000


class Report:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, pointer: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(pointer, code, printable(message), printable(hint)))

    def warn(self, pointer: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(pointer, code, printable(message), printable(hint), "warning"))

    def in_order_of(self, document: object) -> list[Problem]:
        """All problems by where they are in the document; what is missing comes after what is there."""
        places = _Places(document)
        return sorted(dict.fromkeys(self.problems), key=lambda problem: places.of(problem.pointer))


class _Places:
    """Where pointers lie in a document: the way down as the position among the siblings at each level."""

    def __init__(self, document: object) -> None:
        self._document = document
        self._positions: dict[int, dict[str, int]] = {}

    def of(self, pointer: str) -> tuple[int, ...]:
        place: list[int] = []
        here: Any = self._document
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict):
                place.append(self._position(here, key))
                here = here.get(key)
            elif isinstance(here, list) and key.isdigit() and int(key) < len(here):
                place.append(int(key))
                here = here[int(key)]
            else:
                place.append(_AFTER_ALL)
                here = None
        return tuple(place)

    def _position(self, here: dict[str, Any], key: str) -> int:
        positions = self._positions.get(id(here))
        if positions is None:
            positions = self._positions[id(here)] = {name: i for i, name in enumerate(here)}
        return positions.get(key, _AFTER_ALL)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known name, or all of them when there are few, or ""."""
    names = sorted(known)
    near = difflib.get_close_matches(given[:80], names, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known: {', '.join(names)}." if 0 < len(names) <= 20 else ""

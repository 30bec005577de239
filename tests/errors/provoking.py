"""Where each kind of error says how it is provoked. A provocation is given a ``Scene`` and provokes for real.

Through the API it returns the answer; what never comes from there, it raises as it comes: from a command, the worker,
the dispatcher, the page of a signed link.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mudda.errors import MuddaError


@dataclass(frozen=True)
class Provocation:
    """``pointers`` are those that the answer's ``errors`` have to have; ``committed``: outside any transaction."""

    kind: type[MuddaError]
    provoke: Callable[["Scene"], Any]
    pointers: tuple[str, ...]
    committed: bool


PROVOCATIONS: list[Provocation] = []


def provokes(
    kind: type[MuddaError], *pointers: str, committed: bool = False
) -> Callable[[Callable[["Scene"], Any]], Callable[["Scene"], Any]]:
    """Say that a function provokes ``kind``."""

    def register(provoke: Callable[["Scene"], Any]) -> Callable[["Scene"], Any]:
        PROVOCATIONS.append(Provocation(kind, provoke, pointers, committed))
        return provoke

    return register


class Scene:
    """Any fixture, set up when it is asked for: ``scene.api``, ``scene.draft``, ``scene.wait_for("ask_reporter")``."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def needs(self, *names: str) -> None:
        """Set fixtures up for what they do."""
        for name in names:
            self._request.getfixturevalue(name)

    def __getattr__(self, name: str) -> Any:
        return self._request.getfixturevalue(name)

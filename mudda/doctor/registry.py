"""Checks and the faults that they find: rooms register both, by names that scripts and runbooks may rely on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """``left_out``: not looked at, because it isn't set up or because something before it has failed."""

    FINE = "fine"
    LEFT_OUT = "left_out"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was seen.

    Attributes:
        code: of the fault, snake_case and stable; empty where nothing is wrong.
        says: what was seen, a sentence for the operator.
        do: what to do; empty where nothing has to be done.
        facts: the same as values of JSON, for machines.
    """

    level: Level
    says: str
    code: str = ""
    do: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Something that can be wrong: how bad it is, and what to do then."""

    code: str
    level: Level
    do: str

    def found(self, says: str, **facts: Any) -> Finding:
        """It is so, as ``says`` and ``facts`` show."""
        return Finding(self.level, says, self.code, self.do, facts)


Look = Callable[[], Iterable[Finding]]
"""Looks at one thing. What it has found before it fails or hangs is told."""


@dataclass(frozen=True)
class Check:
    """``seconds``: how long it may take before it counts as hanging."""

    name: str
    words: str
    look: Look
    seconds: float


_checks: dict[str, Check] = {}
_faults: dict[str, Fault] = {}


def register(name: str, look: Look, *, words: str, seconds: float = 15.0) -> None:
    """Have ``look`` carried out by the doctor, on a thread of its own.

    Raises:
        ValueError: there is a check of this name: a defect of the caller.
    """
    if name in _checks:
        raise ValueError(f"two checks are called {name}")
    _checks[name] = Check(name, words, look, seconds)


def checks() -> dict[str, Check]:
    """What is registered, by name, in the order in which the rooms were."""
    return dict(_checks)


def error(code: str, do: str) -> Fault:
    """Register a fault by which something doesn't work."""
    return _registered(Fault(code, Level.ERROR, do))


def warning(code: str, do: str) -> Fault:
    """Register a fault by which something will not work before long, or isn't as safe as it should be."""
    return _registered(Fault(code, Level.WARNING, do))


def faults() -> dict[str, Fault]:
    """Every fault that can be found, by its code."""
    return dict(_faults)


def fine(says: str, **facts: Any) -> Finding:
    """Nothing is wrong with it."""
    return Finding(Level.FINE, says, facts=facts)


def left_out(says: str) -> Finding:
    """It was not looked at, and why."""
    return Finding(Level.LEFT_OUT, says)


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _registered(fault: Fault) -> Fault:
    if fault.code in _faults:
        raise ValueError(f"two faults are called {fault.code}")
    return _faults.setdefault(fault.code, fault)

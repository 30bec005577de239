"""The city's departments and categories as they ship, read from the files beside the issues room.

At run time the database is the authority (a city edits its lists in the admin): callers that have one pass
what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class Department:
    code: str
    name: str
    email: str
    active: bool


@dataclass(frozen=True)
class Category:
    """``target`` is working time, such as ``P5D``."""

    code: str
    name: str
    department: str
    target: str


@cache
def shipped_departments() -> tuple[Department, ...]:
    return tuple(Department(**row) for row in _rows("departments.yaml"))


@cache
def shipped_categories() -> tuple[Category, ...]:
    return tuple(Category(**row) for row in _rows("categories.yaml"))


def _rows(name: str) -> list[dict[str, Any]]:
    text = resources.files("issues").joinpath("data", name).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)
    return rows

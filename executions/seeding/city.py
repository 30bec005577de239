"""The invented city: its streets on a grid, its staff, and the citizens who report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from django.contrib.auth.models import Group, User

from executions.seeding.words import FIRST_NAMES, KINDS, LAST_NAMES, STREETS
from issues.models import Category, Department
from issues.nearness import METRES_A_DEGREE

MIDDLE = (40.0, -75.0)
"""Degrees. Where nobody lives under these names."""
BLOCK = 260.0
"""Metres between streets, which run east and west, or north and south."""
STEP = 9.0
"""Metres between house numbers."""
HOUSES = 180
WORKERS = ("dispatcher", "planner", "approver", "supervisor")


@dataclass(frozen=True)
class Place:
    """An address, its street in the form to compare, and where it is in degrees."""

    address: str
    street: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Kind:
    """A category and whose it is; the city's busiest departments have more of them."""

    code: str
    pk: int
    department: int
    department_code: str
    target: str


def place(chance: Random) -> Place:
    """Somewhere in the city."""
    number = chance.randrange(len(STREETS) * len(KINDS))
    name, kind = STREETS[number % len(STREETS)], KINDS[number // len(STREETS)]
    house = chance.randint(1, HOUSES)
    across = (number // 2 - len(STREETS) * len(KINDS) / 4) * BLOCK / 6
    along = (house - HOUSES / 2) * STEP + (number % 7 - 3) * BLOCK
    north, east = (across, along) if number % 2 else (along, across)
    latitude = MIDDLE[0] + north / METRES_A_DEGREE
    longitude = MIDDLE[1] + east / (METRES_A_DEGREE * math.cos(math.radians(MIDDLE[0])))
    words = f"{name} {kind}"
    return Place(f"{house} {words}", words.casefold(), round(latitude, 6), round(longitude, 6))


def reporter(chance: Random) -> tuple[str, str, str]:
    """Name, e-mail address and telephone number; the same person comes again and again. Some give one of the two."""
    who = Random(chance.randrange(40_000))  # noqa: S311
    name = f"{who.choice(FIRST_NAMES)} {who.choice(LAST_NAMES)}"
    mailbox = f"{name.lower().replace(' ', '.')}{who.randrange(1000)}@example.org"
    phone = f"+1 555 01{who.randrange(100):02d} {who.randrange(100):02d}"
    given = who.random()
    return name, mailbox if given < 0.85 else "", phone if given > 0.6 else ""


def kinds() -> list[Kind]:
    """The city's categories."""
    rows = Category.objects.filter(active=True).select_related("department").order_by("code")
    return [Kind(row.code, row.pk, row.department_id, row.department.code, row.target) for row in rows]


def staff() -> dict[str, list[int]]:
    """The keys of a few people for each department, by its code; who isn't there yet is made. Nobody can sign in as
    one of them: they have no password."""
    groups = {group.name: group for group in Group.objects.filter(name__in=WORKERS)}
    found = {}
    for number, department in enumerate(Department.objects.order_by("code")):
        members = [
            _member(number * len(WORKERS) + at, name, department, groups) for at, name in enumerate(WORKERS)
        ]
        found[department.code] = [user.pk for user in members]
    return found


def _member(number: int, group: str, department: Department, groups: dict[str, Group]) -> User:
    first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number % len(LAST_NAMES)]
    username = f"{first[0]}.{last.replace(' ', '')}.{department.code}".lower()
    user, made = User.objects.get_or_create(
        username=username,
        defaults={"first_name": first, "last_name": last, "is_staff": True, "password": "!"},
    )
    if made:
        department.staff.add(user)
        if group in groups:
            user.groups.add(groups[group])
    return user


def some(chance: Random, choices: Sequence[str]) -> str:
    return choices[int(chance.random() * len(choices))]

"""A site whose Temporal counts its billable actions."""

import os
import shutil
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from mudda.devstack.surroundings import free_port
from mudda.devstack.temporal import Temporal
from tests.faults.city import City
from tests.faults.mail import PostOffice

STABLE = 2.0
"""Seconds without a change after which the server's count is whole: it lags by half a second and more."""


class Meter:
    """What the server bills: ``action_type`` to how many."""

    def __init__(self, server: Temporal) -> None:
        self._server = server

    def read(self) -> Counter[str]:
        seen, since = self._server.actions(), time.monotonic()
        while time.monotonic() - since < STABLE:
            time.sleep(0.2)
            if (now := self._server.actions()) != seen:
                seen, since = now, time.monotonic()
        return seen

    @contextmanager
    def bill(self):
        """A counter that has, afterwards, what was billed meanwhile."""
        billed, before = Counter(), self.read()
        yield billed
        billed.update(self.read() - before)


@pytest.fixture(scope="package")
def city():
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-cost-"))
    office = PostOffice()
    office.start()
    city = City(home, office)
    city.site.temporal = Temporal(home / "logs", durable=False, stack=home, metrics_port=free_port())
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def meter(city) -> Meter:
    return Meter(city.site.temporal)

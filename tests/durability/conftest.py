"""One site with odd activities, whose Temporal asks for continue-as-new early."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from mudda.devstack.temporal import Temporal
from tests.durability.outside import Outside
from tests.faults.city import City
from tests.faults.mail import PostOffice

EVENTS = 100
"""The length of a history from which on Temporal suggests to continue as new."""


@pytest.fixture(scope="package")
def outside():
    outside = Outside()
    yield outside
    outside.stop()


@pytest.fixture(scope="package")
def one_city(outside):
    office = PostOffice()
    office.start()
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-durable-"))
    city = City(
        home, office, CITY_APPS="tests.durability.oddities.apps.OdditiesConfig", OUTSIDE_URL=outside.url
    )
    dynamic = {"limit.historyCount.suggestContinueAsNew": str(EVENTS)}
    city.site.temporal = Temporal(home / "logs", stack=home, dynamic=dynamic)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def city(one_city) -> City:
    """The site, whole, with an empty mail server."""
    one_city.mend()
    return one_city

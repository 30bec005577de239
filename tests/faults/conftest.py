"""One site for all of these tests: whatever a test broke is started again before the next."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.city import City
from tests.faults.mail import PostOffice


@pytest.fixture(scope="package")
def office():
    office = PostOffice()
    office.start()
    yield office
    office.stop()


@pytest.fixture(scope="package")
def one_city(office):
    # The name is one that a later session sweeps away if this one is killed.
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-city-"))
    city = City(home, office)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def city(one_city) -> City:
    """The site, whole, with an empty mail server."""
    one_city.mend()
    return one_city

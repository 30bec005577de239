"""One site whose payloads are encrypted; its keys are others after ``give_keys``."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.encryption.keys import ONE
from tests.faults.city import City
from tests.faults.mail import PostOffice


@pytest.fixture(scope="package")
def one_city():
    office = PostOffice()
    office.start()
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-encrypted-"))
    city = City(home, office, TEMPORAL_PAYLOAD_KEYS=ONE)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def city(one_city) -> City:
    """The site, whole, with an empty mail server and the first key."""
    one_city.mend()
    if one_city.site.worker.environment["TEMPORAL_PAYLOAD_KEYS"] != ONE:
        give_keys(one_city, ONE)
    return one_city


def give_keys(city: City, keys: str) -> None:
    """Start the web server and the worker anew with other keys, as a roll-out does."""
    for child in (city.site.web, city.site.worker):
        child.stop()
        child.environment["TEMPORAL_PAYLOAD_KEYS"] = keys
        child.start()
    city.site.wait()

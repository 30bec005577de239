"""One watched site for all of these tests: whatever a test broke is started again before the next."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.conftest import office  # noqa: F401 - a fixture
from tests.monitoring.watched import Receiver, Watched


@pytest.fixture(scope="package")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="package")
def one_watched(office, receiver):  # noqa: F811
    # The name is one that a later session sweeps away if this one is killed.
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-watched-"))
    watched = Watched(home, office, receiver)
    try:
        watched.start()
        yield watched
    finally:
        watched.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def watched(one_watched) -> Watched:
    one_watched.mend()
    return one_watched

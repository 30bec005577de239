"""What the tests of safety share: the activities that are offered."""

import pytest

from workflows.plan.catalogue import offered


@pytest.fixture(scope="session")
def offered_activities():
    return offered()

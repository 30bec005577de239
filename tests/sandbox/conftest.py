"""Two sandboxes and what is real, all of one owner. Imported before Django is set up, so the fixtures import."""

import pytest


@pytest.fixture
def owner(db):
    """Somebody whom nothing but the key keeps from anything."""
    from tests import factories

    factories.load_city()
    return factories.make_user(is_superuser=True)


@pytest.fixture
def real(owner):
    from tests.sandbox.worlds import make_world

    return make_world(owner)


@pytest.fixture
def sandbox(owner):
    from tests.sandbox.worlds import make_world

    return make_world(owner, "new")


@pytest.fixture
def other(owner):
    """Another sandbox."""
    from tests.sandbox.worlds import make_world

    return make_world(owner, "new")

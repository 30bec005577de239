"""Imported before Django is set up, so the fixtures import what they need themselves."""

import pytest


@pytest.fixture
def anna(db):
    """A member of staff who signs in with PASSWORD."""
    from tests.security.signing import make_person

    return make_person("anna")

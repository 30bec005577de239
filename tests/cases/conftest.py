"""Imported before Django is set up, so the fixtures import what they need themselves."""

from datetime import timedelta

import pytest


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def staff(city):
    """A supervisor of the water department."""
    from tests import factories

    return factories.make_user("supervisor", departments=("water",))


@pytest.fixture
def outsider(city):
    """A supervisor of the parks."""
    from tests import factories

    return factories.make_user("supervisor", departments=("parks",))


@pytest.fixture
def chief(city):
    """A supervisor who sees the whole city."""
    from tests import factories

    return factories.make_user("supervisor")


@pytest.fixture
def report(city):
    """Record an issue: ``report("Water leak", address="123 Main St", hours_ago=2, status="CLOSED")``."""
    from django.utils import timezone

    from issues.models import Category, Issue
    from issues.services import report_issue

    def make(statement="Water leak", *, category="water_leak", hours_ago=0.0, status="OPEN", **fields):
        known = Category.objects.get(code=category) if category else None
        issue = report_issue(statement=statement, category=known, **fields)
        at = timezone.now() - timedelta(hours=hours_ago)
        Issue.objects.filter(pk=issue.pk).update(reported_at=at, status=status)
        issue.refresh_from_db()
        return issue

    return make

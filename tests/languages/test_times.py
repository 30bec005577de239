"""Times are the city's for everybody, and lists say them as pages do."""

from datetime import UTC, datetime

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from issues.models import Issue
from mudda.models import ApiKey
from tests import factories

AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture
def amsterdam():
    """As with TIME_ZONE=Europe/Amsterdam."""
    with override_settings(TIME_ZONE="Europe/Amsterdam"):
        timezone.get_default_timezone.cache_clear()
        yield
    timezone.get_default_timezone.cache_clear()


@pytest.fixture
def boss(db, client):
    from django.contrib.auth.models import User

    factories.load_city()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_an_issue_s_page_has_the_city_s_time(boss, amsterdam):
    issue = factories.make_plan().issue
    Issue.objects.filter(pk=issue.pk).update(reported_at=AT)
    shown = boss.get(reverse("admin:issues_issue_change", args=[issue.pk])).content.decode()
    assert "2 Jul 2026, 00:30" in shown


def test_a_list_has_the_city_s_time_and_says_it_as_pages_do(boss, amsterdam):
    factories.make_key()
    ApiKey.objects.update(created_at=AT)
    shown = boss.get(reverse("admin:mudda_apikey_changelist")).content.decode()
    assert "2 Jul 2026, 00:30" in shown
    assert "p.m." not in shown

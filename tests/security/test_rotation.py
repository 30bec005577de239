"""SECRET_KEY is replaced while replicas with the old and the new settings answer side by side."""

import string
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from mudda.models import WebhookSubscription
from mudda.webhooks.sending import secrets_of
from mudda.webhooks.services import create_subscription, rotate_secret
from tests.security.signing import PASSWORD, make_person, sign_in

OLD, NEW = string.ascii_letters + "old", string.ascii_letters + "new"
STEPS = [(OLD, []), (OLD, [NEW]), (NEW, [OLD]), (NEW, [])]
"""As docs/security.md has it: make the new key known everywhere, use it, give up the old one."""
ADDRESS = "https://93.184.215.14/hook"  # nothing is sent


@pytest.fixture
def at(settings):
    """``at(step)``: from now on this is a replica with the settings of that step."""

    def at(step):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = step

    return at


def is_in(browser):
    return browser.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize("begun", [0, 1, 2])
def test_who_is_signed_in_stays_so_at_every_replica_of_a_step_and_the_next(anna, at, begun):
    at(STEPS[begun])
    browser = sign_in("anna", PASSWORD).client
    for before, after in zip(STEPS[begun:], STEPS[begun + 1 :], strict=False):
        for step in (before, after, before, after):
            at(step)
            assert is_in(browser), step


def test_without_the_old_key_its_sessions_end(anna, at):
    at(STEPS[0])
    browser = sign_in("anna", PASSWORD).client
    at(STEPS[3])
    assert not is_in(browser)


def test_what_a_webhook_is_signed_with_is_read_throughout_and_sealed_anew(db, at):
    owner = make_person("owner", is_superuser=True)
    known = {}
    for step in STEPS[:3]:
        at(step)
        row, secret = create_subscription(url=ADDRESS, types=["plan.*"], filters={}, by=owner, auth=None)
        row, newer = rotate_secret(subscription_id=row.pk, overlap_hours=24, by=owner, auth=None)
        known[row.pk] = [newer, secret]
    at(STEPS[2])
    assert {row.pk: secrets_of(row) for row in WebhookSubscription.objects.all()} == known
    assert resealed() == "sealed anew: 4, under this key already: 2"
    assert resealed() == "sealed anew: 0, under this key already: 6"
    at(STEPS[3])
    assert {row.pk: secrets_of(row) for row in WebhookSubscription.objects.all()} == known


def resealed():
    written = StringIO()
    call_command("reseal_secrets", stdout=written, stderr=written)
    return written.getvalue().strip()


def test_what_cannot_be_read_any_more_is_named_and_the_rest_is_sealed_anew(db, at):
    owner = make_person("owner", is_superuser=True)
    at(("another" * 10, []))
    lost, _ = create_subscription(url=ADDRESS, types=["plan.*"], filters={}, by=owner, auth=None)
    at(STEPS[1])
    kept, secret = create_subscription(url=ADDRESS, types=["plan.*"], filters={}, by=owner, auth=None)
    at(STEPS[2])
    with pytest.raises(CommandError, match=r"^1 cannot be read"):
        resealed()
    at(STEPS[3])
    kept.refresh_from_db()
    assert secrets_of(kept) == [secret]

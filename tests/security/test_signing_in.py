"""Signing in to the admin: how often somebody may fail, what they learn meanwhile, and what is written down."""

import logging
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from prometheus_client import REGISTRY

from mudda import ratelimits, signing_in
from mudda.models import CallCount, SignIn, SignInOutcome
from tests.security.signing import PASSWORD, make_person, sign_in, sign_in_at


@pytest.fixture(autouse=True)
def limits(settings):
    settings.LOGIN_FAILURES_NAME, settings.LOGIN_FAILURES_ADDRESS = 3, 5
    # A fast one: it isn't what is tried here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def counted():
    """What the metric says of each outcome."""
    names = SignInOutcome.__members__.values()
    return Counter(
        {name: int(REGISTRY.get_sample_value("mudda_sign_ins_total", {"outcome": name})) for name in names}
    )


def outcomes():
    return list(SignIn.objects.values_list("outcome", flat=True))


def fail(user_name, times, **address):
    return [sign_in(user_name, "wrong", **address).status_code for _ in range(times)]


def test_a_user_name_may_fail_so_often_and_then_waits_even_with_the_right_password(anna):
    elsewhere = (f"198.51.100.{number}" for number in range(1, 250))
    answers = [fail("anna", 1, address=next(elsewhere))[0] for _ in range(3)]
    assert answers == [200, 200, 200]
    held = sign_in("anna", PASSWORD, address=next(elsewhere))
    assert held.status_code == 429 and "_auth_user_id" not in held.client.session
    assert 0 < int(held["Retry-After"]) <= signing_in.WINDOW
    assert held["Content-Type"].startswith("text/html")
    assert "Too many attempts to sign in" in held.content.decode()
    for same in (" anna", "ANNA", "\uff41nna"):
        assert sign_in(same, "wrong", address=next(elsewhere)).status_code == 429, same
    assert sign_in("berta", "wrong", address=next(elsewhere)).status_code == 200


def test_an_address_may_fail_so_often_whatever_the_names(anna):
    assert [fail(f"user{number}", 1)[0] for number in range(6)] == [200] * 5 + [429]
    assert [sign_in("anna", PASSWORD).status_code for _ in range(4)] == [429] * 4
    elsewhere = [sign_in("anna", PASSWORD, address=f"198.51.100.{n}").status_code for n in range(8, 12)]
    assert elsewhere == [302] * 4, "what a spent address tries keeps nobody else out"


def test_nobody_is_kept_out_of_their_own_browser_by_what_others_guess(anna):
    mine = sign_in("anna", PASSWORD).client
    others = Client(REMOTE_ADDR="198.51.100.9")
    others.cookies[signing_in.KNOWN] = mine.cookies[signing_in.KNOWN].value + "x"
    assert [try_in(others, "wrong") for _ in range(4)] == [200, 200, 200, 429]
    assert try_in(Client(REMOTE_ADDR="198.51.100.10"), PASSWORD) == 429
    mine.cookies.pop("sessionid")
    assert try_in(mine, PASSWORD) == 302
    assert [try_in(mine, "wrong") for _ in range(4)] == [200, 200, 200, 429], (
        "a stolen cookie guesses no more"
    )
    cookie = mine.cookies[signing_in.KNOWN]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (reverse("admin:login"), True, "Lax")
    assert "anna" not in cookie.value
    CallCount.objects.all().delete()
    berta = make_person("berta")
    assert [try_in(mine, "wrong", berta.username) for _ in range(4)] == [200, 200, 200, 429]
    assert try_in(Client(REMOTE_ADDR="198.51.100.11"), PASSWORD, "berta") == 429, (
        "known as anna, not as berta"
    )


def try_in(browser, password, user_name="anna"):
    return browser.post(reverse("admin:login"), {"username": user_name, "password": password}).status_code


def test_the_window_ends_and_whoever_signs_in_has_used_up_nothing(anna):
    assert [sign_in("anna", PASSWORD).status_code for _ in range(8)] == [302] * 8
    assert fail("anna", 4) == [200, 200, 200, 429]
    CallCount.objects.update(window_start=timezone.now() - timedelta(seconds=signing_in.WINDOW))
    assert sign_in("anna", PASSWORD).status_code == 302


def test_nobody_learns_whether_there_is_such_an_account(anna):
    number = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|value=\"[^\"]*\"|nonce=\"[^\"]*\"")
    for address, names in (("192.0.2.1", ["anna"] * 4), ("192.0.2.2", ["nobody"] * 4)):
        pages = [sign_in(name, "wrong", address=address) for name in names]
        shown = [number.sub(b"", page.content.replace(names[0].encode(), b"")) for page in pages]
        if address == "192.0.2.1":
            known, statuses = shown, [page.status_code for page in pages]
    assert [page.status_code for page in pages] == statuses == [200, 200, 200, 429]
    assert shown == known


@pytest.mark.parametrize("given", [{}, {"username": "a\0b"}, {"username": "x" * 5_000, "password": "y"}])
def test_what_is_no_user_name_is_a_failure_like_another(db, given):
    answers = [Client().post(reverse("admin:login"), given).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert outcomes() == ["failed", "failed", "failed", "held_back"]


def test_who_is_no_staff_fails_with_the_right_password_too(db):
    make_person("citizen", is_staff=False)
    assert [sign_in("citizen", PASSWORD).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_each_time_is_written_down_for_good_without_what_was_typed(anna, caplog):
    caplog.set_level(logging.INFO, logger="mudda.signing_in")
    before = counted()
    browser = sign_in("anna", PASSWORD).client
    browser.post(reverse("admin:logout"))
    fail("anna", 4)
    fail("hunter2", 1)
    assert outcomes() == ["signed_in", "signed_out", "failed", "failed", "failed", "held_back", "failed"]
    assert set(SignIn.objects.values_list("user_id", flat=True)) == {anna.pk, None}
    assert counted() - before == Counter(outcomes())
    assert all(len(row.request_id) >= 8 for row in SignIn.objects.all())
    lines = [record for record in caplog.records if record.name == "mudda.signing_in"]
    assert len(lines) == 7
    assert [line.levelname for line in lines].count("WARNING") == 1
    said = "\n".join(record.getMessage() for record in caplog.records)
    kept = str([*SignIn.objects.values(), *CallCount.objects.values()])
    for typed in ("anna", "hunter2", "wrong", PASSWORD):
        assert typed not in said and typed not in kept
    for change in (lambda: SignIn.objects.update(outcome="failed"), lambda: SignIn.objects.all().delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_zero_is_no_limit(anna, settings):
    settings.LOGIN_FAILURES_NAME = settings.LOGIN_FAILURES_ADDRESS = 0
    assert fail("anna", 7) == [200] * 7
    assert sign_in("anna", PASSWORD).status_code == 302
    assert not CallCount.objects.filter(name__startswith=ratelimits.SIGN_INS).exists()


def test_counts_are_kept_for_their_window_and_no_longer(anna):
    fail("anna", 1)
    minutes = timezone.now() - timedelta(minutes=10)
    CallCount.objects.update(window_start=minutes)
    ratelimits.forget_old()
    signing_in.forget_old()
    assert CallCount.objects.filter(name__startswith=ratelimits.SIGN_INS).count() == 2
    CallCount.objects.update(window_start=minutes - timedelta(minutes=6))
    signing_in.forget_old()
    assert not CallCount.objects.exists()


def test_of_many_at_once_at_two_servers_no_more_are_looked_at_than_may_fail(start_web, transactional_db):
    servers = [start_web(LOGIN_FAILURES_NAME="3", LOGIN_FAILURES_ADDRESS="0") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(sign_in_at, servers[n % 2].url, "anna", "wrong") for n in range(12)]
        answers = [one.result() for one in asked]
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 9}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)
    assert sorted(outcomes()) == ["failed", "failed", "failed", "held_back"]

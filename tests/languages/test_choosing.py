"""Who reads what: people what they choose, or what their browser asks for; programs English."""

import pytest
from django.test import Client
from django.urls import reverse

from mudda.console import badge
from tests import factories
from tests.api.client import Api

DUTCH = {"HTTP_ACCEPT_LANGUAGE": "nl-NL,nl;q=0.9,en;q=0.5"}


@pytest.fixture
def staff(db):
    factories.load_city()
    return factories.make_user("supervisor", password="a long password")


@pytest.fixture
def desk(staff):
    client = Client()
    client.force_login(staff)
    return client


def page(client, **headers):
    return client.get(reverse("admin:index"), **headers).content.decode()


def test_the_browser_s_language_is_used_until_somebody_chooses(desk):
    assert "Meldingen" in page(desk, **DUTCH)
    assert "Issues" in page(desk)
    assert "Issues" in page(desk, HTTP_ACCEPT_LANGUAGE="fr")


def test_somebody_chooses_in_the_menu_and_it_stays(desk):
    answer = desk.post(reverse("set_language"), {"language": "hi", "next": reverse("admin:index")})
    assert answer.url == reverse("admin:index")
    cookie = desk.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("hi", True, "Lax")
    assert "समस्याएँ" in page(desk, **DUTCH)
    shown = page(desk)
    assert '<html lang="hi" dir="ltr"' in shown


@pytest.mark.parametrize("language", ["xx", "", "../../etc", "nl\x00"])
def test_a_language_that_is_not_offered_changes_nothing(desk, language):
    desk.post(reverse("set_language"), {"language": language, "next": reverse("admin:index")})
    assert "django_language" not in desk.cookies


def test_choosing_a_language_leads_to_no_other_site(desk):
    answer = desk.post(reverse("set_language"), {"language": "nl", "next": "https://evil.example.org/"})
    assert answer.url == "/"


def test_nobody_chooses_for_somebody_else_s_browser(staff):
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse("set_language"), {"language": "nl"}).status_code == 403


def test_the_menu_offers_every_language_by_its_own_name(desk):
    shown = page(desk)
    for name in ("English", "हिंदी", "Nederlands"):
        assert name in shown


def test_sign_in_is_in_the_browser_s_language(db):
    shown = Client().get(reverse("admin:login"), **DUTCH).content.decode()
    assert "Wachtwoord" in shown
    assert "Welkom terug bij" in shown


def test_a_crew_s_page_is_in_the_language_of_its_phone(db):
    answer = Client().get("/t/no-such-token", **DUTCH)
    assert answer.status_code == 404
    assert "Hier is niets" in answer.content.decode()
    assert 'lang="nl"' in answer.content.decode()
    assert answer["Content-Language"] == "nl"


def test_programs_are_answered_in_english_whatever_they_ask_for(db):
    api = Api(factories.make_key())
    plain = api.get("/issues/ISSUE-000999")
    asked = api.client.get(
        "/issues/ISSUE-000999", headers={"Authorization": f"Api-Key {api.key}", "Accept-Language": "nl"}
    )
    assert asked.json()["detail"] == plain.json()["detail"] == "There is no such issue."
    assert "Content-Language" not in asked
    assert "Accept-Language" not in asked.get("Vary", "")


def test_a_page_before_leaves_its_language_to_no_program(desk):
    page(desk, **DUTCH)
    assert Api(factories.make_key()).get("/issues/ISSUE-000999").json()["detail"] == "There is no such issue."


def test_states_and_names_of_fields_are_words_of_the_language(desk):
    from django.utils.translation import override

    from issues.models import Issue

    with override("nl"):
        assert "In behandeling" in badge("IN_PROGRESS")
        assert str(Issue._meta.verbose_name_plural) == "meldingen"
        assert str(Issue._meta.get_field("urgency").verbose_name) == "urgentie"
    assert str(Issue._meta.verbose_name_plural) == "issues"


def test_naming_models_in_any_language_is_no_migration(db):
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)

"""Setting up the city: departments, keys, people. Nobody makes anybody mightier than themselves."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from issues.models import Category, Department
from mudda.apikeys import find_key
from mudda.models import ApiKey, Event
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame, said

SETUP = (
    "issues_department",
    "issues_category",
    "mudda_apikey",
    "mudda_webhooksubscription",
    "mudda_webhookdelivery",
    "mudda_webhookallowedhost",
    "auth_user",
    "auth_group",
    "mudda_event",
)


@pytest.mark.parametrize("model", SETUP)
def test_the_administrator_sees_the_setup_and_nobody_signs_in_first(
    administrator, nobody, people, draft, model
):
    address = reverse(f"admin:{model}_changelist")
    assert administrator.get(address).status_code == 200
    assert nobody.get(address).url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("model", [model for model in SETUP if not model.startswith("issues_")])
def test_keys_people_and_events_are_not_for_everybody(owner, colleague, outsider, model):
    for client in (owner, colleague, outsider):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 403


def test_the_sidebar_offers_only_what_the_person_may_see(colleague, administrator):
    home = reverse("admin:index")
    assert reverse("admin:mudda_apikey_changelist") not in colleague.get(home).content.decode()
    assert reverse("admin:issues_issue_changelist") in colleague.get(home).content.decode()
    assert reverse("admin:mudda_apikey_changelist") in administrator.get(home).content.decode()


# --- API keys ---------------------------------------------------------------------------------------


def make(client, **given):
    return client.post(
        reverse("admin:mudda_apikey_add"),
        {"name": "The call centre", "scopes": ["plans:read"], "owner": "service", "days": "30", **given},
    )


def test_a_key_is_shown_once_works_and_can_be_revoked(administrator, people):
    response = make(administrator)
    assert "no-store" in response["Cache-Control"]
    key = response.context["key"]
    assert key in response.content.decode()
    row = ApiKey.objects.get()
    assert find_key(key) == row
    page = reverse("admin:mudda_apikey_change", args=[row.pk])
    assert key not in administrator.get(page).content.decode()
    assert row.hashed_key not in administrator.get(page).content.decode()
    revoke = reverse("admin:mudda_apikey_revoke", args=[row.pk])
    administrator.get(revoke)
    assert find_key(key) == row
    assert "Revoked" in said(administrator.post(revoke))
    assert find_key(key) is None


def test_a_key_bears_no_scope_that_its_maker_has_not(client, people):
    user = factories.make_user("viewer")
    user.user_permissions.add(*_permissions("add_apikey", "view_apikey"))
    client.force_login(user)
    assert make(client, scopes=["plans:approve"]).status_code == 422
    assert not ApiKey.objects.exists()
    assert make(client, scopes=["plans:read"], owner="me").status_code == 200
    assert ApiKey.objects.get().owner == user


def test_somebody_limited_to_a_department_makes_no_key_that_sees_the_whole_city(client, city):
    client.force_login(factories.make_user("administrator", departments=("water",)))
    assert make(client, owner="service").status_code == 422
    assert make(client, owner="me").status_code == 200


def test_keys_are_refused_to_the_owner_of_a_plan_and_to_nobody(owner, nobody):
    assert make(owner).status_code == 403
    assert make(nobody).url.startswith(reverse("admin:login"))


def _permissions(*codenames):
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=codenames)


# --- people -----------------------------------------------------------------------------------------


def change(client, user, **given):
    fields = {"username": user.username, "is_active": "on", "is_staff": "on", "groups": []}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), {**fields, **given})


def test_the_administrator_adds_a_person_and_puts_them_into_a_group(administrator):
    secret = "correct horse battery staple"
    given = {"username": "new", "usable_password": "true", "password1": secret, "password2": secret}
    response = administrator.post(reverse("admin:auth_user_add"), given)
    assert response.status_code == 302, response.context["adminform"].form.errors
    user = User.objects.get(username="new")
    assert change(administrator, user, groups=[Group.objects.get(name="planner").pk]).status_code == 302
    assert user.groups.get().name == "planner"


def test_the_administrator_makes_nobody_a_superuser(administrator, people):
    change(
        administrator,
        people["administrator"],
        is_superuser="on",
        groups=[Group.objects.get(name="administrator").pk],
    )
    change(administrator, people["colleague"], is_superuser="on")
    assert not User.objects.filter(is_superuser=True).exists()


def test_the_administrator_does_not_touch_a_superusers_account(administrator, people):
    chief = User.objects.create_superuser("root", password="a long password")
    before = chief.password
    assert change(administrator, chief, username="mine").status_code == 403
    secret = "correct horse battery staple"
    address = reverse("admin:auth_user_password_change", args=[chief.pk])
    assert administrator.post(address, {"password1": secret, "password2": secret}).status_code == 403
    chief.refresh_from_db()
    assert (chief.username, chief.password) == ("root", before)


def test_a_group_that_may_more_than_oneself_is_not_given_away(client, people):
    user = factories.make_user("viewer")
    user.user_permissions.add(*_permissions("change_user", "view_user"))
    client.force_login(user)
    response = change(client, user, groups=[Group.objects.get(name="supervisor").pk])
    assert response.status_code == 200  # the form again: not one of the choices
    assert not user.groups.filter(name="supervisor").exists()


def test_somebody_limited_to_a_department_does_not_lift_the_limit(client, city):
    user = factories.make_user("administrator", departments=("water",))
    client.force_login(user)
    water = Department.objects.get(code="water")
    given = {"name": "Water", "email": "", "active": "on", "staff": []}
    assert client.post(reverse("admin:issues_department_change", args=[water.pk]), given).status_code == 403
    assert change(client, user).status_code == 403
    assert client.get(reverse("admin:mudda_event_changelist")).status_code == 403
    assert user in water.staff.all()


def test_people_and_groups_are_not_deleted(administrator, people):
    assert (
        administrator.post(reverse("admin:auth_user_delete", args=[people["colleague"].pk])).status_code
        == 403
    )
    group = Group.objects.get(name="viewer")
    assert administrator.post(reverse("admin:auth_group_delete", args=[group.pk])).status_code == 403
    assert (
        administrator.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "x"}).status_code
        == 403
    )


# --- reference data and events ----------------------------------------------------------------------


def test_a_department_gets_its_people_and_keeps_its_code(administrator, people):
    parks = Department.objects.get(code="parks")
    given = {
        "name": "Parks",
        "email": "parks@example.org",
        "active": "on",
        "staff": [people["colleague"].pk],
        "code": "x",
    }
    assert (
        administrator.post(reverse("admin:issues_department_change", args=[parks.pk]), given).status_code
        == 302
    )
    parks.refresh_from_db()
    assert (parks.name, parks.code, parks.staff.get()) == ("Parks", "parks", people["colleague"])


@pytest.mark.parametrize(
    ("target", "good"),
    [("P5D", True), ("PT4H", True), ("", True), ("5 days", False), ("P", False), ("PT", False)],
)
def test_a_categorys_target_is_working_time(administrator, target, good):
    category = Category.objects.get(code="tree")
    given = {"name": "Tree", "department": category.department_id, "target": target, "active": "on"}
    response = administrator.post(reverse("admin:issues_category_change", args=[category.pk]), given)
    assert (response.status_code == 302) is good


def test_events_are_read_and_never_written(administrator, draft):
    event = Event.objects.filter(stream=draft.stream).get()
    address = reverse("admin:mudda_event_change", args=[event.pk])
    assert "plan.drafted" in administrator.get(address).content.decode()
    assert administrator.post(address, {"type": "x"}).status_code == 405
    assert administrator.get(reverse("admin:mudda_event_add")).status_code == 403
    assert administrator.post(reverse("admin:mudda_event_delete", args=[event.pk])).status_code == 403


def test_hostile_names_of_people_and_keys_are_shown_and_never_markup(administrator, people):
    for text in HOSTILE:
        User.objects.filter(pk=people["colleague"].pk).update(username=text, first_name=text)
        make(administrator, name=text)
        for name in ("auth_user", "mudda_apikey"):
            assert_tame(administrator.get(reverse(f"admin:{name}_changelist")), text)
        key = ApiKey.objects.latest("created_at")
        assert_tame(administrator.get(reverse("admin:mudda_apikey_change", args=[key.pk])), text)
        assert_tame(administrator.get(reverse("admin:mudda_apikey_revoke", args=[key.pk])), text)


def test_a_defect_is_a_page_with_the_requests_id(rf):
    from mudda.pages import server_error

    request = rf.get("/admin/")
    request.request_id = "the-request"
    response = server_error(request)
    assert response.status_code == 500
    assert "the-request" in response.content.decode()


def test_the_list_says_a_categorys_target_in_words(administrator):
    Category.objects.filter(code="tree").update(target="P2DT4H")
    text = administrator.get(reverse("admin:issues_category_changelist")).content.decode()
    assert "2 working days 4 working hours" in text and "P2DT4H" not in text

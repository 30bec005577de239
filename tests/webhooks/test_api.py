"""The API's doors to webhooks: who may, what is checked, what is shown."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mudda import event_types, events
from mudda.apikeys import create_api_key
from mudda.models import DeliveryStatus, IdempotencyRecord, WebhookDelivery, WebhookSubscription
from mudda.webhooks import services
from tests import factories
from tests.api.client import Api

UNKNOWN = uuid.UUID(int=7)  # always the same: the names of tests may not differ between processes

EVERY_CALL = [
    ("GET", "/webhooks"),
    ("POST", "/webhooks"),
    ("GET", "/webhooks/event-types"),
    ("GET", f"/webhooks/{UNKNOWN}"),
    ("PATCH", f"/webhooks/{UNKNOWN}"),
    ("DELETE", f"/webhooks/{UNKNOWN}"),
    ("POST", f"/webhooks/{UNKNOWN}/rotate-secret"),
    ("POST", f"/webhooks/{UNKNOWN}/test"),
    ("POST", f"/webhooks/{UNKNOWN}/replay"),
    ("GET", f"/webhooks/{UNKNOWN}/deliveries"),
    ("POST", f"/webhooks/{UNKNOWN}/deliveries/1/replay"),
]


@pytest.fixture
def api(db):
    return Api(factories.make_key())


@pytest.fixture
def body(allowed):
    return {"url": allowed.url, "types": ["plan.*"]}


@pytest.fixture
def made(api, body, plan):
    """A webhook made through the API, as its JSON; it hears of ``plan`` from its second event on."""
    answer = api.post("/webhooks", body)
    assert answer.status_code == 201, answer.json()
    return answer.json()


@pytest.fixture
def plan(db):
    return factories.make_plan()


def at(webhook, rest=""):
    return f"/webhooks/{webhook['webhook_id']}{rest}"


def append(owner, *types):
    for type in types:
        with transaction.atomic():
            factories.append_event(owner, type)


def codes(answer):
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


# --- who --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_nobody_gets_401(db, method, path):
    assert Api().call(method, path, {}).status_code == 401


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_a_key_without_the_scope_gets_403(db, method, path):
    scope = "webhooks:write" if method == "GET" else "webhooks:read"
    answer = Api(factories.make_key(scope)).call(method, path, {})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_the_scopes_are_bounded_by_the_owners_permissions(db, body):
    owner = factories.make_user("supervisor")
    assert Api(factories.make_key(owner=owner)).post("/webhooks", body).status_code == 403


def test_others_and_even_another_key_of_the_same_owner_see_nothing_of_it(api, made, plan):
    owner = WebhookSubscription.objects.get().owner
    append(plan, "plan.edited")
    (delivery,) = WebhookDelivery.objects.values_list("pk", flat=True)
    for other in (Api(factories.make_key()), Api(factories.make_key(owner=owner))):
        assert other.get("/webhooks").json()["results"] == []
        for method, path in EVERY_CALL:
            if str(UNKNOWN) in path:
                mine = path.replace(str(UNKNOWN), made["webhook_id"]).replace("/1/", f"/{delivery}/")
                given = {"from": "2026-01-01T00:00:00Z"} if path.endswith(f"{UNKNOWN}/replay") else {}
                assert other.call(method, mine, given).status_code == 404, (method, path)
    assert api.get(at(made)).status_code == 200


def test_a_delivery_is_found_only_below_its_own_webhook(api, made, body, plan):
    append(plan, "plan.edited")
    (delivery,) = WebhookDelivery.objects.values_list("pk", flat=True)
    other = api.post("/webhooks", body).json()
    assert api.post(at(other, f"/deliveries/{delivery}/replay")).status_code == 404
    assert api.post(at(made, f"/deliveries/{10**30}/replay")).status_code == 404


# --- making -----------------------------------------------------------------------------------------


def test_the_secret_is_shown_when_it_is_made_and_never_again(api, made):
    assert made["secret"].startswith("whsec_")
    read = api.get(at(made)).json()
    assert "secret" not in read
    assert read == {name: value for name, value in made.items() if name != "secret"}
    assert "secret" not in api.get("/webhooks").json()["results"][0]


def test_the_same_idempotency_key_makes_one_webhook_and_what_is_kept_for_it_is_sealed(api, body):
    first = api.post("/webhooks", body, **{"Idempotency-Key": "k"})
    again = api.post("/webhooks", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again["ETag"], again["Cache-Control"]) == (first["ETag"], "no-store")
    assert WebhookSubscription.objects.count() == 1
    assert "whsec_" not in str(IdempotencyRecord.objects.get().body)


def test_an_address_inside_is_refused_with_the_rule_that_it_breaks(api):
    answer = api.post("/webhooks", {"url": "https://169.254.169.254/latest/", "types": ["*"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_address_refused")
    assert codes(answer) == [("/url", "address_refused")]


def test_types_that_there_are_none_of_or_that_the_key_may_not_read_are_named(body):
    api = Api(factories.make_key("webhooks:write", "plans:read"))
    types = ["plan.approved", "plan.nothing", "step.*", "webhook.tested", "webhook.*", "*.approved", "*"]
    answer = api.post("/webhooks", {**body, "types": types})
    assert answer.json()["code"] == "invalid_request"
    assert codes(answer) == [
        ("/types/1", "unknown_event_type"),
        ("/types/2", "scope_missing"),
        ("/types/3", "unknown_event_type"),
        ("/types/4", "unknown_event_type"),
        ("/types/5", "unknown_event_type"),
    ]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"types": []}, "/types"),
        ({"types": ["*"] * 101}, "/types"),
        ({"filters": {"departmnt": "water"}}, "/filters/departmnt"),
        ({"filters": {"plan": "x"}}, "/filters/plan"),
        ({"filters": "x"}, "/filters"),
        ({"secret": "mine"}, "/secret"),
        ({"url": 7.5}, "/url"),
    ],
)
def test_what_is_not_understood_is_refused(api, body, changes, pointer):
    answer = api.post("/webhooks", {**body, **changes})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_an_account_has_a_limited_number(api, body, monkeypatch):
    monkeypatch.setattr(services, "MOST_SUBSCRIPTIONS", 2)
    assert [api.post("/webhooks", body).status_code for _ in range(3)] == [201, 201, 409]


def test_the_list_is_pages_by_cursor(api, body):
    for _ in range(3):
        api.post("/webhooks", body)
    page = api.get("/webhooks?page_size=2").json()
    rest = api.get(page["next"]).json()
    assert len({row["webhook_id"] for row in page["results"] + rest["results"]}) == 3
    assert rest["next"] is None


def test_the_event_types_are_the_catalogue_without_the_webhooks_own_and_who_read_what(api):
    found = {row["name"]: row for row in api.get("/webhooks/event-types").json()["types"]}
    who_read_what = ("reporter.", "execution.payloads_read")
    assert set(found) == {
        name for name in event_types.known() if not name.startswith(("webhook.", *who_read_what))
    }
    assert found["step.failed"]["scope"] == "executions:read"
    assert set(found["plan.approved"]["fields"]) == {"approval", "digest"}
    assert found["plan.approved"]["optional"] == []
    assert found["execution.failed"]["optional"] == ["code", "step_id"]


# --- changing ---------------------------------------------------------------------------------------


def test_a_change_needs_the_version_that_was_read(api, made):
    tag = api.get(at(made))["ETag"]
    changed = api.call("PATCH", at(made), {"types": ["issue.*"]}, **{"If-Match": tag})
    assert (changed.status_code, changed.json()["types"]) == (200, ["issue.*"])
    assert changed["ETag"] != tag
    stale = api.call("PATCH", at(made), {"active": False}, **{"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert api.post(at(made, "/rotate-secret"), {}, **{"If-Match": tag}).status_code == 412
    assert api.get(at(made)).json()["active"] is True


def test_a_change_is_checked_like_a_new_one(api, made):
    for change in ({"url": "https://127.0.0.1/"}, {"types": ["x.y"]}, {"filters": {"x": "y"}}, {"owner": 1}):
        assert api.call("PATCH", at(made), change).status_code == 400, change


def test_a_disabled_webhook_collects_nothing_and_sends_no_tests(api, made, plan):
    answer = api.call("PATCH", at(made), {"active": False}).json()
    assert (answer["active"], answer["disabled_reason"]) == (False, "by_owner")
    append(plan, "plan.edited")
    assert not WebhookDelivery.objects.exists()
    for path, given in (("/test", {}), ("/replay", {"from": "2026-01-01T00:00:00Z"})):
        refused = api.post(at(made, path), given)
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    answer = api.call("PATCH", at(made), {"active": True}).json()
    assert (answer["active"], answer["disabled_reason"]) == (True, "")


def test_deleting_takes_along_what_was_to_be_sent(api, made, plan):
    append(plan, "plan.edited")
    assert api.call("DELETE", at(made), **{"If-Match": '"99"'}).status_code == 412
    assert api.call("DELETE", at(made)).status_code == 204
    assert api.get(at(made)).status_code == 404
    assert not WebhookDelivery.objects.exists()


def test_rotating_shows_the_new_secret_once_and_says_how_long_the_old_one_is_good(api, made):
    rotated = api.post(at(made, "/rotate-secret"), {"overlap_hours": 2}, **{"Idempotency-Key": "r"})
    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["previous_secret_until"] is not None
    again = api.post(at(made, "/rotate-secret"), {"overlap_hours": 2}, **{"Idempotency-Key": "r"})
    assert again.json() == rotated.json()
    assert api.post(at(made, "/rotate-secret"), {"overlap_hours": 169}).status_code == 400


# --- deliveries -------------------------------------------------------------------------------------


def test_deliveries_show_what_became_of_each_and_can_be_filtered(api, made, plan):
    append(plan, "plan.edited", "plan.approved")
    WebhookDelivery.objects.filter(seq=2).update(
        status=DeliveryStatus.PARKED, attempts=20, last_status=500, last_error="status_500"
    )
    rows = api.get(at(made, "/deliveries")).json()["results"]
    assert [(row["type"], row["status"]) for row in rows] == [
        ("plan.approved", "pending"),
        ("plan.edited", "parked"),
    ]
    (parked,) = api.get(at(made, "/deliveries?status=parked")).json()["results"]
    assert (parked["attempts"], parked["last_status"], parked["last_error"]) == (20, 500, "status_500")
    assert (parked["stream"], parked["seq"], parked["next_attempt_at"]) == (plan.stream, 2, None)
    assert codes(api.get(at(made, "/deliveries?status=lost"))) == [("/status", "bad_value")]
    replayed = api.post(at(made, f"/deliveries/{parked['delivery_id']}/replay"))
    assert (replayed.status_code, replayed.json()["status"], replayed.json()["attempts"]) == (
        202,
        "pending",
        0,
    )
    assert replayed.json()["message_id"] == parked["message_id"]


def test_a_time_is_replayed_and_one_that_ends_before_it_begins_is_refused(api, made, plan):
    append(plan, "plan.edited")
    WebhookDelivery.objects.all().delete()
    now = timezone.now()
    given = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    answer = api.post(at(made, "/replay"), given)
    assert (answer.status_code, answer.json()) == (202, {"events": 2})  # the plan's first event too
    assert WebhookDelivery.objects.filter(status="pending").count() == 2
    assert codes(api.post(at(made, "/replay"), {"from": given["to"], "to": given["from"]})) == [
        ("/from", "bad_value")
    ]
    assert codes(api.post(at(made, "/replay"), {})) == [("/from", "required")]


def test_a_test_is_shown_like_any_delivery(api, made):
    fired = api.post(at(made, "/test"), **{"Idempotency-Key": "t"})
    assert (fired.status_code, fired.json()["type"], fired.json()["status"]) == (
        202,
        "webhook.tested",
        "pending",
    )
    assert api.post(at(made, "/test"), **{"Idempotency-Key": "t"}).json() == fired.json()
    assert WebhookDelivery.objects.count() == 1


def test_no_url_or_secret_is_written_into_an_event(api, made):
    api.call("PATCH", at(made), {"filters": {"department": "water"}})
    api.post(at(made, "/rotate-secret"), {})
    told = events.of(WebhookSubscription.objects.get())
    assert [event.type for event in told] == ["webhook.created", "webhook.changed", "webhook.secret_rotated"]
    assert [event.data for event in told] == [
        {"types": ["plan.*"]},
        {"fields": ["filters"]},
        {"overlap_hours": 24},
    ]


def test_a_user_without_a_key_has_webhooks_of_their_own(db, body):
    from django.test import Client

    owner = factories.make_user("administrator")
    key = create_api_key(name="mine", scopes=["webhooks:write", "webhooks:read", "plans:read"], owner=owner)[
        1
    ]
    made = Api(key).post("/webhooks", body).json()
    client = Client()
    client.force_login(owner)
    assert [row["webhook_id"] for row in client.get("/webhooks").json()["results"]] == [made["webhook_id"]]


@pytest.mark.parametrize("status", [None, *DeliveryStatus.values])
@pytest.mark.parametrize("subscription", ["busy", "quiet"])
def test_deliveries_are_listed_along_an_index_whatever_they_are_narrowed_by(
    api, made, body, status, subscription
):
    quiet = api.post("/webhooks", body).json()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO mudda_webhookdelivery (subscription_id, event_id, stream, seq, status, attempts,"
            " created_at, queued_at, due_at, last_error)"
            " SELECT CASE WHEN n %% 1000 = 0 THEN %s::uuid ELSE %s::uuid END, n, 'plan:x', n,"
            " CASE WHEN n %% 5000 = 1 THEN 'parked' WHEN n %% 500 = 2 THEN 'pending' ELSE 'delivered' END, 1,"
            " now() - n * interval '1 s', now(), now(), '' FROM generate_series(1, 50000) n",
            [quiet["webhook_id"], made["webhook_id"]],
        )
        cursor.execute("ANALYZE mudda_webhookdelivery")
    rows = WebhookDelivery.objects.filter(
        subscription=(made if subscription == "busy" else quiet)["webhook_id"]
    )
    rows = rows.filter(status=status) if status else rows
    plan = rows.order_by("-created_at", "-pk")[:51].explain()
    assert "Seq Scan" not in plan, plan
    assert "delivery_" in plan

"""Errors about a request itself, whatever it is about."""

import psycopg
from django.db import connection

from mudda import errors, paging
from mudda.apikeys import NetworkNotAllowed, create_api_key
from mudda.drf import MalformedJson
from mudda.idempotency import BadIdempotencyKey, KeyReused, StillInProgress
from mudda.models import ApiKey, IdempotencyRecord
from mudda.sealing import CannotUnseal
from tests import factories
from tests.api.client import Api
from tests.errors.provoking import provokes

KEY = {"Idempotency-Key": "k-1"}


@provokes(errors.InvalidRequest, "/statement", "/latitude", "/urgency", "/reporter/email")
def several_fields_at_once(scene):
    body = {"statement": "x" * 10_001, "latitude": "north", "urgency": "mad", "reporter": {"email": "x"}}
    return scene.api.post("/issues", body)


@provokes(errors.InvalidRequest, "/a~1~0b")
def a_field_that_is_not_there(scene):
    return scene.api.post("/issues", {"statement": "Leak", "a/~b": 1})


@provokes(errors.InvalidRequest, "")
def a_list_for_an_object(scene):
    return scene.api.post("/issues", ["Leak"])


@provokes(errors.InvalidRequest, "/page_size")
def a_parameter_that_is_no_number(scene):
    return scene.api.get("/issues?page_size=many")


@provokes(errors.InvalidRequest, "/status")
def a_filter_that_is_none_of_the_choices(scene):
    return scene.api.get("/workflows?status=perhaps")


@provokes(MalformedJson, "/a/b")
def a_key_twice(scene):
    return scene.api.post("/workflows/generate", b'{"a": {"b": 1, "b": 2}}')


@provokes(MalformedJson, "")
def json_that_is_too_deep(scene):
    return scene.api.post("/workflows/generate", b'{"a":' * 40_000)


@provokes(MalformedJson, "/a" * 32)
def json_of_33_levels(scene):
    answer = scene.api.post("/workflows/generate", b'{"a":' * 33 + b"1" + b"}" * 33)
    assert answer.json()["errors"][0]["code"] == "too_deep"
    return answer


@provokes(errors.MalformedRequest)
def a_file_without_a_boundary(scene):
    headers = {"Authorization": f"Api-Key {scene.api.key}"}
    path = f"{scene.issue}/attachments"
    return scene.api.client.generic("POST", path, b"x", content_type="multipart/form-data", headers=headers)


@provokes(errors.MalformedRequest)
def a_host_that_is_none_of_ours(scene):
    return scene.api.get("/workflows", Host="evil.example")


@provokes(errors.UnreadableBody)
def a_body_that_ends_too_early(scene):
    class Broken:
        def read(self, *_):
            raise OSError("the connection was reset")

        readline = read

    given = {"wsgi.input": Broken(), "CONTENT_LENGTH": "9", "HTTP_AUTHORIZATION": f"Api-Key {scene.api.key}"}
    return scene.api.client.generic("POST", "/issues", b"x", content_type="application/json", **given)


@provokes(errors.NotAuthenticated)
def no_key(scene):
    answer = Api().get("/workflows")
    assert answer["WWW-Authenticate"] == "Api-Key"
    return answer


@provokes(errors.NotAuthenticated)
def an_unknown_key(scene):
    return Api("abcdefgh.ijklmnop").get("/workflows")


@provokes(errors.Forbidden)
def a_key_without_the_scope(scene):
    scene.needs("city")
    return Api(factories.make_key("plans:read")).post("/issues", {"statement": "Leak"})


@provokes(NetworkNotAllowed)
def a_key_from_elsewhere(scene):
    scene.needs("city")
    _, text = create_api_key(name="tied", scopes=["plans:read"], networks=["203.0.113.0/24"])
    return Api(text).get("/workflows")


@provokes(errors.NotFound)
def a_path_that_is_not_there(scene):
    return scene.api.get("/nowhere")


@provokes(errors.NotFound)
def a_plan_that_is_not_there(scene):
    return scene.api.get("/workflows/00000000-0000-4000-8000-000000000007")


@provokes(errors.MethodNotAllowed)
def a_method_that_is_not_there(scene):
    answer = scene.api.call("DELETE", "/workflows/generate")
    assert "POST" in answer["Allow"] and "DELETE" not in answer["Allow"]
    return answer


@provokes(errors.MethodNotAllowed)
def getting_a_token(scene):
    answer = scene.api.get("/oauth/revoke")
    assert "POST" in answer["Allow"]
    return answer


@provokes(errors.NotAcceptable)
def an_answer_as_a_page(scene):
    return scene.api.get("/workflows", Accept="text/html")


@provokes(errors.UnsupportedMediaType)
def a_body_of_another_type(scene):
    headers = {"Authorization": f"Api-Key {scene.api.key}"}
    return scene.api.client.generic("POST", "/issues", b"x", content_type="text/plain", headers=headers)


@provokes(errors.UnsupportedMediaType)
def a_body_in_another_charset(scene):
    headers = {"Authorization": f"Api-Key {scene.api.key}"}
    said, body = "application/json; charset=iso-8859-1", '{"statement": "Caf\xe9"}'.encode("latin-1")
    return scene.api.client.generic("POST", "/issues", body, content_type=said, headers=headers)


@provokes(errors.LengthRequired)
def a_file_without_its_length(scene):
    given = {"CONTENT_LENGTH": "", "HTTP_AUTHORIZATION": f"Api-Key {scene.api.key}"}
    said, path = "multipart/form-data; boundary=x", f"{scene.issue}/attachments"
    return scene.api.client.generic("POST", path, b"--x--", content_type=said, **given)


@provokes(errors.BodyTooLarge)
def a_body_of_more_than_a_megabyte(scene):
    return scene.api.post("/issues", b'"' + b"x" * 1_000_000 + b'"')


@provokes(errors.BodyTooLarge)
def a_file_of_more_than_ten_megabytes(scene):
    return scene.attach(f"{scene.issue}/attachments", b"x" * 10_200_000)


@provokes(errors.RateLimited)
def a_call_more_than_the_key_has(scene):
    scene.needs("city")
    client = Api(create_api_key(name="slow", scopes=["plans:read"], rate=1)[1])
    assert client.get("/workflows").status_code == 200
    answer = client.get("/workflows")
    assert int(answer["Retry-After"]) > 0
    return answer


@provokes(errors.InternalError)
def a_defect(scene):
    def crash(*_, **__):
        raise ZeroDivisionError("a secret of the server's")

    scene.monkeypatch.setattr("workflows.views.ListPlans.get_queryset", crash)
    answer = scene.api.get("/workflows")
    assert b"secret" not in answer.content and b"ZeroDivision" not in answer.content
    crashed = [record for record in scene.caplog.records if record.exc_info]
    assert [record.request_id for record in crashed] == [answer["X-Request-ID"]]
    return answer


@provokes(errors.DatabaseUnavailable, committed=True)
def a_database_that_hangs_up(scene):
    api = scene.api
    with psycopg.connect(scene.on_test_database["DATABASE_URL"], autocommit=True) as other:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    try:
        answer = api.get("/workflows")
    finally:
        connection.close()
    assert answer["Retry-After"] == "5"
    return answer


@provokes(paging.BadCursor, "/cursor")
def a_cursor_of_ones_own(scene):
    return scene.api.get("/workflows?cursor=mine")


@provokes(paging.UnknownParameter, "/statuss")
def a_misspelt_filter(scene):
    return scene.api.get("/workflows?statuss=DRAFT")


@provokes(errors.PreconditionFailed)
def a_change_of_what_was_changed_since(scene):
    change = {"name": "Leaks"}
    answer = scene.api.call("PATCH", "/categories/water_leak", change, **{"If-Match": '"old"'})
    assert answer["ETag"] == answer.json()["etag"]
    return answer


@provokes(BadIdempotencyKey)
def a_key_that_is_none(scene):
    return scene.api.post("/issues", {"statement": "Leak"}, **{"Idempotency-Key": "\xe9"})


@provokes(KeyReused)
def the_key_of_another_body(scene):
    assert scene.api.post("/issues", {"statement": "Leak"}, **KEY).status_code == 201
    return scene.api.post("/issues", {"statement": "Hole"}, **KEY)


@provokes(StillInProgress, committed=True)
def a_key_that_another_request_is_still_working_on(scene):
    caller = ApiKey.objects.get(prefix=scene.api.key.partition(".")[0])
    names = "caller, method, path, key, body_sha256, headers, sealed, created_at"
    values = [f"key:{caller.pk}", "POST", "/issues", "k-1", "x", "{}", False, caller.created_at]
    with psycopg.connect(scene.on_test_database["DATABASE_URL"]) as other:
        row = f"INSERT INTO mudda_idempotencyrecord ({names}) VALUES ({', '.join(['%s'] * 8)})"
        other.execute(row, values)
        answer = scene.api.post("/issues", {"statement": "Leak"}, **KEY)
        other.rollback()
    assert answer["Retry-After"] == "5"
    return answer


@provokes(CannotUnseal)
def an_answer_whose_secret_was_sealed_under_a_key_that_is_gone(scene):
    body = {"url": scene.allowed.url, "types": ["plan.*"]}
    assert scene.api.post("/webhooks", body, **KEY).status_code == 201
    assert IdempotencyRecord.objects.get().sealed
    scene.settings.SECRET_KEY = "another" * 10
    return scene.api.post("/webhooks", body, **KEY)

"""The API's doors to policies."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mudda.models import Event
from tests import factories
from tests.api.client import Api
from tests.policies.conftest import LAMPS
from tests.policies.test_importing import TEXT, pdf
from workflows.policies.models import PolicyDocument
from workflows.policies.services import publish_policy

UNKNOWN = uuid.UUID(int=7)  # always the same: the names of tests may not differ between processes

EVERY_CALL = [
    ("GET", "/policies"),
    ("POST", "/policies"),
    ("GET", "/policies/search"),
    ("POST", "/policies/import"),
    ("GET", f"/policies/{UNKNOWN}"),
    ("PUT", f"/policies/{UNKNOWN}"),
    ("POST", f"/policies/{UNKNOWN}/import"),
    ("GET", f"/policies/{UNKNOWN}/events"),
    ("GET", f"/policies/{UNKNOWN}/versions/1"),
    ("POST", f"/policies/{UNKNOWN}/publish"),
    ("POST", f"/policies/{UNKNOWN}/withdraw"),
]
BODY = {"heading": "Street lighting", "text": LAMPS, "department": "lighting"}


@pytest.fixture
def api(supervisor):
    return Api(factories.make_key(owner=supervisor))


@pytest.fixture
def policy(api):
    """A draft made through the API, as its JSON."""
    return api.post("/policies", BODY).json()


def at(policy, rest=""):
    return f"/policies/{policy['policy_id']}{rest}"


def send(api, path, content, name="lamps.md", fields=None, **headers):
    headers = {"Authorization": f"Api-Key {api.key}", **headers}
    body = {"file": SimpleUploadedFile(name, content), **(fields or {})}
    return Client(raise_request_exception=False).post(path, body, headers=headers)


# --- who --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_nobody_gets_401(city, method, path):
    assert Api().call(method, path, {} if method != "GET" else None).status_code == 401


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_a_key_without_the_scope_gets_403(city, method, path):
    powerless = Api(factories.make_key("plans:read"))
    assert powerless.call(method, path, {} if method != "GET" else None).status_code == 403


@pytest.mark.parametrize(("method", "path"), [call for call in EVERY_CALL if call[0] != "GET"])
def test_a_key_of_somebody_who_only_reads_policies_writes_none(city, viewer, method, path):
    key = factories.make_key("policies:read", "policies:write", owner=viewer)
    assert Api(key).call(method, path, {}).status_code == 403
    assert Api(key).get("/policies").status_code == 200


def test_the_owner_a_colleague_and_an_outsider(policy, lighter, gardener):
    """Who belongs to the department writes its policies, who belongs to another doesn't know of them."""
    reader = factories.make_user("viewer", departments=("lighting",))
    owner, colleague, outsider = (Api(factories.make_key(owner=user)) for user in (lighter, reader, gardener))
    for caller, reads, writes in ((colleague, 200, 403), (outsider, 404, 404), (owner, 200, 200)):
        assert caller.get(at(policy)).status_code == reads
        assert caller.get(at(policy, "/versions/1")).status_code == reads
        assert caller.post(at(policy, "/publish"), {"version": 1}).status_code == writes
        assert len(caller.get("/policies").json()["results"]) == (reads == 200)
        assert caller.post(at(policy, "/withdraw")).status_code == writes
        assert caller.put(at(policy), {"heading": "A", "text": "B"}).status_code == writes
    assert {event.actor_id for event in Event.objects.filter(type="policy.published")} == {lighter.pk}


def test_the_whole_citys_policies_are_not_written_by_somebody_of_a_department(api, gardener):
    whole = api.post("/policies", {"heading": "Notices", "text": "Tell everybody."}).json()
    limited = Api(factories.make_key(owner=gardener))
    assert limited.get(at(whole)).status_code == 200
    for answer in (
        limited.post("/policies", {"heading": "A", "text": "B"}),
        limited.post("/policies", BODY),
        limited.put(at(whole), {"heading": "A", "text": "B"}),
        limited.post(at(whole, "/publish"), {"version": 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_policy")


# --- writing ----------------------------------------------------------------------------------------


def test_a_policy_is_written_read_published_found_and_withdrawn(api, policy):
    assert policy["status"] == "DRAFT"
    assert (policy["version"], policy["in_force"]) == (1, None)
    assert (policy["department"], policy["language"]) == ("lighting", "english")
    read = api.get(at(policy))
    assert read.json() == policy
    assert read["ETag"] == '"1-draft-1"'
    published = api.post(at(policy, "/publish"), {"version": 1})
    assert (published.status_code, published.json()["status"], published.json()["in_force"]) == (
        200,
        "PUBLISHED",
        1,
    )
    found = api.get("/policies/search?q=the+lamp+post+is+leaning").json()["results"]
    assert found[0] == {
        "policy_id": policy["policy_id"],
        "version": 1,
        "citation": f"{policy['policy_id']}@1",
        "heading": "Street lighting > Danger",
        "text": "A leaning lamp post is fenced off within two hours.",
    }
    assert api.post(at(policy, "/withdraw")).json()["status"] == "WITHDRAWN"
    assert api.get("/policies/search?q=lamp").json() == {"results": []}
    again = api.post(at(policy, "/withdraw"))
    assert (again.status_code, again.json()["code"]) == (409, "policy_not_published")


def test_a_new_version_is_bound_to_the_one_that_was_read(api, policy):
    given = {"heading": "Street lighting", "text": "Lamps are repaired within eight days."}
    first = api.put(at(policy), given, **{"If-Match": '"1"'})
    assert (first.status_code, first["ETag"], first.json()["version"]) == (200, '"2-draft-2"', 2)
    late = api.put(at(policy), {**given, "text": "Never."}, **{"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (412, "precondition_failed", 2)
    assert api.put(at(policy), {**given, "text": "Ever."}, **{"If-Match": '"nonsense"'}).status_code == 412
    assert api.put(at(policy), {**given, "text": "Now."}, **{"If-Match": "*"}).json()["version"] == 3
    older = api.get(at(policy, "/versions/1")).json()
    assert older["text"] == LAMPS.strip()
    assert older["citation"] == f"{policy['policy_id']}@1"
    assert [passage["position"] for passage in older["passages"]] == [1, 2]


@pytest.mark.parametrize("number", [0, 2, 10**30])
def test_a_version_that_is_not_there_is_404(api, policy, number):
    assert api.get(at(policy, f"/versions/{number}")).status_code == 404


def test_a_version_that_is_not_there_is_not_published(api, policy):
    refused = api.post(at(policy, "/publish"), {"version": 7})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_version")
    assert api.post(at(policy, "/publish"), {}).status_code == 400


def test_the_same_key_makes_one_policy_and_another_body_is_refused(api):
    key = {"Idempotency-Key": "policy-1"}
    first, second = (api.post("/policies", BODY, **key) for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert PolicyDocument.objects.count() == 1
    other = api.post("/policies", {**BODY, "heading": "Other"}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_publishing_and_withdrawing_with_a_key_are_answered_the_same_again(api, policy):
    for rest, body in (("/publish", {"version": 1}), ("/withdraw", {})):
        first, second = (api.post(at(policy, rest), body, **{"Idempotency-Key": "again"}) for _ in range(2))
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"heading": ""}, "/heading"),
        ({"heading": "a" * 201}, "/heading"),
        ({"text": ""}, "/text"),
        ({"text": "a" * 300_001}, "/text"),
        ({"text": 3.5}, "/text"),
        ({"text": ["a"]}, "/text"),
        ({"language": "klingon"}, "/language"),
        ({"department": "nobody"}, "/department"),
        ({"status": "PUBLISHED"}, "/status"),
    ],
)
def test_what_is_not_valid_is_refused_with_its_place(api, change, pointer):
    answer = api.post("/policies", {**BODY, **change})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_policy_with_nothing_to_see_in_it_is_refused(api):
    answer = api.post("/policies", {**BODY, "text": "\u200b\u2060"})
    assert (answer.status_code, answer.json()["code"]) == (422, "policy_empty")


def test_lists_are_narrowed(api, policy):
    api.post("/policies", {"heading": "Avisos", "text": "A todos.", "language": "spanish"})
    publish_policy(policy_id=uuid.UUID(policy["policy_id"]), version=1, by=None)
    for query, count in (
        ("", 2),
        ("?status=PUBLISHED", 1),
        ("?department=lighting", 1),
        ("?language=spanish", 1),
        ("?language=dutch", 0),
        ("?page_size=1", 1),
    ):
        assert len(api.get(f"/policies{query}").json()["results"]) == count, query
    assert api.get("/policies?status=NONE").status_code == 400
    assert "text" not in api.get("/policies").json()["results"][0]


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%00", "q=%ED%A0%80", "q='%26|!", "department=%00&q=a", "q=" + "a+" * 3_000]
)
def test_a_search_is_answered_whatever_is_asked(api, samples, query):
    assert api.get(f"/policies/search?{query}").status_code == 200


@pytest.mark.parametrize("limit", ["0", "51", "-1", "x", "", "9" * 50, "٣"])
def test_a_limit_that_is_none_is_refused(api, limit):
    assert api.get(f"/policies/search?q=a&limit={limit}").status_code == 400


def test_a_search_may_be_that_of_one_department(api, samples):
    words = "/policies/search?limit=50&q=street+lamp+tree+notice+snow"
    own = {
        row["heading"].partition(" > ")[0] for row in api.get(f"{words}&department=parks").json()["results"]
    }
    assert "Trees: protection, pruning and danger" in own
    assert "Street lighting" not in own
    assert "Notices to residents" in own


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [LAMPS.encode(), pdf(TEXT)])
def test_a_file_becomes_a_draft_and_another_one_its_next_version(api, content):
    made = send(api, "/policies/import", content, fields={"department": "lighting"})
    assert made.status_code == 201, made.content
    assert (made.json()["heading"], made.json()["file_name"]) == ("Street lighting", "lamps.md")
    assert (made.json()["status"], made.json()["department"]) == ("DRAFT", "lighting")
    path = at(made.json(), "/import")
    assert send(api, path, b"# Lamps\n\nNew.", **{"If-Match": '"3"'}).status_code == 412
    again = send(api, path, b"# Lamps\n\nNew.", fields={"heading": "Ours"}, **{"If-Match": '"1"'})
    assert (again.status_code, again.json()["version"], again.json()["heading"]) == (200, 2, "Ours")
    assert again["ETag"] == '"2-draft-2"'


def test_a_file_of_several_megabytes_is_taken_once(api):
    content = pdf(TEXT)
    large = content + b"%" + b"a" * 3_000_000 + b"\n"
    key = {"Idempotency-Key": "file-1"}
    first, second = (send(api, "/policies/import", large, "a.pdf", **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert PolicyDocument.objects.count() == 1
    assert send(api, "/policies/import", content, "a.pdf", **key).status_code == 422


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "policy_file_not_text"),
        (b"%PDF-1.7 nonsense", "pdf_damaged"),
        (pdf(TEXT, encryption=4, user_pw="secret", owner_pw="secret"), "pdf_locked"),
        (b"a" * 5_050_000, "policy_file_too_large"),
        (b"---", "policy_empty"),
        (b"a" * 300_001, "policy_too_long"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_code(api, content, code):
    answer = send(api, "/policies/import", content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not PolicyDocument.objects.exists()


def test_a_file_over_the_limit_is_not_read_at_all(api):
    answer = send(api, "/policies/import", b"a" * 5_200_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_request_without_a_file_or_with_an_unknown_field_is_400(api):
    headers = {"Authorization": f"Api-Key {api.key}"}
    none = Client().post("/policies/import", {"heading": "A"}, headers=headers)
    assert (none.status_code, none.json()["errors"][0]["pointer"]) == (400, "/file")
    assert send(api, "/policies/import", b"Text", fields={"status": "PUBLISHED"}).status_code == 400
    assert api.post("/policies/import", {"text": "A"}).status_code == 415


def test_the_openapi_document_has_examples_of_policies(api):
    import yaml

    paths = yaml.safe_load(api.get("/schema").content)["paths"]
    for path, method in (
        ("/policies", "post"),
        ("/policies/{policy_id}", "put"),
        ("/policies/search", "get"),
    ):
        answers = paths[path][method]["responses"]
        contents = [
            found["content"]["application/json"] for status, found in answers.items() if status < "300"
        ]
        assert all(content["example"] for content in contents), path
    assert "multipart/form-data" in paths["/policies/import"]["post"]["requestBody"]["content"]


# --- following --------------------------------------------------------------------------------------


def test_a_policy_is_followed_by_those_who_may_read_it(api, policy):
    api.post(at(policy, "/publish"), {"version": 1})
    page = api.get(at(policy, "/events"), Accept="application/json").json()
    assert page["stream"] == f"policy:{policy['policy_id']}"
    assert [(e["seq"], e["type"]) for e in page["events"]] == [(1, "policy.created"), (2, "policy.published")]
    outsider = Api(factories.make_key(owner=factories.make_user("viewer", departments=("parks",))))
    assert outsider.get(at(policy, "/events"), Accept="application/json").status_code == 404

"""Each kind of error has one form: RFC 9457, a stable code, pointers."""

import pytest

CASES = [
    ("malformed JSON", "POST", "/workflows/generate", b'{"problem_statement": ', 400, "malformed_json"),
    ("not JSON at all", "POST", "/workflows/generate", b"\xff\xfe\x00", 400, "malformed_json"),
    ("NaN", "POST", "/workflows/generate", b'{"problem_statement": NaN}', 400, "malformed_json"),
    ("a duplicate key", "POST", "/workflows/generate", b'{"a": 1, "a": 2}', 400, "malformed_json"),
    ("NUL", "POST", "/workflows/generate", rb'{"problem_statement": "a\u0000b"}', 400, "malformed_json"),
    ("a lone surrogate", "POST", "/workflows/generate", rb'{"problem_statement": "a\ud800b"}', 400, "malformed_json"),
    ("too deep", "POST", "/workflows/generate", b"[" * 5_000 + b"]" * 5_000, 400, "malformed_json"),
    ("a list", "POST", "/workflows/generate", b"[]", 400, "invalid_request"),
    ("too large", "POST", "/workflows/generate", b'"' + b"x" * 1_000_001 + b'"', 413, "body_too_large"),
    ("wrong method", "DELETE", "/workflows/generate", b"", 405, "method_not_allowed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_cannot_be_read_is_a_problem_with_a_stable_code(api, method, path, body, status, code):
    response = api.call(method, path, body)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"] == f"urn:mudda:problem:{code}"
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"]


def test_a_duplicate_key_is_named_with_its_pointer(api):
    problem = api.post("/workflows/generate", b'{"a": {"b": 1, "b": 2}}').json()
    assert ("/a/b", "duplicate_key") in [(e["pointer"], e["code"]) for e in problem["errors"]]


def test_another_content_type_is_415(api):
    response = api.client.post(
        "/workflows/generate",
        "x=1",
        content_type="text/plain",
        headers={"Authorization": f"Api-Key {api.key}"},
    )
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "naïve"])
def test_an_idempotency_key_that_is_none_is_400(api, key):
    response = api.post("/workflows/generate", {"problem_statement": "leak"}, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_idempotency_key"

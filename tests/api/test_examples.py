"""Every operation has an example in the OpenAPI document, and it is what happens.

After a change to what an operation answers, ``PYTEST_RECORD_EXAMPLES=1`` in the environment has these tests write the
difference into the examples instead. Their values stay wherever they can; read what git shows.
"""

import json
import os
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from jsonschema import Draft202012Validator

from mudda import examples
from tests.api import snapshot
from tests.api.examples import differences, updated

RECORD = "PYTEST_RECORD_EXAMPLES"
OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, item in snapshot.kept()["paths"].items()
    for method, operation in item.items()
}
"""Of the snapshot, which another test holds against the document: (method, path) by id."""


@pytest.fixture(scope="module")
def document():
    return snapshot.current()


@pytest.fixture
def town(db, request, settings, tmp_path, monkeypatch):
    """``town(operation_id)``: the town of the examples, and in it what the operation's example begins with."""
    from tests.api.town import HOOKS, Town, next_id
    from tests.revising.answers import revision, with_police
    from workflows.models import WorkflowPlan

    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(
        "executions.accepting.CLOCKS_DIFFER", timedelta(days=36_500)
    )  # a crew that came in March
    resolve = socket.getaddrinfo

    def resolver(host: Any, *args: Any, **named: Any) -> Any:
        return resolve("8.8.8.8" if host == HOOKS else host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)

    def pin(model: Any, row: UUID) -> None:
        monkeypatch.setitem(vars(model._meta.pk), "_get_default", next_id(row))

    def pin_file(number: UUID) -> None:
        monkeypatch.setattr("mudda.files.keeping.uuid4", next_id(number))

    def model() -> None:
        server = request.getfixturevalue("openai_server")
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-test-key", server.base_url
        settings.OPENAI_MODEL = "test-model"
        plan = WorkflowPlan.objects.get()
        server.revise(revision(with_police(plan.current.document), "The traffic police are told first."))

    def build(operation_id: str) -> Town:
        made = Town(pin, pin_file, model)
        path = OPERATIONS[operation_id][1]
        made.prepare(operation_id, {name.partition("}")[0] for name in path.split("{")[1:]})
        return made

    return build


class Call:
    """An operation's example, as the document has it."""

    def __init__(self, document: dict[str, Any], operation_id: str) -> None:
        self.method, self.path = OPERATIONS[operation_id]
        self.operation = document["paths"][self.path][self.method]
        self.given = {(p["in"], p["name"]): p["example"] for p in self._parameters() if "example" in p}
        self.kind, content = next(
            iter(self.operation.get("requestBody", {}).get("content", {}).items()), (None, {})
        )
        self.body = content.get("example")

    @property
    def address(self) -> str:
        path = self.path.format(**self._of("path"))
        asked = self._of("query").items()
        query = urlencode({name: str(v).lower() if isinstance(v, bool) else v for name, v in asked})
        return f"{path}?{query}" if query else path

    def send(self, town: Any) -> Any:
        headers = {"Accept": "application/json", **{n: str(v) for n, v in self._of("header").items()}}
        if self.kind == "multipart/form-data":
            headers = {"Authorization": f"Api-Key {town.api.key}", **headers}
            return town.api.client.post(self.address, self._parts(), headers=headers)
        if self.body is None:
            return town.api.call(self.method.upper(), self.address, b"", **headers)
        return town.api.call(self.method.upper(), self.address, self.body, **headers)

    def promised(self, response: Any) -> dict[str, Any]:
        """What the document has of an answer with this status: nothing but successes."""
        assert 200 <= response.status_code < 300, response.content
        promised: dict[str, Any] = self.operation["responses"][str(response.status_code)]
        return promised

    def _parts(self) -> dict[str, Any]:
        from tests.api.town import FILES

        file = SimpleUploadedFile(self.body["file"], FILES[self.body["file"]])
        return {**self.body, "file": file}

    def _parameters(self) -> list[dict[str, Any]]:
        return list(self.operation.get("parameters", []))

    def _of(self, place: str) -> dict[str, Any]:
        return {name: value for (at, name), value in self.given.items() if at == place}


@pytest.mark.parametrize("operation_id", sorted(OPERATIONS))
def test_an_example_is_what_happens(document, town, operation_id):
    call = Call(document, operation_id)
    response = call.send(town(operation_id))
    content = call.promised(response).get("content", {})
    if not content:
        assert response.status_code == 204
        return
    kind = response["Content-Type"].partition(";")[0]
    if kind != "application/json":
        assert kind in content
        assert b"".join(response.streaming_content)
        return
    answer = response.json()
    ensure_fits(document, content[kind]["schema"], answer)
    if os.environ.get(RECORD):
        record(operation_id, content[kind].get("example"), answer)
        return
    assert "example" in content[kind], f"{operation_id} has no example of an answer {response.status_code}."
    assert list(differences(content[kind]["example"], answer)) == []
    ensure_fits(document, content[kind]["schema"], content[kind]["example"])


@pytest.mark.parametrize("operation_id", sorted(OPERATIONS))
def test_an_example_has_what_the_call_needs(document, operation_id):
    call = Call(document, operation_id)
    needed = {(p["in"], p["name"]) for p in call.operation.get("parameters", []) if p.get("required")}
    assert needed <= call.given.keys()
    if "requestBody" in call.operation:
        assert call.body is not None
        for content in call.operation["requestBody"]["content"].values():
            ensure_fits(document, content["schema"], call.body)


def test_no_example_is_of_an_operation_that_there_is_not():
    assert examples.known().keys() - OPERATIONS.keys() == set()


def ensure_fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Fail unless a value is what a schema of the document says."""
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    problems = validator.iter_errors(value)
    assert [f"{problem.json_path}: {problem.message}" for problem in problems] == []


def record(operation_id: str, example: Any, answer: Any) -> None:
    """Write the answer into the examples file that has the operation."""
    text = json.dumps(answer).replace("http://testserver", "https://mudda.example.org")
    for file in examples.files():
        told = yaml.safe_load(file.read_text())
        if operation_id in told:
            told[operation_id]["answer"] = updated(example, json.loads(text))
            file.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=100))


def test_differences_in_shape_are_found():
    example = {"id": 1, "crew": None, "steps": [{"title": "Repair"}], "photos": []}
    assert list(differences(example, {**example, "id": 7, "steps": [{"title": "x"}, {"n": 1}]})) == []
    for changed in (
        {"id": "1"},
        {"crew": "Crew 7"},
        {"steps": []},
        {"steps": [{"name": "x"}]},
        {"photos": ["a"]},
    ):
        assert list(differences(example, {**example, **changed})), changed
    assert list(differences(example, {**example, "more": 1})) == ["/more: only in the answer"]
    assert updated(example, {"id": "x", "crew": None, "steps": [{"title": "a", "n": 1}], "photos": []}) == {
        "id": "x",
        "crew": None,
        "steps": [{"title": "Repair", "n": 1}],
        "photos": [],
    }

"""The OpenAPI document and the human docs."""

import re

import yaml
from django.test import Client

from tests import factories


def document(api):
    return yaml.safe_load(api.get("/schema").content)


def test_the_document_is_openapi_3_1_and_names_every_path_of_the_guide(api):
    found = document(api)
    assert found["openapi"].startswith("3.1")
    assert {
        "/workflows/generate",
        "/workflows/{workflow_id}/approve",
        "/workflows/{workflow_id}/execute",
        "/workflows/executions/{execution_id}",
        "/workflows/tasks",
    } <= set(found["paths"])


def test_every_operation_has_an_id_a_summary_security_and_the_problem_answer(api):
    found = document(api)
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["operationId"], (method, path)
            assert {"apiKey": []} in operation["security"], (method, path)
            for status in ("400", "401", "403", "429", "503"):
                answer = found["components"]["responses"][
                    operation["responses"][status]["$ref"].rpartition("/")[2]
                ]
                assert "application/problem+json" in answer["content"], (method, path, status)


def test_the_docs_load_nothing_from_another_host(city):
    client = Client()
    client.force_login(factories.make_user("viewer"))
    page = client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert loaded
    assert all(address.startswith("/") for address in loaded), loaded


def test_making_the_document_warns_of_nothing(city, capsys):
    from django.core.management import call_command

    call_command("spectacular", "--fail-on-warn", "--validate", "--file", "/dev/null")

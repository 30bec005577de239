"""Log lines: JSON with ids in production, and neither what people wrote nor what nobody may know."""

import io
import json
import logging
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from mudda.environment import BASE_DIR
from mudda.monitoring import logs
from mudda.monitoring.about import about, about_request, user_key
from tests.faults.city import letter, note, until
from tests.safety.canaries import REPORTER, STATEMENT, seen


def logged(say, formatter=None):
    """The line that a logger with our handler writes of what ``say`` tells it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.Ids())
    handler.setFormatter(formatter or logs.Json())
    logger = logging.Logger("a.logger")
    logger.addHandler(handler)
    say(logger)
    return stream.getvalue()


# --- one line ---------------------------------------------------------------------------------------


def test_a_line_has_what_it_is_about_and_nothing_that_is_not_listed():
    def say(logger):
        with about(execution="e1", step="s1", task=None):
            logger.warning("step %s failed", "s1", extra={"code": "no_address", "reporter": "Ottoline"})

    line = json.loads(logged(say))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING", "logger": "a.logger", "message": "step s1 failed", "execution": "e1", "step": "s1",
        "code": "no_address",
    }  # fmt: skip


def test_an_exception_is_told_by_its_class_and_place_and_never_by_its_words():
    def say(logger):
        try:
            try:
                raise KeyError("Ottoline")
            except KeyError as error:
                raise ValueError("reporter Ottoline") from error
        except ValueError:
            logger.exception("a defect")

    text = logged(say)
    outer, inner = json.loads(text)["error"]
    assert (outer["type"], inner["type"]) == ("builtins.ValueError", "builtins.KeyError")
    assert outer["where"][0].startswith("tests/monitoring/test_logs.py:")
    assert "Ottoline" not in text
    line = logged(say, logs.Line(texts=False, fmt="%(message)s"))
    assert "builtins.ValueError" in line and "test_logs.py" in line and "Ottoline" not in line
    assert "reporter Ottoline" in logged(say, logs.Line(texts=True, fmt="%(message)s"))


@pytest.fixture
def secrets(monkeypatch):
    given = {
        "SECRET_KEY": "the-key-of-the-site",
        "SECRET_KEY_FALLBACKS": "an-older-key,a-yet-older-key",
        "DATABASE_URL": "postgresql://mudda:p%40ssw0rd-of-it@db/x",
        "OPENAI_API_KEY": "sk-canary",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    logs._secrets.cache_clear()
    yield given
    logs._secrets.cache_clear()


@pytest.mark.parametrize(
    "secret",
    [
        "the-key-of-the-site",
        "an-older-key",
        "a-yet-older-key",
        "p%40ssw0rd-of-it",
        "p@ssw0rd-of-it",
        "sk-canary",
    ],
)
@pytest.mark.parametrize("formatter", [logs.Json(), logs.Line(texts=True, fmt="%(message)s")])
def test_a_secret_of_the_settings_is_blotted_out_whoever_lets_it_in(secrets, secret, formatter):
    line = logged(lambda logger: logger.error("cannot connect with %s", secret), formatter)
    assert secret not in line and "[secret]" in line


def test_a_user_is_named_once_known_and_never_looked_up_for_a_line():
    request = HttpRequest()
    assert user_key(request) is None
    request.user = SimpleLazyObject(lambda: pytest.fail("looked up"))
    assert user_key(request) is None
    request.request_id = "r-12345678"
    with about_request(request):
        assert json.loads(logged(lambda logger: logger.info("x") or logger.warning("y")).splitlines()[-1])[
            "request"
        ]


# --- real processes ---------------------------------------------------------------------------------


def about_run(lines, execution):
    return [line for line in lines if line.get("execution") == execution]


def test_every_line_of_the_web_server_and_the_worker_is_json_and_names_what_it_is_about(watched):
    plan = watched.approved(letter(), note())
    answer = watched.call("POST", f"/workflows/{plan}/execute", {"execution_data": {}})
    execution = answer.json()["execution_id"]
    watched.ends(execution)
    watched.expect(200, "GET", f"/workflows/executions/{execution}")

    web = list(watched.lines(watched.site.web))  # each is JSON, or this fails
    [call] = [
        line
        for line in web
        if line["logger"] == "mudda.requests" and line.get("request") == answer.headers["X-Request-ID"]
    ]
    assert (call["method"], call["route"], call["status"]) == (
        "POST",
        "workflows/<uuid:workflow_id>/execute",
        202,
    )
    assert call["workflow"] == plan and call["user"].isdigit() and call["seconds"] > 0
    [triggered] = [line for line in web if line.get("execution_id") == execution]
    assert triggered["message"] == "Workflow triggered" and triggered["workflow_id"] == plan
    assert triggered["user_id"] == int(call["user"]) and triggered["request"] == call["request"]
    assert about_run(web, execution)[-1]["route"] == "workflows/executions/<uuid:execution_id>"

    def worker_lines():
        return about_run(watched.lines(watched.site.worker), execution)

    until(
        lambda: any(
            line.get("activity") == "finish_execution" and line["message"] == "Activity ended"
            for line in worker_lines()
        )
    )
    [begun] = [
        one for one in worker_lines() if one["message"] == "Activity started" and one.get("step") == "tell"
    ]
    assert begun["activity"] == "send_notification" and begun["attempt"] == 1
    assert begun["temporal_workflow"] == f"mudda-workflow-{execution}"
    [ended] = [
        one for one in worker_lines() if one["message"] == "Activity ended" and one.get("step") == "tell"
    ]
    assert ended["outcome"] == "done" and ended["seconds"] > 0 and ended["trace"] == begun["trace"]


def test_what_the_sdk_says_of_a_run_that_cannot_be_decided_comes_as_json_too(watched):
    """From inside a workflow's sandbox, where nothing may be imported or read, and from the SDK's core."""
    at = ["--address", watched.site.temporal.address]
    of = ["--type", "PlanWorkflow", "--task-queue", "mudda-ai-workflows", "--input", '"Ottoline"']
    temporal = str(Path(sysconfig.get_path("scripts")) / "temporal")
    subprocess.run(
        [temporal, "workflow", "start", *at, "--workflow-id", "nonsense", *of], check=True, timeout=30
    )

    def said(logger):
        return [line for line in watched.lines(watched.site.worker) if line["logger"].startswith(logger)]

    [first, *_] = until(lambda: [line for line in said("temporalio.worker") if "nonsense" in line["message"]])
    assert first["level"] == "WARNING" and first["error"][0]["where"]
    until(lambda: said("temporalio.core"))
    subprocess.run(
        [temporal, "workflow", "terminate", *at, "--workflow-id", "nonsense"], check=True, timeout=30
    )
    assert "Ottoline" not in watched.site.worker.log.read_text()


def test_probes_are_no_news(watched):
    watched.site.web.wait("/readyz")
    assert not [
        line for line in watched.lines(watched.site.web) if line.get("route") in {"readyz", "healthz"}
    ]


def test_a_refusal_names_the_route_and_not_what_was_asked_for(watched):
    watched.call("GET", "/workflows/ottoline.z77@canary.example")
    [line] = [
        one
        for one in watched.lines(watched.site.web)
        if one["message"].startswith("404 ") and "no address of ours" in one["message"]
    ][-1:]
    assert line["logger"] == "mudda.problems"
    assert seen(watched.site.web.log.read_text()) == set()


@pytest.mark.parametrize(
    ("given", "format"), [({}, "line"), ({"HTTPS_ONLY": "true"}, "json"), ({"LOG_FORMAT": "json"}, "json")]
)
def test_lines_are_json_by_default_in_production_only(on_test_database, given, format):
    code = "import django; django.setup(); from django.conf import settings; print(settings.LOG_FORMAT)"
    more = {"ALLOWED_HOSTS": "x.example.org", "PUBLIC_URL": "https://x.example.org"} if given else {}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, check=True, capture_output=True, text=True,
        env={**on_test_database, "DJANGO_SETTINGS_MODULE": "mudda.settings", **given, **more},
    )  # fmt: skip
    assert ended.stdout.strip() == format


def test_the_canaries_are_real():
    assert seen(STATEMENT) and seen(str(REPORTER))

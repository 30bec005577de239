"""A real web server and real threads: what its logs say, and who is first."""

import http.cookiejar
import re
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest
from django.db import connections

from executions.deciding import TaskClosed, decide_task
from executions.links import issue_link
from executions.models import HumanTask
from mudda.devstack.processes import Child
from mudda.devstack.surroundings import free_port
from mudda.models import OutboxMessage
from mudda.web import web_command

pytestmark = pytest.mark.django_db(transaction=True)


class Browser:
    def __init__(self):
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def ask(self, url, data=None, **headers):
        request = urllib.request.Request(url, data, headers)
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.status, answer.geturl(), answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, url, answer.read().decode()


def test_the_token_is_in_no_log_of_a_web_server_that_logs_every_request(
    wait_for, on_test_database, tmp_path, settings
):
    task = wait_for("ask_reporter")
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    settings.PUBLIC_URL = site
    link = issue_link(task, "issue.reporter")
    token = link.rpartition("/")[2]
    command = [part for part in web_command("127.0.0.1", port) if part not in {"--no-access-log", "warning"}]
    at = command.index("--log-level")
    command[at : at + 1] = ["--log-level", "debug"]
    log = tmp_path / "web.log"
    web = Child("web server", command, {**on_test_database, "PUBLIC_URL": site, "LOG_LEVEL": "DEBUG"}, log)
    web.start()
    try:
        web.wait_until_said("Application startup complete")
        browser = Browser()
        status, page, text = browser.ask(link)
        assert (status, "Is the water still running?" in text) == (200, True)
        assert token not in page
        assert browser.ask(link, b"do=done")[0] in (
            403,
            405,
        )  # Django's CSRF check names paths in its warning
        assert browser.ask(f"{site}/t/{token}x")[0] == 404
        assert browser.ask(f"{link}/")[0] == 404
        assert browser.ask(f"{link}?utm=1")[0] == 200
        assert browser.ask(f"{site}/healthz", Referer=link)[0] == 200
        form = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]
        fields = {"csrfmiddlewaretoken": form, "do": "done", "answer-answer": "yes"}
        status, _, text = browser.ask(page, urllib.parse.urlencode(fields).encode(), Origin=site)
        assert (status, "Thank you" in text) == (200, True)
    finally:
        web.stop()
    said = log.read_text()
    assert "GET /t/… HTTP" in said
    assert token not in said and token[:20] not in said


def together(*works):
    """Do these at the same moment; what each gave or raised."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def do(at, work):
        try:
            gate.wait()
            results[at] = work()
        except Exception as error:
            results[at] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_of_two_people_at_the_same_moment_one_is_first_and_the_other_is_told(wait_for):
    from tests import factories

    staff = factories.make_user("dispatcher", departments=("water",))
    for _ in range(5):
        task = wait_for("ask_reporter")
        links = list(task.links.all())
        assert len(links) == 1
        works = [
            lambda link=links[0], answer=answer: decide_task(
                task_id=link.task_id, outcome="done", answer={"answer": answer}, by=link
            )
            for answer in (True, False)
        ]
        works.append(
            lambda task=task: decide_task(task_id=task.pk, outcome="done", answer={"answer": True}, by=staff)
        )
        results = together(*works)
        assert [type(result) for result in results].count(TaskClosed) == 2, results
        assert sum(isinstance(result, HumanTask) for result in results) == 1, results
        assert OutboxMessage.objects.filter(payload__task_id=str(task.pk)).count() == 1
        late = next(result for result in results if isinstance(result, TaskClosed))
        assert late.extra["decided_by"] in ("issue.reporter", staff.username)

"""Who calls, and what there is to call about. Imports what needs Django when it is asked for."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

GROUPS = ("viewer", "dispatcher", "planner", "approver", "supervisor", "administrator")
DEPARTMENT = "water"
SERVICE, TIED, TOKEN, NOBODY = (
    "service account",
    f"key of the {DEPARTMENT} department",
    "OAuth token",
    "nobody",
)
ROLES = (SERVICE, *GROUPS, TIED, TOKEN, NOBODY)
"""A service account with every scope; a key of a member of each group; one that is tied to a department; a token of
an administrator's client; and somebody without any."""

STATEMENTS = ("Water leak at 123 Main St", "Pothole on 5 Oak Ave", "Streetlight is out at 9 Elm St")
WAITING_SECONDS = 60.0


def authorization_of(role: str) -> str | None:
    """The ``Authorization`` that a caller of this role sends; None of nobody."""
    from mudda.apikeys import create_api_key
    from mudda.scopes import known
    from tests import factories

    if role == NOBODY:
        return None
    if role == SERVICE:
        return f"Api-Key {factories.make_key()}"
    if role == TIED:
        supervisor = factories.make_user("supervisor")
        made = create_api_key(name=role, scopes=known(), owner=supervisor, departments=[DEPARTMENT])
        return f"Api-Key {made[1]}"
    if role == TOKEN:
        return f"Bearer {_token()}"
    return f"Api-Key {factories.make_key(owner=factories.make_user(role))}"


def _token() -> str:
    from django.test import Client

    from mudda.apikeys import create_api_key
    from mudda.oauth import make_client
    from mudda.scopes import known
    from tests import factories

    owner = factories.make_user("administrator")
    key, _ = create_api_key(name="fuzz client", scopes=known(), owner=owner)
    client_id, secret = make_client(key)
    given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = Client(SERVER_NAME="localhost").post("/oauth/token", given)
    return str(answer.json()["access_token"])


def seed_city(authorization: str) -> None:
    """Rows of every kind, made through the API's doors: what is listed, read and changed first.

    A worker has to run: the runs wait for people when this returns.
    """
    from tests import factories

    factories.load_city()
    _publish_policies()
    caller = _Caller(authorization)
    for statement in STATEMENTS:
        issue = caller.call("POST", "/issues", {"statement": statement, "category": "water_leak"}, 201)
        caller.call("POST", f"/issues/{issue['issue_id']}/notes", {"text": "Seen.", "visible": True}, 201)
        drafted = {"problem_statement": statement, "issue_id": issue["issue_id"]}
        plan = caller.call("POST", "/workflows/generate", drafted, 201)
        run = {"execution_data": {"priority": "high"}, "approve": True}
        caller.call("POST", f"/workflows/{plan['workflow_id']}/execute", run, 202)
    caller.call("POST", "/workflows/generate", {"problem_statement": STATEMENTS[0]}, 201)
    _subscribe(caller)
    caller.wait_for_tasks()


def _publish_policies() -> None:
    from io import StringIO

    from django.core.management import call_command

    call_command("load_sample_policies", stdout=StringIO())


def _subscribe(caller: "_Caller") -> None:
    from mudda.models import WebhookAllowedHost

    WebhookAllowedHost.objects.create(host="127.0.0.1")
    hook = caller.call("POST", "/webhooks", {"url": "http://127.0.0.1:9/hook", "types": ["*"]}, 201)
    caller.call("POST", f"/webhooks/{hook['webhook_id']}/test", None, 202)


class _Caller:
    def __init__(self, authorization: str) -> None:
        from django.test import Client

        self._client = Client(SERVER_NAME="localhost", headers={"Authorization": authorization})

    def call(self, method: str, path: str, body: Any, expected: int) -> Mapping[str, Any]:
        """The answer's JSON.

        Raises:
            AssertionError: the answer has another status.
        """
        answer = self._client.generic(method, path, _encoded(body), content_type="application/json")
        assert answer.status_code == expected, (method, path, answer.status_code, answer.content[:500])
        found: Mapping[str, Any] = answer.json()
        return found

    def wait_for_tasks(self) -> None:
        """Wait until somebody is asked something in every run.

        Raises:
            TimeoutError: that takes more than a minute.
        """
        until = time.monotonic() + WAITING_SECONDS
        while not all(run["waiting_on"] for run in self._runs()):
            if time.monotonic() > until:
                raise TimeoutError("The runs wait for nobody: does a worker run?")
            time.sleep(0.2)

    def _runs(self) -> Iterator[Mapping[str, Any]]:
        for run in self.call("GET", "/workflows/executions", None, 200)["results"]:
            yield self.call("GET", f"/workflows/executions/{run['id']}", None, 200)


def _encoded(body: Any) -> bytes:
    import json

    return b"" if body is None else json.dumps(body).encode()

"""A real peer for the planner: aimock, a server that speaks OpenAI's protocol, with a tap before it.

aimock does not check what it is asked, and its journal keeps a changed form of it. So every request goes through a
proxy that keeps the bytes; when a test ends, each of them is checked against the SDK's own types, and against
OpenAI's description of its API where that is beside the repository.

Fixtures: ``openai_server`` (an ``OpenAIServer``, empty), made of one process a session. Everything that asks about a
report is answered by the step that asks: ``choose``, ``write`` and ``revise`` prepare answers for each.
"""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from mudda.devstack.surroundings import free_port
from workflows.planning.breaker import forget_failures
from workflows.planning.dialects import forget_dialects

FOLDER = Path(sys.prefix) / "aimock"
OPENAPI = Path(__file__).parents[2] / "shared" / "data" / "openai" / "openapi.json"
STEPS = {
    "choose": "You prepare work plans for a city.",
    "write": "You draft work plans for a city.",
    "revise": "You revise work plans of a city.",
}
_ENDS_WITH_US = "process.stdin.resume().on('end', () => process.exit()); await import({cli!r})"
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class OpenAIServer:
    """What the model answers, what goes wrong, and what it was asked (``requests``: path, headers, JSON)."""

    def __init__(self, aimock_port: int):
        self._aimock = aimock_port
        self.requests: list[tuple[str, typing.Any, typing.Any]] = []
        self.speaks_responses = True  # False: a server with chat completions only
        self._tap = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._tap.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._tap.server_port}/v1"

    def close(self):
        self._tap.shutdown()
        self._tap.server_close()
        self._thread.join()

    # --- what is answered -------------------------------------------------------------------------

    def choose(self, *answers, **further):
        """Answer the question of what is relevant: with each answer once, with the last one from then on."""
        self._answer("choose", answers, further)

    def write(self, *answers, **further):
        """Answer the question for a plan. An answer is a dict, a text, or ``error(...)``."""
        self._answer("write", answers, further)

    def revise(self, *answers, **further):
        self._answer("revise", answers, further)

    def error(self, status, code=None, message="no", retry_after=None):
        """An answer that is an error of the service."""
        told = {"error": {"message": message, "type": "error", "code": code}, "status": status}
        return told if retry_after is None else {**told, "retryAfter": retry_after}

    def chaos(self, **rates):
        """Faults of every answer: ``dropRate``, ``malformedRate``, ``disconnectRate``, ``rateLimitRate`` (0 to 1),
        ``latencyMs``. Nothing given: none."""
        self._control("/chaos", rates)

    def _answer(self, step, answers, further):
        last = len(answers) - 1
        fixtures = []
        for index, answer in enumerate(answers):
            match = {"systemMessage": STEPS[step], **({"sequenceIndex": index} if index < last else {})}
            is_error = isinstance(answer, dict) and "error" in answer
            usage = {
                "prompt_tokens": 100, "completion_tokens": 50, "input_tokens": 100, "output_tokens": 50,
            }  # fmt: skip
            text = answer if isinstance(answer, str) else json.dumps(answer)
            response = answer if is_error else {"content": text, "usage": usage, **further}
            fixtures.append({"match": match, "response": response})
        self._control("/fixtures", {"fixtures": fixtures})

    def _control(self, path, body):
        request = Request(  # noqa: S310 - our own server on loopback
            f"http://127.0.0.1:{self._aimock}/__aimock{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200

    def reset(self):
        self._control("/reset", {})
        self.chaos()
        self.requests.clear()
        self.speaks_responses = True
        forget_failures()
        forget_dialects()

    # --- what was asked ---------------------------------------------------------------------------

    def bodies(self, step=None):
        """The requests as JSON; only those of a step when it is given."""
        bodies = [body for _, _, body in self.requests]
        return [body for body in bodies if step is None or STEPS[step] in instructions_of(body)]

    def paths(self):
        return [path for path, _, _ in self.requests]

    def _handler(self):
        owner = self

        class Tap(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                owner.requests.append((self.path, dict(self.headers), json.loads(raw)))
                if self.path == "/v1/responses" and not owner.speaks_responses:
                    return self._pass_on(404, [], b'{"error": {"message": "Not found", "code": null}}')
                try:
                    status, headers, body = owner._forward(self.path, self.headers, raw)
                except (http.client.HTTPException, OSError):
                    self.close_connection = True  # as aimock did with ours
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return None
                return self._pass_on(status, headers, body)

            def _pass_on(self, status, headers, body):
                try:
                    self.send_response(status)
                    for name, value in headers:
                        if name.lower() not in _HOP:
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # whoever asked has gone

            def log_message(self, *args):
                pass

        return Tap

    def _forward(self, path, headers, raw):
        connection = http.client.HTTPConnection("127.0.0.1", self._aimock, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in _HOP}
            connection.request("POST", path, raw, {**kept, "Content-Length": str(len(raw))})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def instructions_of(body):
    return body.get("instructions") or body["messages"][0]["content"]


def text_of(body):
    """All that a request says, instructions included."""
    return json.dumps(body, ensure_ascii=False)


@pytest.fixture(scope="session")
def aimock(tmp_path_factory):
    """The port of the session's aimock process."""
    cli = FOLDER / "dist" / "cli.js"
    if not cli.is_file():
        pytest.fail("The tests' OpenAI server is not installed: run `make aimock` (once).", pytrace=False)
    folder = tmp_path_factory.mktemp("aimock")
    # aimock does not start without any answer; the first reset takes this one away.
    first = {"fixtures": [{"match": {"userMessage": "never asked"}, "response": {"content": "nothing"}}]}
    (folder / "first.json").write_text(json.dumps(first))
    port = free_port()
    command = ["node", "--input-type=module", "-e", _ENDS_WITH_US.format(cli=str(cli)), "--"]
    options = [
        "-p",
        str(port),
        "-f",
        str(folder / "first.json"),
        "--journal-max",
        "50",
        "--log-level",
        "warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)
        process.stdin.close()


def _wait_for(port, process, log):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    pytest.fail(f"aimock did not start:\n{log.read_text()}", pytrace=False)


@pytest.fixture(scope="session")
def tapped_aimock(aimock):
    server = OpenAIServer(aimock)
    yield server
    server.close()


@pytest.fixture
def openai_server(tapped_aimock, request_rules):
    """The server without any answer; what it was asked is checked at the end."""
    tapped_aimock.reset()
    yield tapped_aimock
    for path, _, body in tapped_aimock.requests:
        request_rules(path, body)
    forget_failures()
    forget_dialects()


# --- is it a request as OpenAI wants it? ------------------------------------------------------------


@pytest.fixture(scope="session")
def request_rules():
    """A function that raises when a request (path, JSON body) is not as OpenAI describes it."""
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
    from pydantic import TypeAdapter

    types = {
        "/v1/responses": ResponseCreateParamsNonStreaming,
        "/v1/chat/completions": CompletionCreateParamsNonStreaming,
    }
    adapters = {path: TypeAdapter(kind) for path, kind in types.items()}
    described = _described()

    def check(path, body):
        assert set(body) <= set(typing.get_type_hints(types[path])), "a parameter that the SDK does not know"
        _exhaust(adapters[path].validate_python(body))
        if described:
            described[path].validate(body)

    return check


def _exhaust(value):
    """Look at all of it: pydantic checks the members of an ``Iterable``, such as messages, only as they are taken."""
    if isinstance(value, dict):
        for one in value.values():
            _exhaust(one)
    elif not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        for one in value:
            _exhaust(one)


def _described():
    if not OPENAPI.is_file():
        return {}
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    components = json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]
    names = {"/v1/responses": "CreateResponse", "/v1/chat/completions": "CreateChatCompletionRequest"}
    schemas = {
        path: {"$ref": f"#/components/schemas/{name}", "components": components}
        for path, name in names.items()
    }
    return {
        path: validator_for(schema, default=Draft202012Validator)(schema) for path, schema in schemas.items()
    }

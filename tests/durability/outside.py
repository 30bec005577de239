"""A real HTTP server that is what plans of these tests do outside: it counts, and holds its answers when told to."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_HOLD = 90.0


class Hold:
    """Holds the answer until it is let go; ``arrived`` is set once somebody has asked."""

    def __init__(self, path: str, answer: dict[str, Any]) -> None:
        self.path, self.answer = path, answer
        self.arrived = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> dict[str, Any]:
        self.arrived.set()
        self.released.wait(LONGEST_HOLD)
        return self.answer

    def wait(self) -> None:
        assert self.arrived.wait(LONGEST_HOLD), f"nobody came to {self.path}"


class Outside:
    """``visits`` has, by path, the keys in the order in which they came; a visit counts as soon as it is there. Who
    asks by GET what came of a key is told ``{"receipt": {}}``, or null where it never came; ``questions`` has these.

    ``plans`` has, by path, what the next visits are answered with; then ``{}``.
    """

    def __init__(self) -> None:
        self.visits: dict[str, list[str]] = defaultdict(list)
        self.questions: dict[str, list[str]] = defaultdict(list)
        self.plans: dict[str, list[Callable[[], dict[str, Any]]]] = defaultdict(list)
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def hold(self, path: str, *, times: int = 1, **answer: Any) -> Hold:
        """Hold the next answers at this path until ``released`` is set."""
        hold = Hold(path, answer)
        self.plans[path] += [hold] * times
        return hold

    def say(self, path: str, **answer: Any) -> None:
        """What the next visit at this path is answered with."""
        self.plans[path].append(lambda: answer)

    def _handler(self):
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                with outside.lock:
                    outside.visits[self.path].append(self.headers["Idempotency-Key"] or "")
                    plans = outside.plans[self.path]
                    plan = plans.pop(0) if plans else dict
                self._answer(plan())

            def do_GET(self):
                key = self.headers["Idempotency-Key"] or ""
                with outside.lock:
                    outside.questions[self.path].append(key)
                    known = key in outside.visits[self.path]
                self._answer({"receipt": {} if known else None})

            def _answer(self, answer):
                body = json.dumps(answer).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return  # whoever asked is dead

            def log_message(self, *arguments):
                pass

        return Handler

"""A receiver of webhooks: a real HTTP server, which remembers what came and answers as a test says."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE = 30.0


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    said: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.said = json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return self.said["type"]

    @property
    def place(self) -> tuple[str, int]:
        return self.said["data"]["stream"], self.said["data"]["seq"]


Answer = Callable[[Received], int | tuple[int, dict[str, str]]]


class Receiver:
    """``answer`` gets each message before it is answered, on a thread of its own: it may take its time."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.received: list[Received] = []
        self.answer: Answer = lambda message: 204
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.take(Received(self.path, headers, body))
                status, more = status if isinstance(status, tuple) else (status, {})
                self.send_response(status)
                for name, value in {"Content-Length": "0", **more}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{host}:{self.port}/hook"

    def start(self) -> None:
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def take(self, message: Received) -> int | tuple[int, dict[str, str]]:
        with self._came:
            self.received.append(message)
            self._came.notify_all()
        return self.answer(message)

    def wait(self, count: int) -> list[Received]:
        """The first ``count`` messages, once they are there."""
        with self._came:
            came = self._came.wait_for(lambda: len(self.received) >= count, timeout=DEADLINE)
            assert came, f"only {len(self.received)} of {count} came"
            return self.received[:count]

    def stays_silent(self, seconds: float = 2.5) -> bool:
        """Whether nothing (more) comes: longer than senders rest between looks."""
        before = len(self.received)
        time.sleep(seconds)
        return len(self.received) == before

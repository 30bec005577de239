"""The stack that is measured: real servers and processes of mudda's own, and how the benchmarks reach them.

The benchmarks' own process is set up as one more process of the stack, so that it reads and writes the same
database through the same models.
"""

import contextlib
import http.client
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
import psutil
from temporalio.client import Client

from benchmarks.worker import QUEUE
from mudda.devstack.processes import Child, Web
from mudda.devstack.site import Site
from mudda.devstack.surroundings import free_port
from mudda.devstack.temporal import Temporal

APPLICATION = "mudda.asgi:application"
SCOPES = (
    "issues:read",
    "plans:read",
    "plans:write",
    "plans:approve",
    "executions:read",
    "executions:write",
    "tasks:read",
)
STABLE = 1.5
"""Seconds without a change, after which the server's count of actions is taken to be whole."""


class Stack:
    """A site with an in-memory Temporal that counts its actions, and a key to its API."""

    def __init__(self, home: Path) -> None:
        self.site = Site(
            home,
            {
                "CITY_APPS": "benchmarks.apps.BenchmarksConfig",
                "LOG_LEVEL": "WARNING",
                "RATE_LIMIT_KEY": "100000000",  # counted like everybody's calls, but never spent
            },
        )
        self.site.temporal = Temporal(home / "logs", durable=False, stack=home, metrics_port=free_port())
        self.key = ""

    def start(self) -> None:
        """Start everything, and set Django up in this process."""
        self.site.start()
        os.environ.clear()  # nothing of the caller's bends what is measured
        os.environ.update(self.site.environment, DJANGO_SETTINGS_MODULE="mudda.settings")
        django.setup()
        from mudda.apikeys import create_api_key

        self.key = create_api_key(name="benchmark", scopes=SCOPES)[1]

    async def client(self) -> Client:
        return await Client.connect(self.site.temporal.address)

    @contextlib.contextmanager
    def both_workflows(self) -> Iterator[None]:
        """Instead of mudda's worker, one with the hand-written workflow beside ours."""
        self.site.worker.stop()
        log = self.site.home / "logs" / "benchmark-worker.log"
        worker = Child("worker", [sys.executable, "-m", "benchmarks.worker"], dict(os.environ), log)
        try:
            worker.start()
            while not self.site.temporal.has_worker(QUEUE):
                worker.require_alive()
                time.sleep(0.1)
            yield
        finally:
            worker.stop()
            self.restart_worker()

    def restart_worker(self) -> None:
        """Start mudda's worker again, and wait until it polls."""
        self.site.worker.start()
        self.site.wait()

    def worker_memory(self) -> int:
        """Bytes that mudda's worker has in memory (RSS)."""
        return int(psutil.Process(self.site.worker.pid).memory_info().rss)

    def stable_actions(self) -> Counter[str]:
        """The server's count of actions, once it doesn't change any more."""
        seen, since = self.site.temporal.actions(), time.monotonic()
        while time.monotonic() - since < STABLE:
            time.sleep(0.2)
            if (now := self.site.temporal.actions()) != seen:
                seen, since = now, time.monotonic()
        return seen

    def caller(self) -> "Caller":
        return Caller(self.site.host, self.site.port, self.key)

    @contextlib.contextmanager
    def server(self, application: str, variables: Mapping[str, str]) -> Iterator[Web]:
        """Another web server on the same database and Temporal, started as mudda's own is."""
        environment = {**os.environ, **variables}
        log = self.site.home / "logs" / f"{uuid4()}.log"
        web = Web(self.site.host, free_port(), environment, log)
        web.command = [application if word == APPLICATION else word for word in web.command]
        try:
            web.start()
            web.wait()
            yield web
        finally:
            web.stop()


class Caller:
    """A caller of the API with a connection of its own; one for each thread."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self.headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}

    def hang_up(self) -> None:
        """Close the connection, which the next call opens: the server closes one that nothing was said on for long."""
        self._connection.close()

    def timed(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expected: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> float:
        """Call, read the whole answer, and return the seconds that it took.

        Raises:
            RuntimeError: the answer has another status.
        """
        content = None if body is None else json.dumps(body)
        sent = {**self.headers, **(headers or {})}
        begun = time.perf_counter()
        self._connection.request(method, path, body=content, headers=sent)
        answer = self._connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - begun
        if answer.status != expected:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:500]}")
        return took


def in_threads(work: list[Any], threads: int, do: Any) -> None:
    """``do(item, thread number)`` for all of ``work``, as fast as ``threads`` threads can; raises their errors."""
    left, lock, errors = iter(work), threading.Lock(), list[BaseException]()

    def run(number: int) -> None:
        while not errors:
            with lock:
                item = next(left, None)
            if item is None:
                return
            try:
                do(item, number)
            except BaseException as error:  # raised below
                errors.append(error)

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    if errors:
        raise errors[0]


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack in a folder of its own; all of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mudda-benchmarks-"))
    stack = Stack(home)
    try:
        stack.start()
        yield stack
    finally:
        stack.site.stop()
        shutil.rmtree(home, ignore_errors=True)

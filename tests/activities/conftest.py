"""A city that has done what docs/activities.md says: its app installed, its depot answering."""

import json
import os
import re
import shutil
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.faults.city import City
from tests.faults.mail import PostOffice

PAGE = Path(__file__).resolve().parents[2] / "docs/activities.md"


def blocks(language: str) -> list[str]:
    """The page's code blocks in this language, as a reader would copy them."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


class Depot:
    """The outside service of the page: books once per ``Idempotency-Key``; answers ``problems`` first."""

    def __init__(self) -> None:
        self.bookings: dict[str, dict] = {}
        self.problems: list[int] = []
        self.asked = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, key: str, body: dict) -> tuple[int, dict]:
        self.asked += 1
        if self.problems:
            return self.problems.pop(0), {}
        self.bookings.setdefault(key, body)
        at = list(self.bookings).index(key) + 1
        return 201, {"booking_id": f"B-{at}", "day": "2026-05-04", "ours": "not in the output"}

    def _handler(self):
        depot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = depot.answer(self.headers["Idempotency-Key"], body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *arguments):
                pass

        return Handler


@pytest.fixture(scope="package")
def depot():
    depot = Depot()
    yield depot
    depot.stop()


@pytest.fixture(scope="package")
def installed(depot):
    """The page's files in a folder, and its ``export`` lines as variables, with our places for the page's."""
    folder = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-app-"))
    for code in blocks("python"):
        path = folder / re.match(r"# (\S+)\n", code)[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    variables = dict(re.findall(r"^export (\w+)=(\S+)$", "\n".join(blocks("sh")), re.MULTILINE))
    yield {**variables, "PYTHONPATH": str(folder), "OAKVILLE_DEPOT_URL": depot.url}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def one_city(installed):
    office = PostOffice()
    office.start()
    city = City(Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-oakville-")), office, **installed)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(city.site.home, ignore_errors=True)


@pytest.fixture
def city(one_city) -> City:
    """The site, whole, with an empty mail server."""
    one_city.mend()
    return one_city

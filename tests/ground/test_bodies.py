"""A body over its limit is refused while it comes, by the real web server: nothing of it is kept."""

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
import pytest

from tests import factories

MEGABYTE = 1_000_000
ENDLESS = 5_000_000_000_000


class Endless:
    """Parts of a body, until somebody stops taking them or ``most`` bytes were taken."""

    def __init__(self, part: bytes, most: int) -> None:
        self.part, self.most, self.sent = part, most, 0

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < self.most:
            self.sent += len(self.part)
            yield self.part


def say(url: str, head: str, parts: Iterable[bytes] = ()) -> tuple[int, dict]:
    """Send a request as far as the server takes it; its status and problem document."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(f"{head}\r\nHost: {place.netloc}\r\n\r\n".encode())
        try:
            for part in parts:
                line.sendall(part)
        except OSError:
            pass  # it has hung up: its answer is there
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
            more = line.recv(65_536)
            assert more, f"It hung up after {answer!r}."
            answer += more
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    "path", ["/healthz", "/workflows/generate", "/nothing/here", "/t/unknown/", "/admin/login/"]
)
def test_a_body_that_announces_too_much_is_refused_before_any_of_it_is_kept(live_web, path):
    head = (
        f"POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {ENDLESS}"
    )
    body = Endless(b"x" * MEGABYTE, 300 * MEGABYTE)
    status, problem = say(live_web.url, head, body)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert problem["request_id"]
    assert body.sent < body.most, "it has hung up"


@pytest.mark.parametrize(
    ("path", "kind", "most"),
    [
        ("/workflows/generate", "application/json", 1_000_000),
        ("/issues/ISSUE-000001/attachments", "multipart/form-data; boundary=x", 10_100_000),
    ],
)
def test_a_body_that_does_not_say_its_length_is_refused_once_it_is_too_long(live_web, path, kind, most):
    head = f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked"
    body = Endless(b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 30 * most)
    status, problem = say(live_web.url, head, body)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert body.sent < body.most, "it has hung up"


def test_a_body_that_is_a_little_too_long_may_be_sent_to_its_end(live_web):
    """As clients do that read no answer before; the connection is good for another request."""
    place = urlsplit(live_web.url)
    connection = HTTPConnection(place.hostname, place.port, timeout=20)
    connection.request("POST", "/workflows/generate", b"x" * (MEGABYTE + MEGABYTE // 2))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (413, None)
    assert json.loads(answer.read())["code"] == "body_too_large"
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()


def test_files_wait_on_disk_while_they_come_however_many_there_are(live_web):
    """Ten of almost 10 MB at the same time: of what has come the process holds a small part."""
    factories.load_city()
    place, key, several = urlsplit(live_web.url), factories.make_key(), 10
    head = (
        f"POST /issues/ISSUE-999999/attachments HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Api-Key {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {9_900_000}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
    ).encode()
    process = psutil.Process(live_web.pid)
    before = process.memory_info().rss
    with ExitStack() as lines:
        for _ in range(several):
            line = lines.enter_context(socket.create_connection((place.hostname, place.port), timeout=60))
            line.sendall(head)
            for _ in range(9):  # all but the end
                line.sendall(b"x" * MEGABYTE)
        urlopen(f"{live_web.url}/healthz").read()  # sent on is what has been read; and it still answers
        assert process.memory_info().rss - before < several * 9 * MEGABYTE / 3

"""A body over its limit is refused while it comes, by the real web server: nothing of it is kept."""

import json
import socket
from urllib.parse import urlsplit

import pytest

ENDLESS = 5_000_000_000_000


def say(url: str, head: str, *parts: bytes) -> tuple[int, dict]:
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
def test_a_body_that_announces_too_much_is_refused_before_any_of_it_is_read(live_web, path):
    head = (
        f"POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {ENDLESS}"
    )
    status, problem = say(live_web.url, head)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert problem["request_id"]


def test_a_body_that_does_not_say_its_length_is_refused_once_it_is_too_long(live_web):
    head = "POST /workflows/generate HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    status, problem = say(live_web.url, head, *[chunk] * 20)
    assert (status, problem["code"]) == (413, "body_too_large")

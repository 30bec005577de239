"""What a roll-out rests on: probes that tell the truth, and processes that end what they have begun."""

import json
import socket
import subprocess
from urllib.parse import urlsplit

import httpx

from mudda.devstack.processes import Child, manage
from mudda.devstack.surroundings import free_port
from tests.faults.city import until


def status(port, path):
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=20).status_code
    except httpx.TransportError:
        return None


def test_the_workers_probes_say_whether_it_lives_and_whether_it_polls(start_worker):
    port = free_port()
    worker = start_worker(WORKER_HEALTH_PORT=str(port))
    until(lambda: status(port, "/readyz") == 200)
    assert status(port, "/healthz") == 200
    assert status(port, "/elsewhere") == 404
    assert worker.stop() == 0
    assert status(port, "/healthz") is None


def test_a_worker_without_temporal_lives_but_is_not_ready(start_worker):
    port = free_port()
    start_worker(WORKER_HEALTH_PORT=str(port), TEMPORAL_HOST=f"127.0.0.1:{free_port()}")
    until(lambda: status(port, "/healthz") == 200)
    assert status(port, "/readyz") == 503


def test_a_new_build_is_made_current_once_it_polls_and_not_before(start_worker, on_test_database, tmp_path):
    build = {
        "TEMPORAL_DEPLOYMENT_NAME": "rolled",
        "TEMPORAL_BUILD_ID": "one",
        "TEMPORAL_TASK_QUEUE": "rolled",
    }
    command = manage("make_build_current", "--within")
    environment = on_test_database | build

    early = subprocess.run([*command, "0"], env=environment, capture_output=True, text=True, check=False)
    assert early.returncode != 0
    assert "was not made current" in early.stderr

    waiting = Child("job", [*command, "60"], environment, tmp_path / "job.log")
    waiting.start()
    try:
        port = free_port()
        start_worker(**build, WORKER_HEALTH_PORT=str(port))
        until(lambda: waiting.returncode is not None, 60)
    finally:
        waiting.stop()
    assert waiting.returncode == 0, waiting.log.read_text()
    assert "Build one of rolled is current." in waiting.log.read_text()
    until(lambda: status(port, "/readyz") == 200)  # versioned workers are seen by their probe as well


def begun(url):
    """A request of which the server has read the beginning: its socket, and the rest of it."""
    place = urlsplit(url)
    body = json.dumps({"problem_statement": "Water leak"}).encode()
    head = (
        f"POST /workflows/generate HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((place.hostname, place.port), timeout=30)
    connection.sendall(head.encode() + body[:5])
    return connection, body[5:]


def test_the_web_server_answers_what_it_has_begun_and_takes_nothing_new(live_web):
    connection, rest = begun(live_web.url)
    # Answered after the beginning of the other came in, so the server has that.
    assert httpx.get(f"{live_web.url}/healthz", trust_env=False).status_code == 200
    live_web._process.terminate()
    until(lambda: not takes_more(live_web.url))
    assert live_web.pid is not None
    connection.sendall(rest)
    assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")  # nobody was logged in: an answer all the same
    connection.close()
    until(lambda: live_web.pid is None)
    assert live_web.returncode in (0, -15)


def takes_more(url):
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port), timeout=1).close()
    except OSError:
        return False
    return True

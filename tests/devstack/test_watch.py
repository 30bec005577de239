"""The look-out of ``make up``."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mudda.devstack.surroundings import MARK


@pytest.fixture
def sleeper(tmp_path):
    started = []

    def start(**variables):
        process = subprocess.Popen(["sleep", "60"], env={**os.environ, **variables})
        # Reaped at once when it ends, as a child of init would be.
        threading.Thread(target=process.wait, daemon=True).start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def watch(tmp_path):
    started = []

    def start(owner, url="http://127.0.0.1:1", *more):
        command = [
            sys.executable,
            "-m",
            "mudda.devstack.watch",
            "--home",
            str(tmp_path),
            "--owner",
            str(owner),
        ]
        command += ["--ask", url, "--shown", url, *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def site():
    class Site(BaseHTTPRequestHandler):
        statuses = [503, 200]

        def do_GET(self):
            assert self.path == "/readyz"
            self.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_says_ready_once_the_web_server_is(watch, site):
    process = watch(os.getpid(), site)
    assert process.stdout.readline() == f"ready {site}/\n"
    assert process.poll() is None


def test_a_part_that_ends_is_named_with_the_end_of_its_log(watch, sleeper, tmp_path):
    part, log = sleeper(), tmp_path / "part.log"
    log.write_text("the last words\n")
    process = watch(os.getpid(), "http://127.0.0.1:1", "--part", f"{part.pid}:{log}:PostgreSQL")
    part.kill()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"PostgreSQL (process {part.pid}) has ended" in output
    assert "the last words" in output


def test_when_the_process_manager_is_killed_the_rest_is_cleared_up(watch, sleeper, tmp_path):
    owner, ours, others = sleeper(), sleeper(**{MARK: str(tmp_path)}), sleeper()
    process = watch(owner.pid)
    owner.kill()
    process.communicate(timeout=20)
    assert process.returncode == 1
    assert ours.wait(5) != 0
    assert others.poll() is None

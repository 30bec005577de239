"""``make up`` as its user meets it: a process that prints, answers, refuses and goes."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from mudda.devstack.processes import ask
from mudda.devstack.surroundings import MARK, free_port, hermetic

ROOT = Path(__file__).parents[2]
READY_SECONDS = 90


class Up:
    """``make up`` in a folder of its own."""

    def __init__(self, home, **variables):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **hermetic(os.environ),
            "MUDDA_HOME": str(home),
            "MUDDA_ENV_FILE": str(home / "env"),  # no .env of whoever runs the tests
            "API_PORT": str(self.port),
            **variables,
        }
        self.output = ""
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "mudda.devstack.up"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def ready(self):
        self.wait_for(f"ready {self.url}/\n")
        return self

    def wait_for(self, text):
        until = time.monotonic() + READY_SECONDS
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.05)

    def end(self, signum=signal.SIGTERM):
        self.process.send_signal(signum)
        return self.process.wait(60)

    def manage(self, *arguments):
        """``manage.py`` in another terminal, which knows the folder and nothing else."""
        known = {name: self.environment[name] for name in ("PATH", "HOME", "MUDDA_HOME", "MUDDA_ENV_FILE")}
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60)

    def processes(self):
        """Ids of all processes that belong to this stack, from /proc."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                marked = f"{MARK}={self.home}\0".encode() in (entry / "environ").read_bytes() + b"\0"
                if entry.name.isdigit() and (
                    marked or str((entry / "cwd").readlink()).startswith(str(self.home))
                ):
                    found.append(int(entry.name))
        return found

    def wait_until_gone(self, seconds=30):
        until = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < until, self.processes()
            time.sleep(0.1)

    def _read(self):
        for line in self.process.stdout:
            self.output += line


@pytest.fixture
def make_up():
    started = []

    def make(home=None, **variables):
        home = home or Path(tempfile.mkdtemp(prefix="mudda-up-"))
        up = Up(home, **variables)
        started.append(up)
        return up

    yield make
    for up in started:
        if up.process is not None and up.process.poll() is None:
            up.end()
        shutil.rmtree(up.home, ignore_errors=True)


def test_it_is_ready_is_found_by_manage_py_survives_a_restart_and_leaves_nothing_behind(make_up):
    up = make_up().start().ready()
    assert ask(f"{up.url}/healthz") == "200"
    assert "PostgreSQL  embedded" in up.output
    assert "Temporal    embedded" in up.output
    key = re.search(r"API key +(\S+)", up.output)[1]
    assert re.search(r"staff account +admin +\S{16}", up.output)

    found = up.manage("create_api_key", "another", "--scope", "plans:read")
    assert found.returncode == 0, found.stderr

    second = make_up(home=up.home).start()
    assert second.process.wait(30) == 1
    time.sleep(0.2)
    assert f"already runs in {up.home}" in second.output
    assert up.url in second.output

    assert up.end() == 0
    assert up.processes() == []
    assert not (up.home / "stack.env").exists()

    again = make_up(home=up.home).start().ready()
    assert "API key" not in again.output
    request = urllib.request.Request(f"{again.url}/workflows", headers={"Authorization": f"Api-Key {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    assert again.end(signal.SIGINT) == 0
    assert again.processes() == []


def test_of_two_stacks_side_by_side_one_is_killed_without_a_trace_and_the_other_goes_with_its_web_server(
    make_up,
):
    one, two = make_up().start(), make_up().start()
    one.ready()
    two.ready()

    one.process.kill()
    one.process.wait()
    one.wait_until_gone()
    assert not (one.home / "stack.env").exists()
    assert ask(f"{two.url}/readyz") == "200"

    web = int(re.search(r"web started \(pid=(\d+)\)", two.output)[1])
    os.kill(web, signal.SIGKILL)
    assert two.process.wait(60) == signal.SIGKILL
    assert two.processes() == []


def test_a_part_that_dies_brings_the_stack_down_and_is_named(make_up):
    up = make_up().start().ready()
    os.kill(int((up.home / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    assert up.process.wait(60) == 1
    time.sleep(0.2)
    assert re.search(r"PostgreSQL \(process \d+\) has ended", up.output)
    assert up.processes() == []


def test_a_taken_port_is_refused_with_the_way_out(make_up):
    one = make_up()
    with socket.create_server(("127.0.0.1", one.port)):
        one.start()
        assert one.process.wait(30) == 1
    time.sleep(0.2)
    assert re.search(rf"port {one.port} on 127\.0\.0\.1 is taken.*API_PORT=\d+ make up", one.output)
    assert one.processes() == []


def test_sigterm_while_it_starts_leaves_nothing_behind(make_up):
    up = make_up().start()
    up.wait_for("data  ")
    time.sleep(0.7)
    assert up.end() == 0
    up.wait_until_gone(5)


def test_the_users_own_database_and_temporal_replace_the_embedded_ones(make_up, postgres, temporal_server):
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE users_own")
    try:
        up = make_up(TEMPORAL_HOST=temporal_server.address)
        url = postgres.url("users_own").replace(
            "postgresql://postgres@", "postgresql+asyncpg://postgres:pass@"
        )
        (up.home / "env").write_text(f"DATABASE_URL='{url}'\n")
        up.start().ready()
        assert "PostgreSQL  yours: postgresql+asyncpg://postgres:***@:5432/users_own" in up.output
        assert f"Temporal    yours: {temporal_server.address}" in up.output
        assert not (up.home / "postgres").exists()
        assert "DATABASE_URL" not in (up.home / "stack.env").read_text()
        assert up.end() == 0
        assert postgres.pid is not None
        assert temporal_server.answers()
    finally:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE users_own WITH (FORCE)")

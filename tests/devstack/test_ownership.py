"""One stack per folder, and what is left of a killed one."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mudda.devstack.errors import StackError
from mudda.devstack.ownership import Lock, clear_leftovers
from mudda.devstack.postgres import Postgres
from mudda.devstack.surroundings import MARK

HOLD = """
import sys, time, os
from pathlib import Path
from mudda.devstack.ownership import Lock
with Lock(Path(sys.argv[1])) as lock:
    lock.describe("process 1, http://127.0.0.1:8000/")
    if sys.argv[2] == "fork" and os.fork() == 0:
        time.sleep(30)
    print("held", flush=True)
    time.sleep(30)
"""


@pytest.fixture
def holder(tmp_path):
    started = []

    def hold(how="alone"):
        command = [sys.executable, "-c", HOLD, str(tmp_path), how]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_second_stack_in_the_same_folder_is_refused_and_told_where_the_first_is(holder, tmp_path):
    holder()
    with (
        pytest.raises(StackError, match=r"already runs .*http://127\.0\.0\.1:8000/.* Wait"),
        Lock(tmp_path, instead="Wait."),
    ):
        pass


def test_a_killed_holder_holds_no_longer_even_if_its_children_live_on(holder, tmp_path):
    process = holder("fork")
    process.kill()
    process.wait()
    with Lock(tmp_path):
        pass


def test_a_released_lock_can_be_taken_again(tmp_path):
    with Lock(tmp_path):
        pass
    with Lock(tmp_path):
        pass


def test_leftovers_of_this_folder_are_ended_and_no_others(tmp_path):
    def sleeper(home):
        return subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: str(home)})

    ours, others = sleeper(tmp_path), sleeper(tmp_path / "other")
    try:
        (tmp_path / "stack.env").write_text("")
        time.sleep(0.1)
        assert clear_leftovers(tmp_path) == [f"process {ours.pid}"]
        assert ours.poll() is not None
        assert others.poll() is None
        assert not (tmp_path / "stack.env").exists()
    finally:
        ours.kill()
        others.kill()
        ours.wait()
        others.wait()


def test_a_postgresql_that_outlived_its_stack_is_stopped():
    with tempfile.TemporaryDirectory(prefix="mudda-pg-") as folder:
        postgres = Postgres(Path(folder) / "postgres", durable=False)
        postgres.start()
        assert (
            clear_leftovers(Path(folder)) == [f"PostgreSQL (process {postgres.pid})"] or postgres.pid is None
        )
        assert postgres.pid is None


def test_nothing_left_is_nothing_said(tmp_path):
    assert clear_leftovers(tmp_path) == []

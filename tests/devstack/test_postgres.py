"""The embedded PostgreSQL, started, stopped, killed and taken over."""

import os
import signal
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from mudda.devstack.errors import StackError
from mudda.devstack.postgres import Postgres


@pytest.fixture
def server():
    with tempfile.TemporaryDirectory(prefix="mudda-pg-") as folder:
        postgres = Postgres(Path(folder) / "postgres", durable=False)
        yield postgres
        postgres.stop()


def ask(server, query):
    with psycopg.connect(server.url()) as connection:
        return connection.execute(query).fetchone()[0]


def wait_until_gone(server):
    until = time.monotonic() + 10
    while server.pid is not None and time.monotonic() < until:
        time.sleep(0.05)


def test_it_answers_has_the_database_and_the_promised_settings(server):
    server.start()
    assert ask(server, "SELECT current_database()") == "mudda"
    assert ask(server, "SHOW max_connections") == "200"
    assert ask(server, "SHOW fsync") == "off"
    assert ask(server, "SHOW listen_addresses") == ""


def test_what_should_last_is_written_to_disk(server):
    server.durable = True
    server.start()
    assert ask(server, "SHOW fsync") == "on"


def test_a_restart_keeps_the_data_and_the_address(server):
    server.start()
    before = server.url()
    with psycopg.connect(before) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert server.pid is None
    server.start()
    assert server.url() == before
    assert ask(server, "SELECT answer FROM kept") == 42


def test_a_server_that_runs_already_is_taken_over(server):
    server.start()
    second = Postgres(server.data, durable=False)
    second.start()
    assert second.pid == server.pid
    second.stop()
    assert server.pid is None


def test_a_server_whose_starter_was_killed_is_stopped_by_its_data_folder_alone(server):
    server.start()
    Postgres(server.data).stop()
    assert server.pid is None


def test_a_killed_server_starts_again_with_its_data(server):
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    wait_until_gone(server)
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_a_process_id_that_now_belongs_to_somebody_else_is_not_mistaken_for_the_server(server):
    server.start()
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert server.pid is None
    server.start()
    assert server.pid not in (None, os.getpid())


def test_a_folder_too_deep_for_a_socket_works_all_the_same(server):
    deep = Postgres(server.data.parent / ("d" * 60) / ("e" * 60) / "postgres", durable=False)
    deep.start()
    try:
        assert ask(deep, "SELECT 1") == 1
    finally:
        deep.stop()


def test_the_callers_own_postgres_variables_change_nothing(server, monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "elsewhere.invalid")
    server.start()
    assert ask(server, "SELECT 1") == 1
    assert os.environ["PGPORT"] == "1"


def test_a_broken_folder_gives_the_reason_from_the_servers_own_log(server):
    server.start()
    server.stop()
    (server.data / "postgresql.conf").write_text("this is not a setting\n")
    with pytest.raises(StackError, match=r"(?s)did not start.*syntax error.*postgresql\.conf"):
        server.start()


def test_without_a_server_there_is_no_url_and_nothing_to_stop(server):
    server.stop()
    with pytest.raises(StackError, match="does not run"):
        server.url()

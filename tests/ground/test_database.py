"""A pooled connection is asked for a sign of life only where something has happened to it."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg_pool import ConnectionPool

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def checks(monkeypatch):
    """The connections that were asked."""
    asked, ask = [], ConnectionPool.check_connection

    def noting(found):
        asked.append(found)
        ask(found)

    monkeypatch.setattr(ConnectionPool, "check_connection", noting)
    return asked


def elsewhere(work):
    """Do something on a thread with a connection of its own, given back afterwards."""

    def alone():
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(alone).result()


def backend():
    with connection.cursor() as cursor:
        cursor.execute(PID)
        return cursor.fetchone()[0]


def all_backends():
    """What is in the pool, which gives out its connections in turn."""
    return {elsewhere(backend) for _ in range(settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"])}


def ended(pid):
    """End a connection as an administrator does, and wait until it is."""
    with psycopg.connect(
        settings.DATABASE_URL, dbname=connection.settings_dict["NAME"], autocommit=True
    ) as db:
        assert db.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() == (True,)


def test_nothing_is_asked_of_a_connection_that_is_well(transactional_db, checks):
    assert all_backends()
    assert checks == []


def test_a_connection_that_was_ended_is_replaced(transactional_db, checks):
    first = elsewhere(backend)
    ended(first)
    assert first not in all_backends()
    assert len(checks) == 1


def test_a_connection_that_was_told_something_goes_on(transactional_db, checks):
    def listening():
        with connection.cursor() as cursor:
            cursor.execute("LISTEN mudda_test")
        return backend()

    first = elsewhere(listening)
    with psycopg.connect(
        settings.DATABASE_URL, dbname=connection.settings_dict["NAME"], autocommit=True
    ) as db:
        db.execute("NOTIFY mudda_test")
    assert first in all_backends()
    assert len(checks) == 1

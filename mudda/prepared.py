"""The statements that every call needs: prepared once for each connection, and read and planned no more after that.

Django's own cursors put the values into the text, so that PostgreSQL reads and plans each statement anew; for a handful
of them, run for every request, that is a good part of what a request costs. They are written so that each parameter
has a type (``%(at)s::timestamptz``). Behind a pooler that doesn't know prepared statements: ``DATABASE_PREPARED=false``.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that gives rows, and return them. Raises Django's errors, as its cursors do."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def execute(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that gives no rows, and return how many it has written."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _cursor() -> Any:
    """A cursor that sends values apart from the text, wrapped as Django's are: errors, and the log of queries."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return connection._prepare_cursor(psycopg.Cursor(connection.connection))

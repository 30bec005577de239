"""The backend, under the name where Django looks for it.

Django's own pool sends an empty query before each use of a connection, which is a round trip for every request and
another one after each call to Temporal. A server that goes away hangs up, and one that is gone without a word is
noticed by the keepalives (``mudda.settings``): either can be seen on the socket without asking.
"""

import select
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool

from mudda.database.iam import token_for
from mudda.monitoring.database import Cursor


class DatabaseWrapper(base.DatabaseWrapper):
    """With ``CONN_HEALTH_CHECKS`` off: a connection on which something has happened since its last use is checked."""

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with cursors that are timed and traced, and with a token for a password where AWS gives it."""
        parameters = {**super().get_connection_params(), "cursor_factory": Cursor}
        return (
            parameters | {"password": token_for(parameters)} if settings.DATABASE_IAM_REGION else parameters
        )

    @property
    def pool(self) -> Any:
        """Django's. It keeps the parameters that it was made with; a token has to be made for each connection."""
        pool = super().pool
        if pool is not None and settings.DATABASE_IAM_REGION:
            pool.kwargs = lambda: {**self.get_connection_params(), "autocommit": True}
        return pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works: those that don't are given back to the pool, which makes others instead."""
        connection = super().get_new_connection(conn_params)
        while self.pool and _has_news(connection) and not _works(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _has_news(connection: Any) -> bool:
    """Whether the server has said something unasked, or has hung up. (Not ``select``: it takes low numbers only.)"""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _works(connection: Any) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True

"""Rows by the hundred thousand into PostgreSQL, by COPY: every constraint and trigger holds."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql

Row = Sequence[Any]


class Rows:
    """Rows that are to be written together, by table; each kind of row names its columns once."""

    def __init__(self) -> None:
        self.of: dict[str, list[Row]] = defaultdict(list)

    def add(self, table: str, row: Row) -> None:
        self.of[table].append(row)

    def count(self, table: str) -> int:
        return len(self.of[table])


def copy(table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows into a table's columns."""
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(into) as stream:
        for row in rows:
            stream.write_row(row)


def reserve(model: type[Model], count: int) -> Iterator[int]:
    """So many keys of a table that numbers its rows, which nobody else gets."""
    table, key = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(serial, nextval(serial) + %s) FROM pg_get_serial_sequence(%s, %s) serial",
            [count, table, key],
        )
        [last] = cursor.fetchone()
    return iter(range(last - count + 1, last + 1))

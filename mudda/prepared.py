"""The statements that every call needs: prepared once for each connection, and read and planned no more after that.

Django's own cursors put the values into the text, so that PostgreSQL reads and plans each statement anew, and its
models make that text anew each time; for what is run for every request, that is a good part of what a request costs.
They are written so that each parameter has a type (``%(at)s::timestamptz``). Behind a pooler that doesn't know prepared
statements: ``DATABASE_PREPARED=false``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, Model

from mudda.monitoring.database import PreparingCursor

Wanted = tuple[str, type[Model], frozenset[str]]
"""What is read of a model: its table's name in the statement, and the fields that are left behind."""


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that gives rows, and return them. Raises Django's errors, as its cursors do."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def fetch_models(
    models: Mapping[str, type[Model]],
    source: str,
    values: Mapping[str, Any],
    *,
    without: Mapping[str, Collection[str]] = MappingProxyType({}),
    also: Mapping[str, str] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Rows of several models, read at once.

    Args:
        models: what is read, by the names that ``source`` gives the tables.
        source: what follows ``SELECT ...``: from where, and which.
        without: by the same names, fields that are left behind until somebody reads them, as by ``defer``.
        also: further values of each row: SQL by name.

    Returns:
        for each row an object of each model by its name, None where an outer join found nothing; and the further
        values, as the driver gives them (JSON as text).
    """
    wanted = tuple((name, model, frozenset(without.get(name, ()))) for name, model in models.items())
    more = "".join(f", {expression}" for expression in also.values())
    rows = fetch(f"SELECT {_columns(wanted)}{more} {source}", values)  # noqa: S608
    return [_objects(wanted, row) | dict(zip(also, row[len(row) - len(also) :], strict=True)) for row in rows]


def execute(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that gives no rows, and return how many it has written."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def insert(row: Model) -> None:
    """What ``row.save(force_insert=True)`` does, without signals: a key that the database gives is set."""
    model = type(row)
    given = _values(_inserted(model), row, adding=True)
    values = {name: value for name, value in given.items() if value is not None or name not in _empty(model)}
    [(key,)] = fetch(_insertion(model, tuple(values)), values)
    row.pk = key
    row._state.adding = False


def insert_all(rows: Sequence[Model]) -> None:
    """What ``bulk_create`` does with rows of one model without columns that are arrays; their keys stay unknown."""
    if rows:
        model = type(rows[0])
        each = [_values(_inserted(model), row, adding=True) for row in rows]
        columns = {name: [values[name] for values in each] for name in each[0]}
        values = {
            name: column
            for name, column in columns.items()
            if name not in _empty(model) or any(value is not None for value in column)
        }
        execute(_insertion_of_many(model, tuple(values)), values)


def update(row: Model, *names: str) -> None:
    """What ``row.save(update_fields=names)`` does, without signals; ``names`` are those of fields."""
    statement, fields = _update(type(row), names)
    execute(statement, {**_values(fields, row, adding=False), "key": row.pk})


def _values(fields: Sequence["Field[Any, Any]"], row: Model, *, adding: bool) -> dict[str, Any]:
    """What is written into each column."""
    database = _database()
    return {
        str(field.column): field.get_db_prep_save(field.pre_save(row, adding), database) for field in fields
    }


def _objects(models: tuple[Wanted, ...], row: Sequence[Any]) -> dict[str, Any]:
    found, at = {}, 0
    for name, model, without in models:
        names, key, converters = _reading(model, without)
        values = list(row[at : at + len(names)])
        at += len(names)
        for place, convert in converters:
            values[place] = convert(values[place])
        found[name] = model.from_db(DEFAULT_DB_ALIAS, names, values) if values[key] is not None else None
    return found


@cache
def _columns(models: tuple[Wanted, ...]) -> str:
    return ", ".join(
        f'{name}."{field.column}"' for name, model, without in models for field in _read(model, without)
    )


@cache
def _reading(
    model: type[Model], without: frozenset[str]
) -> tuple[list[str], int, list[tuple[int, Callable[[Any], Any]]]]:
    """The fields' names, the place of the key, and what makes of a column's value the field's, by its place."""
    fields = _read(model, without)
    converters: list[tuple[int, Callable[[Any], Any]]] = [
        (place, partial(_converted, convert, field.cached_col))
        for place, field in enumerate(fields)
        for convert in field.get_db_converters(_database())
    ]
    return [field.attname for field in fields], fields.index(model._meta.pk), converters


def _read(model: type[Model], without: frozenset[str]) -> list["Field[Any, Any]"]:
    return [field for field in model._meta.concrete_fields if field.name not in without]


def _converted(convert: Callable[[Any, Any, Any], Any], column: Any, value: Any) -> Any:
    return convert(value, column, _database())


@cache
def _insertion(model: type[Model], columns: tuple[str, ...]) -> str:
    """Into these columns. The others stay NULL, so that what is mostly empty costs nothing."""
    values = ", ".join(f"%({name})s::{kind}" for name, kind in _types(model, columns))
    key = f'RETURNING "{model._meta.pk.column}"'
    return f"INSERT INTO {_table(model, columns)} VALUES ({values}) {key}"  # noqa: S608 (the models' own names)


@cache
def _insertion_of_many(model: type[Model], columns: tuple[str, ...]) -> str:
    values = ", ".join(f"%({name})s::{kind}[]" for name, kind in _types(model, columns))
    return f"INSERT INTO {_table(model, columns)} SELECT * FROM unnest({values})"  # noqa: S608 (see above)


@cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[str, Sequence["Field[Any, Any]"]]:
    fields = [field for field in model._meta.concrete_fields if field.name in names]
    changes = ", ".join(f'"{field.column}" = %({field.column})s::{_type(field)}' for field in fields)
    table, key = model._meta.db_table, model._meta.pk
    where = f'"{key.column}" = %(key)s::{_type(key)}'
    return f'UPDATE "{table}" SET {changes} WHERE {where}', fields  # noqa: S608 (see above)


@cache
def _inserted(model: type[Model]) -> list["Field[Any, Any]"]:
    return [field for field in model._meta.concrete_fields if not field.db_returning]


@cache
def _empty(model: type[Model]) -> frozenset[str]:
    """The columns that are NULL where nothing is written into them."""
    return frozenset(
        str(field.column) for field in _inserted(model) if field.null and not field.has_db_default()
    )


def _types(model: type[Model], columns: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(str(field.column), _type(field)) for field in _inserted(model) if field.column in columns]


def _table(model: type[Model], columns: tuple[str, ...]) -> str:
    named = ", ".join(f'"{name}"' for name in columns)
    return f'"{model._meta.db_table}" ({named})'


def _type(field: "Field[Any, Any]") -> str:
    """A column's type without its length: a cast to a length cuts off silently what an insert refuses."""
    database = _database()
    kind = field.rel_db_type(database) if field.remote_field else field.db_type(database)
    return str(kind).partition("(")[0]


def _cursor() -> Any:
    """A cursor that sends values apart from the text, wrapped as Django's are: errors, and the log of queries."""
    database = _database()
    database.ensure_connection()
    with database.wrap_database_errors:
        return database._prepare_cursor(PreparingCursor(database.connection))


def _database() -> Any:
    """This thread's connection itself: ``django.db.connection`` looks it up again for everything it is asked."""
    return connections[DEFAULT_DB_ALIAS]

"""Every table lies in the schema that its room owns, and migrations go there and back."""

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

WORKFLOW_ROOMS = {"workflows", "executions"}


def schema_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = %s AND c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg_%%'",
            [table],
        )
        (row,) = cursor.fetchall()
        return row[0]


def test_every_table_lies_in_the_schema_of_its_room(db):
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            expected = "workflow" if model._meta.app_label in WORKFLOW_ROOMS else "public"
            assert schema_of(model._meta.db_table) == expected, model


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_migrations_make_both_schemas_from_nothing_and_reverse_cleanly(postgres, on_test_database, tmp_path):
    import subprocess
    import sys

    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE there_and_back")
    url = postgres.url("there_and_back")
    environment = {**on_test_database, "DATABASE_URL": url}

    def manage(*words):
        subprocess.run(
            [sys.executable, "manage.py", *words], env=environment, check=True, capture_output=True
        )

    manage("migrate")
    for room in ("executions", "workflows", "issues", "mudda"):
        manage("migrate", room, "zero")
    with psycopg.connect(url) as empty:
        left = empty.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'workflow') "
            "AND tablename NOT LIKE 'auth_%' AND tablename NOT LIKE 'django_%' "
            "AND tablename NOT LIKE 'oauth2_provider_%'"
        ).fetchall()
        functions = empty.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'mudda%'").fetchall()
        schemas = empty.execute("SELECT nspname FROM pg_namespace WHERE nspname = 'workflow'").fetchall()
    assert (left, functions, schemas) == ([], [], [])
    manage("migrate")


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_tables_of_both_schemas():
    from tests import factories
    from workflows.models import WorkflowPlan

    factories.make_plan()
    call_command("flush", "--no-input", verbosity=0)
    assert not WorkflowPlan.objects.exists()

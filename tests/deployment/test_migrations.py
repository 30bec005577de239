"""Migrations that the version before survives: while it still answers, and while tables are large."""

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

from mudda.environment import BASE_DIR

BEGUN_WITH = {"mudda": "0010", "issues": "0006", "workflows": "0006", "executions": "0010"}
"""The last migration of each room before they were held to this: nothing had been released, and no table was full."""
BREAKS_THE_OTHER = ("executions", "0003_people_and_time")
"""One from before, which adds a column that the version before doesn't know and may not leave out."""


@pytest.fixture
def linter(transactional_db):
    return MigrationLinter(
        path=str(BASE_DIR),
        include_apps=list(BEGUN_WITH),
        analyser_string="postgresql",
        all_warnings_as_errors=True,
        no_cache=True,
    )


def lint(linter, name):
    linter.lint_migration(MigrationLoader(None).disk_migrations[name])
    return linter.nb_erroneous


def ours():
    names = sorted(MigrationLoader(None).disk_migrations)
    return [(app, name) for app, name in names if app in BEGUN_WITH and name[:4] > BEGUN_WITH[app]]


@pytest.mark.parametrize("name", ours(), ids=".".join)
def test_a_migration_locks_no_table_for_long_and_breaks_no_version_that_runs(linter, name, capsys):
    assert lint(linter, name) == 0, capsys.readouterr().out


def test_one_that_breaks_the_running_version_is_seen(linter):
    assert lint(linter, BREAKS_THE_OTHER) == 1


def test_every_room_with_tables_of_its_own_is_looked_at():
    rooms = {
        app.label for app in apps.get_app_configs() if str(app.path).startswith(str(BASE_DIR / app.label))
    }
    with_migrations = {app for app, _ in MigrationLoader(None).disk_migrations}
    assert rooms & with_migrations == set(BEGUN_WITH)

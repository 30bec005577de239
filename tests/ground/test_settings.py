"""Settings: where they come from, and what is said when they are wrong."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from mudda.environment import without_driver
from mudda.models import ApiKey


def run(*words, **environment):
    """``manage.py`` in a process of its own, with nothing but this environment."""
    return subprocess.run(
        [sys.executable, *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


SHOW = (
    "import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mudda.settings');"
    "from django.conf import settings as s; print(s.TEMPORAL_HOST, s.DATABASES['default']['HOST'], s.CITY_NAME)"
)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://u:p@db.example.org:5432/mudda_ai",
        "postgresql+psycopg://u:p@db.example.org:5432/mudda_ai",
        "postgresql://u:p@db.example.org:5432/mudda_ai",
    ],
)
def test_the_guides_form_of_a_database_url_is_understood(url):
    assert without_driver(url) == "postgresql://u:p@db.example.org:5432/mudda_ai"
    shown = run("-c", SHOW, SECRET_KEY="x" * 60, MUDDA_ENV_FILE="", DATABASE_URL=url)
    assert "db.example.org" in shown.stdout, shown.stderr


def test_without_a_secret_key_nothing_starts_and_the_message_says_what_to_do(tmp_path):
    result = run("manage.py", "check", MUDDA_HOME=str(tmp_path), MUDDA_ENV_FILE="")
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr
    assert "make up" in result.stderr


def test_the_environment_wins_over_the_file_and_the_file_over_the_running_stack(tmp_path):
    (tmp_path / "stack.env").write_text(f"SECRET_KEY={'s' * 60}\nTEMPORAL_HOST=stack:1\nCITY_NAME=Stack\n")
    env_file = tmp_path / "env"
    env_file.write_text("CITY_NAME=File\n")
    given = {"MUDDA_HOME": str(tmp_path), "MUDDA_ENV_FILE": str(env_file)}
    assert run("-c", SHOW, **given).stdout.split()[0] == "stack:1"
    assert run("-c", SHOW, **given).stdout.split()[-1] == "File"
    assert run("-c", SHOW, **given, CITY_NAME="Environment").stdout.split()[-1] == "Environment"


def test_an_empty_env_file_reads_neither_file(tmp_path):
    (tmp_path / "stack.env").write_text("TEMPORAL_HOST=stack:1\n")
    shown = run("-c", SHOW, MUDDA_HOME=str(tmp_path), MUDDA_ENV_FILE="", SECRET_KEY="x" * 60)
    assert "stack:1" not in shown.stdout


@pytest.mark.parametrize(
    ("given", "identity"),
    [
        ({"TEMPORAL_TLS_CERT": "/nowhere/client.pem"}, "mudda.E001"),
        ({"TEMPORAL_TLS_CERT": "/nowhere/a.pem", "TEMPORAL_TLS_KEY": "/nowhere/b.pem"}, "mudda.E002"),
        ({"DATABASE_URL": "sqlite:///x.sqlite3"}, "mudda.E003"),
        ({"TEMPORAL_BUILD_ID": "abc"}, "mudda.E004"),
        ({"TEMPORAL_DEPLOYMENT_NAME": "mudda"}, "mudda.E004"),
    ],
)
def test_a_wrong_setting_fails_the_check_with_an_id(given, identity):
    result = run("manage.py", "check", SECRET_KEY="x" * 60, MUDDA_ENV_FILE="", **given)
    assert result.returncode != 0
    assert identity in result.stderr


def test_create_api_key_prints_the_key_as_its_last_word(db, capsys):
    call_command("create_api_key", "town app", "--scope", "plans:read", "--scope", "executions:read")
    key = capsys.readouterr().out.split()[-1]
    row = ApiKey.objects.get()
    assert key.startswith(f"{row.prefix}.")
    assert row.scopes == ["executions:read", "plans:read"]
    assert row.owner.username == "service-town-app"
    assert not row.owner.has_usable_password()


def test_create_api_key_names_an_unknown_scope_and_the_known_ones(db):
    with pytest.raises(CommandError, match=r"plans:fly.*Known:.*plans:read"):
        call_command("create_api_key", "x", "--scope", "plans:fly")


def test_create_api_key_for_an_owner_that_does_not_exist_is_refused(db):
    with pytest.raises(CommandError, match="no user"):
        call_command("create_api_key", "x", "--scope", "plans:read", "--owner", "ghost")
    assert not ApiKey.objects.exists()

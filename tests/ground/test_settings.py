"""Settings: where they come from, and what is said when they are wrong."""

import os
import re
import runpy
import string
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from mudda.environment import without_driver
from mudda.models import ApiKey

ROOT = Path(__file__).resolve().parents[2]

GOOD = {
    "SECRET_KEY": "0123456789" + string.ascii_letters,
    "DATABASE_URL": "postgresql+asyncpg://u:p@db.example.org:5432/mudda_ai",
    "TEMPORAL_HOST": "temporal.example.org:7233",
    "ALLOWED_HOSTS": "mudda.example.org",
    "PUBLIC_URL": "https://mudda.example.org",
}
"""All that production needs."""

PAYLOAD_KEY = "one:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="


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
    shown = run("-c", SHOW, MUDDA_ENV_FILE="", **GOOD | {"DATABASE_URL": url})
    assert "db.example.org" in shown.stdout, shown.stderr


def test_without_a_secret_key_nothing_starts_and_the_message_says_what_to_do(tmp_path):
    result = run("manage.py", "check", MUDDA_HOME=str(tmp_path), MUDDA_ENV_FILE="")
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr
    assert "make up" in result.stderr


def test_the_environment_wins_over_the_file_and_the_file_over_the_running_stack(tmp_path):
    (tmp_path / "stack.env").write_text(
        f"SECRET_KEY={GOOD['SECRET_KEY']}\nHTTPS_ONLY=false\nTEMPORAL_HOST=stack:1\nCITY_NAME=Stack\n"
    )
    env_file = tmp_path / "env"
    env_file.write_text("CITY_NAME=File\n")
    given = {"MUDDA_HOME": str(tmp_path), "MUDDA_ENV_FILE": str(env_file)}
    assert run("-c", SHOW, **given).stdout.split()[0] == "stack:1"
    assert run("-c", SHOW, **given).stdout.split()[-1] == "File"
    assert run("-c", SHOW, **given, CITY_NAME="Environment").stdout.split()[-1] == "Environment"


def test_an_empty_env_file_reads_neither_file(tmp_path):
    (tmp_path / "stack.env").write_text("TEMPORAL_HOST=stack:1\n")
    shown = run("-c", SHOW, MUDDA_HOME=str(tmp_path), MUDDA_ENV_FILE="", **GOOD)
    assert shown.stdout.startswith("temporal.example.org:7233")


def check(**environment):
    return run("manage.py", "check", MUDDA_ENV_FILE="", **environment)


def test_what_is_good_is_not_complained_of():
    assert check(**GOOD).returncode == 0
    encrypted = {"TEMPORAL_PAYLOAD_KEYS": PAYLOAD_KEY, "TEMPORAL_UI_URL": "https://temporal.example.org/x"}
    assert problems_of(GOOD | encrypted) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TEMPORAL_TLS_CERT": "/nowhere/client.pem"}, "mudda.E001"),
        ({"TEMPORAL_TLS_CERT": "/nowhere/a.pem", "TEMPORAL_TLS_KEY": "/nowhere/b.pem"}, "mudda.E002"),
        ({"DATABASE_URL": "sqlite:///x.sqlite3"}, "mudda.E003"),
        ({"DATABASE_IAM_REGION": "eu-west-1"}, "mudda.E040"),
        ({"DATABASE_IAM_REGION": "eu-west-1"}, "mudda.E041"),
        ({"TEMPORAL_BUILD_ID": "abc"}, "mudda.E004"),
        ({"TEMPORAL_DEPLOYMENT_NAME": "mudda"}, "mudda.E004"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "mudda.E005"),
        ({"SECRET_KEY": "short"}, "mudda.E006"),
        ({"SECRET_KEY": "x" * 60}, "mudda.E006"),
        ({"SECRET_KEY": f"django-insecure-{string.ascii_letters}"}, "mudda.E006"),
        ({"TEMPORAL_API_KEY": "k", "TEMPORAL_TLS": "false"}, "mudda.E007"),
        ({"DATABASE_POOL_MIN": "5", "DATABASE_POOL_MAX": "4"}, "mudda.E008"),
        ({"DEBUG": "true", "HTTPS_ONLY": "true"}, "mudda.E009"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set"),
        ({"TEMPORAL_HOST": ""}, "TEMPORAL_HOST is not set"),
        ({"PUBLIC_URL": "http://mudda.example.org"}, "mudda.E011"),
        ({"ALLOWED_HOSTS": "*"}, "mudda.E012"),
        ({"OPENAI_API": "soap"}, "mudda.E013"),
        ({"BACKUP_KEY": "short"}, "mudda.E030"),
        ({"RETENTION_RUNS": "-1"}, "mudda.E031"),
        ({"AWS_ACCESS_KEY_ID": "AKIA"}, "mudda.E014"),
        ({"API_PORT": "0"}, "mudda.E015"),
        ({"WORKER_HEALTH_PORT": "65536"}, "mudda.E015"),
        ({"LOG_LEVEL": "loud"}, "mudda.E016"),
        ({"METRICS_PORT": "-1"}, "mudda.E015"),
        ({"LOG_FORMAT": "xml"}, "mudda.E020"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "mudda.E021",
        ),
        ({"TEMPORAL_PAYLOAD_KEYS": "short:c2hvcnQ="}, "mudda.E022"),
        ({"TEMPORAL_PAYLOAD_KEYS": f"{PAYLOAD_KEY} {PAYLOAD_KEY}"}, "mudda.E022"),
        ({"TEMPORAL_PAYLOAD_KEYS": PAYLOAD_KEY, "TEMPORAL_UI_URL": "temporal"}, "mudda.E023"),
        ({"TEMPORAL_PAYLOAD_KEYS": PAYLOAD_KEY, "TEMPORAL_UI_URL": "http://t.example.org"}, "mudda.E023"),
        (
            {"TEMPORAL_PAYLOAD_KEYS": PAYLOAD_KEY, "TEMPORAL_PAYLOAD_KEYS_FILE": "/nowhere/keys"},
            "TEMPORAL_PAYLOAD_KEYS and TEMPORAL_PAYLOAD_KEYS_FILE are both set",
        ),
        ({"TIME_ZONE": "Mars/Olympus"}, "mudda.E017"),
        ({"GENERATE_WAIT": "60.5"}, "mudda.E018"),
        ({"GENERATE_WAIT": "-1"}, "mudda.E018"),
        ({"GENERATE_WAIT": "nan"}, "GENERATE_WAIT cannot be read"),
        ({"TEMPORAL_ADDRESS": "elsewhere:7233"}, "TEMPORAL_HOST and TEMPORAL_ADDRESS"),
        ({"TEMPORAL_CONFIG_FILE": "/nowhere/temporal.toml"}, "TEMPORAL_CONFIG_FILE"),
        ({"EMAIL_URL": "pigeon://loft"}, "EMAIL_URL cannot be read"),
        ({"OPENAI_PRICES": "{"}, "OPENAI_PRICES cannot be read"),
        ({"SECRET_KEY_FILE": "/nowhere/secret"}, "SECRET_KEY and SECRET_KEY_FILE are both set"),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere/secret"}, "SECRET_KEY_FILE=/nowhere/secret"),
    ],
)
def test_a_wrong_setting_is_named(given, said):
    """In this process, as reading the settings anew takes a second: what a process says is tested below."""
    assert any(said in problem for problem in problems_of(GOOD | given)), problems_of(GOOD | given)


def problems_of(environment):
    """What the settings would be refused for."""
    path = ROOT / "mudda/settings.py"
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({"PATH": before["PATH"], "MUDDA_ENV_FILE": "", **environment})
    try:
        runpy.run_path(str(path))
    except ImproperlyConfigured as error:
        return re.findall(r"^  - (.*)$", str(error), re.MULTILINE)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return []


def test_all_that_is_wrong_is_named_at_once_by_the_web_server_the_worker_and_every_command():
    wrong = GOOD | {"API_PORT": "many", "SECRET_KEY": "", "TEMPORAL_BUILD_ID": "abc", "PUBLIC_URL": ""}
    commands = (
        ["manage.py", "run_web"],
        ["manage.py", "run_temporal_worker"],
        ["manage.py", "migrate"],
        ["-c", "import mudda.asgi"],
    )
    for command in commands:
        ended = run(*command, MUDDA_ENV_FILE="", **wrong)
        assert ended.returncode != 0
        for said in ("API_PORT", "SECRET_KEY is not set", "mudda.E004", "PUBLIC_URL is not set"):
            assert said in ended.stderr, command


def test_no_secret_is_repeated_in_what_is_said():
    ended = check(
        **GOOD | {"DATABASE_URL": "mysql+x://u:hushhush@h/d", "EMAIL_URL": "pigeon://u:hushhush@loft"}
    )
    assert "EMAIL_URL" in ended.stderr
    assert "hushhush" not in ended.stderr + ended.stdout


def test_secrets_come_from_files(tmp_path):
    (tmp_path / "key").write_text(GOOD["SECRET_KEY"] + "\n")
    (tmp_path / "aws").write_text("from-a-file\n")
    (tmp_path / "url").write_text("postgresql+asyncpg://u:p@filed.example.org:5432/mudda_ai\n")
    given = {name: value for name, value in GOOD.items() if name not in ("SECRET_KEY", "DATABASE_URL")}
    given |= {
        "SECRET_KEY_FILE": str(tmp_path / "key"),
        "DATABASE_URL_FILE": str(tmp_path / "url"),
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY_FILE": str(tmp_path / "aws"),
    }
    code = (
        SHOW + ";import os, boto3; print(s.SECRET_KEY);"
        "print(boto3.Session().get_credentials().secret_key, sorted(n for n in os.environ if n.endswith('_FILE')))"
    )
    shown = run("-c", code, **given, MUDDA_ENV_FILE="")
    words = shown.stdout.split()
    assert words[1] == "filed.example.org", shown.stderr
    assert GOOD["SECRET_KEY"] in words
    assert words[-2:] == ["from-a-file", "['MUDDA_ENV_FILE']"]


def test_temporals_own_variables_and_profile_file_say_where_it_is(tmp_path):
    given = {name: value for name, value in GOOD.items() if name != "TEMPORAL_HOST"} | {"MUDDA_ENV_FILE": ""}
    assert run("-c", SHOW, **given, TEMPORAL_ADDRESS="own.example.org:7233").stdout.startswith(
        "own.example.org"
    )
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.city]\naddress = "filed.example.org:7233"\nnamespace = "city"\napi_key = "k"\n')
    asked = {"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_PROFILE": "city"}
    show = SHOW + ";print(s.TEMPORAL_NAMESPACE, s.TEMPORAL_CLIENT.to_client_connect_config()['tls'])"
    said = run("-c", show, **given, **asked)
    assert said.stdout.split()[0] == "filed.example.org:7233", said.stderr
    assert said.stdout.split()[-2:] == ["city", "True"]
    assert run("-c", SHOW, **given, **asked, TEMPORAL_HOST="ours:1").stdout.startswith("ours:1 ")


def test_a_profile_in_somebodys_home_is_not_used_unasked(tmp_path):
    kept = tmp_path / ".config/temporalio/temporal.toml"
    kept.parent.mkdir(parents=True)
    kept.write_text('[profile.default]\naddress = "private.example.org:7233"\n')
    given = {**GOOD, "TEMPORAL_HOST": "", "HTTPS_ONLY": "false", "MUDDA_ENV_FILE": "", "HOME": str(tmp_path)}
    assert run("-c", SHOW, **given).stdout.startswith("localhost:7233")
    assert run("-c", SHOW, **given, TEMPORAL_PROFILE="default").stdout.startswith("private.example.org")


def test_the_guides_production_environment_passes_the_check_for_deploying(tmp_path):
    for name in ("client.pem", "client-key.pem"):
        (tmp_path / name).touch()
    guide = {
        "TEMPORAL_HOST": "your-namespace.tmprl.cloud:7233",
        "TEMPORAL_NAMESPACE": "your-namespace",
        "TEMPORAL_TLS_CERT": str(tmp_path / "client.pem"),
        "TEMPORAL_TLS_KEY": str(tmp_path / "client-key.pem"),
        "DATABASE_URL": "postgresql+asyncpg://user:pass@prod-db.region.rds.amazonaws.com:5432/mudda_ai",
        "API_HOST": "0.0.0.0",
        "API_PORT": "8000",
        "AWS_ACCESS_KEY_ID": "your_key",
        "AWS_SECRET_ACCESS_KEY": "your_secret",
        "OPENAI_API_KEY": "your_key",
    }
    ended = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"), MUDDA_ENV_FILE="", **GOOD | guide
    )
    assert ended.returncode == 0, ended.stderr


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

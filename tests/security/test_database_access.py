"""Who may be the database, and what we show it: certificates that are checked, tokens for passwords, both replaced
while everything runs.
"""

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import trustme
from django.conf import settings
from django.db.utils import OperationalError

from mudda.database import iam
from mudda.database.base import DatabaseWrapper
from mudda.environment import database_of
from tests.security.postgres_front import Front, is_signed

ROOT = Path(__file__).resolve().parents[2]
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's own example
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}

WHOLE = (
    "import django; django.setup();"
    "from django.db import connection as c; from mudda import listening;"
    "k = c.cursor(); k.execute('SELECT count(*) FROM mudda_event'); print(k.fetchone());"
    "listening.connect('mudda_events').close(); print('heard')"
)
"""Through the settings: the pool, and the connection that hears."""


@pytest.fixture
def behind(postgres):
    return f"{parse_qs(urlsplit(postgres.url()).query)['host'][0]}/.s.PGSQL.5432"


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def front(behind, authority):
    with Front(behind, authority) as front:
        yield front


@pytest.fixture
def trusted(tmp_path, authority):
    file = tmp_path / "root.pem"
    authority.cert_pem.write_to_path(file)
    return file


def url_of(front, trusted, host="localhost"):
    name = settings.DATABASES["default"]["NAME"]
    return f"postgresql://postgres@{host}:{front.port}/{name}?sslmode=verify-full&sslrootcert={trusted}"


@pytest.fixture
def database(db):
    """``database(url)`` is Django's connection to it, with a pool of its own that is closed afterwards."""
    made = []

    def make(url):
        given, ours = database_of(url), settings.DATABASES["default"]
        pool = {**ours["OPTIONS"]["pool"], "timeout": 60, "min_size": 0}
        options = {**ours["OPTIONS"], **given["OPTIONS"], "pool": pool}
        made.append(DatabaseWrapper({**ours, **given, "OPTIONS": options}, f"front-{len(made)}"))
        return made[-1]

    yield make
    for alias in {wrapper.alias for wrapper in made} & DatabaseWrapper._connection_pools.keys():
        DatabaseWrapper._connection_pools.pop(alias).close()


def connected(wrapper):
    """A connection of the pool that nobody else has."""
    wrapper.pool.open()
    return wrapper.pool.getconn()


def refusal(wrapper):
    """What psycopg says to these parameters, without the pool, which would try for its whole time."""
    ours = {"pool", "context", "cursor_factory", "prepare_threshold"}
    parameters = {k: v for k, v in wrapper.get_connection_params().items() if k not in ours}
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(**parameters)
    return str(refused.value)


def test_the_databases_certificate_and_name_are_checked(front, trusted, database, tmp_path):
    with connected(database(url_of(front, trusted))) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert front.versions == ["TLSv1.3"]
    assert "does not match host name" in refusal(database(url_of(front, trusted, "127.0.0.1")))
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    assert "certificate verify failed" in refusal(database(url_of(front, tmp_path / "other.pem")))


def test_certificates_are_replaced_while_connections_are_open(front, trusted, authority, database):
    wrapper, following = database(url_of(front, trusted)), trustme.CA()
    first = connected(wrapper)
    trusted.write_bytes(authority.cert_pem.bytes() + following.cert_pem.bytes())
    before = connected(wrapper)
    front.show(following)
    after = connected(wrapper)
    trusted.write_bytes(following.cert_pem.bytes())
    last = connected(wrapper)
    assert [one.execute("SELECT 1").fetchone() for one in (first, before, after, last)] == [(1,)] * 4
    assert len(front.versions) >= 4


@pytest.fixture
def rds(behind, authority, monkeypatch, settings):
    """The database as RDS offers it, and ourselves with a key of AWS."""
    settings.DATABASE_IAM_REGION = "eu-west-1"
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    iam._client.cache_clear()
    with Front(behind, authority, secret=SECRET) as front:
        yield front
    iam._client.cache_clear()


def test_each_new_connection_shows_a_token_of_its_own(rds, trusted, database):
    wrapper, until = database(url_of(rds, trusted)), time.monotonic() + 120
    taken = [connected(wrapper)]
    while len(set(rds.tokens)) < 2 and time.monotonic() < until:  # tokens of one second are the same
        time.sleep(0.5)
        taken.append(connected(wrapper))
    assert len(set(rds.tokens)) >= 2, "the same token for every connection"
    assert all(one.execute("SELECT 1").fetchone() == (1,) for one in taken)
    asked = parse_qs(urlsplit(f"https://{rds.tokens[0]}").query)
    assert rds.tokens[0].startswith(f"localhost:{rds.port}/?")
    assert (asked["Action"], asked["DBUser"], asked["X-Amz-Expires"]) == (["connect"], ["postgres"], ["900"])
    assert asked["X-Amz-Credential"][0].split("/")[2:4] == ["eu-west-1", "rds-db"]


def test_a_token_that_another_key_has_signed_lets_nobody_in(rds, trusted, database, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET[::-1])
    assert "PAM authentication failed" in refusal(database(url_of(rds, trusted)))
    assert not is_signed(rds.tokens[0], SECRET) and is_signed(rds.tokens[0], SECRET[::-1])


def test_without_a_key_to_sign_with_the_database_is_away_and_the_reason_is_said(
    rds, trusted, database, monkeypatch
):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(OperationalError, match="no token for the database: NoCredentialsError"):
        database(url_of(rds, trusted)).ensure_connection()


def test_a_process_reaches_rds_with_its_settings_alone(rds, trusted, on_test_database, transactional_db):
    environment = {**on_test_database, **AWS, "DATABASE_IAM_REGION": "eu-west-1"}
    environment |= {"DATABASE_URL": url_of(rds, trusted), "DJANGO_SETTINGS_MODULE": "mudda.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", WHOLE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["(0,)", "heard"]
    assert len(rds.tokens) >= 2 and all(is_signed(token, SECRET) for token in rds.tokens)
    assert SECRET not in ended.stderr and rds.tokens[0] not in ended.stderr

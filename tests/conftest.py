"""The real parts that the tests run on, and nothing of whoever starts them.

PostgreSQL starts once per session (of each worker, under ``pytest -n``), before Django's settings are read. Temporal
starts when the first test asks for it. Web servers and workers are real processes on the test database; a test that
breaks PostgreSQL or Temporal uses a ``private_site`` of its own.

| fixture | what |
| --- | --- |
| ``postgres`` | the session's PostgreSQL (`Postgres`: ``url``, ``pid``) |
| ``temporal_server`` | the session's Temporal (`Temporal`: ``address``), at ``settings.TEMPORAL_HOST`` |
| ``openai_server`` | OpenAI's protocol, spoken by a real peer: see ``tests/openai_server.py`` |
| ``start_web(**variables)`` | a web server process on the test database, ready (`Web`: ``url``) |
| ``start_worker(**variables)`` | a worker process on the test database (`Child`: ``kill()``, ``log``) |
| ``live_web`` / ``live_worker`` | one of each |
| ``private_site`` | a whole site of the test's own (`Site`), started; stop and start its parts at will |
| ``make_site(**variables)`` | the same with settings, not yet started |
"""

import contextlib
import os
import shutil
import signal
import tempfile
from importlib import import_module
from pathlib import Path

import django
import psutil
import pytest

from mudda.devstack.ownership import clear_leftovers
from mudda.devstack.postgres import Postgres
from mudda.devstack.processes import Child, Web, worker_command
from mudda.devstack.site import Site, settings_for
from mudda.devstack.surroundings import free_port, hermetic
from mudda.devstack.temporal import Temporal
from tests.openai_server import aimock, openai_server, request_rules, tapped_aimock  # noqa: F401 - for every room

KEPT = ("PYTEST_", "COVERAGE_", "COV_", "HYPOTHESIS_", "PLAYWRIGHT_BROWSERS_PATH")
PREFIX = "mudda-tests-"

UNHURRIED = {"RATE_LIMIT_KEY": "1000000", "RATE_LIMIT_ANONYMOUS": "1000000"}
"""Rates that no test spends by accident. Those in ``tests/keys`` have their own."""

KEEPERS = (
    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE '%\\_kept' AND NOT tgisinternal"
)

HOME = pytest.StashKey[Path]()
POSTGRES = pytest.StashKey[Postgres]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Leave the caller's environment behind, start PostgreSQL, and only then let Django read its settings."""
    if config.getoption("version", 0) or config.getoption("help", False) or _only_hands_out(config):
        return
    from django.conf import settings

    if settings.configured:
        raise pytest.UsageError(
            "Django's settings were read before the test database was known. Run pytest without "
            "DJANGO_SETTINGS_MODULE in the environment, --ds, or pytest's own settings "
            "(pytest -o DJANGO_SETTINGS_MODULE=)."
        )
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))
    _sweep()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    config.stash[HOME] = home
    config.stash[POSTGRES] = Postgres(home / "postgres", durable=False)
    config.add_cleanup(lambda: _clean_up(config))
    config.stash[POSTGRES].start()
    ours = settings_for(
        home,
        database_url=config.stash[POSTGRES].url(),
        temporal_address=f"127.0.0.1:{free_port()}",
        public_url="http://testserver",
    )
    ours |= UNHURRIED
    kept = hermetic(os.environ, keep_prefixes=KEPT)
    os.environ.clear()
    os.environ.update({**kept, **ours, "DJANGO_SETTINGS_MODULE": "mudda.settings"})
    django.setup()


def _only_hands_out(config):
    """Whether this process runs no test itself: with ``-n``, each of xdist's workers has parts of its own."""
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")


def _clean_up(config):
    with contextlib.suppress(KeyError):
        config.stash[POSTGRES].stop()
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


def _sweep():
    """Stop what a session that was killed left behind, and remove its folder."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            with contextlib.suppress(Exception):
                clear_leftovers(left)
            shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="session")
def mudda_home(pytestconfig) -> Path:
    """``MUDDA_HOME`` of the session: ``mail/``, ``media/``, ``logs/``."""
    return pytestconfig.stash[HOME]


@pytest.fixture(scope="session")
def postgres(pytestconfig) -> Postgres:
    """The session's PostgreSQL. Its databases belong to Django's test runner."""
    return pytestconfig.stash[POSTGRES]


@pytest.fixture(scope="session")
def temporal_server(mudda_home):
    """The session's Temporal server; ``str()`` of it, like ``settings.TEMPORAL_HOST``, is its host:port."""
    port = int(os.environ["TEMPORAL_HOST"].rpartition(":")[2])
    server = Temporal(mudda_home / "logs", port=port, durable=False, stack=mudda_home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit are followed by a flush, which takes the groups of the migration with it: make them anew.

    A flush is a TRUNCATE, which the database refuses of what is kept for good: in the tests' own it may.
    """
    from django.apps import apps
    from django.db import connection
    from django.db.models.signals import post_migrate

    groups = import_module("executions.migrations.0002_groups")
    webhooks = import_module("executions.migrations.0006_webhook_permissions")

    def make_groups(**_):
        groups.make_groups(apps, None)
        webhooks.give_permissions(apps, None)

    post_migrate.connect(make_groups, sender=list(apps.get_app_configs())[-1], weak=False)
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(KEEPERS)
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")


@pytest.fixture(scope="session")
def on_test_database(django_db_setup, postgres):
    """The environment of a process that works on the test database."""
    from django.conf import settings

    name = settings.DATABASES["default"]["NAME"]
    environment = dict(os.environ, DATABASE_URL=postgres.url(name))
    environment.pop("DJANGO_SETTINGS_MODULE")
    return environment


@pytest.fixture
def start_web(transactional_db, on_test_database, temporal_server, tmp_path):
    """Start a web server process with further variables; stopped after the test."""
    with contextlib.ExitStack() as started:

        def start(**variables: str) -> Web:
            port = free_port()
            log = tmp_path / f"web-{port}.log"
            public_url = f"http://127.0.0.1:{port}"
            environment = {**on_test_database, "PUBLIC_URL": public_url, **variables}
            web = Web("127.0.0.1", port, environment, log)
            started.callback(web.stop)
            web.start()
            web.wait()
            return web

        yield start


@pytest.fixture
def start_worker(transactional_db, on_test_database, temporal_server, tmp_path):
    """Start a worker process with further variables; stopped after the test."""
    with contextlib.ExitStack() as started:
        count = 0

        def start(**variables: str) -> Child:
            nonlocal count
            count += 1
            environment = {**on_test_database, **variables}
            worker = Child("worker", worker_command(), environment, tmp_path / f"worker-{count}.log")
            started.callback(worker.stop)
            worker.start()
            return worker

        yield start


@pytest.fixture
def live_web(start_web) -> Web:
    """A web server process on the test database."""
    return start_web()


@pytest.fixture
def live_worker(start_worker) -> Child:
    """A worker process on the test database."""
    return start_worker()


@pytest.fixture
def make_site():
    """Make a site of the test's own with further settings; stopped and removed after the test."""
    with contextlib.ExitStack() as made:

        def make(**variables: str) -> Site:
            # Not below tmp_path, which is private: as root, PostgreSQL runs as another user.
            home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-site-"))
            site = Site(home, {**UNHURRIED, **variables})
            made.callback(shutil.rmtree, home, ignore_errors=True)
            made.callback(site.stop)
            return site

        yield make


@pytest.fixture
def private_site(make_site) -> Site:
    """A whole site of the test's own, started and ready."""
    site = make_site()
    site.start()
    return site

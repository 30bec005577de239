"""The fixtures that the tests of the other rooms stand on."""

import os
import time

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from mudda.devstack.processes import ask


def test_nothing_of_the_callers_environment_reaches_a_test():
    assert os.environ["MUDDA_ENV_FILE"] == ""
    assert "HTTPS_PROXY" not in os.environ
    assert settings.OPENAI_API_KEY == ""
    assert settings.EMAIL_URL == ""


@pytest.mark.django_db
def test_the_test_database_is_the_sessions_postgresql(postgres):
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        assert cursor.fetchone() == (str(postgres.data),)


def test_a_live_web_server_and_worker_work_on_the_test_database(live_web, live_worker, temporal_server):
    User.objects.create_superuser("ada", "ada@example.org", "correct horse battery staple")
    assert ask(f"{live_web.url}/readyz") == "200"
    until = time.monotonic() + 60
    while not temporal_server.has_worker(settings.TEMPORAL_TASK_QUEUE):
        live_worker.require_alive()
        assert time.monotonic() < until
        time.sleep(0.1)
    live_worker.kill()
    assert live_worker.pid is None


def test_a_private_site_survives_the_loss_of_any_part(private_site):
    site = private_site
    site.temporal.kill()
    assert ask(f"{site.url}/healthz") == "200"
    assert ask(f"{site.url}/readyz", timeout=20).startswith("503")
    assert ask(f"{site.url}/readyz?without=temporal") == "200"
    site.temporal.start()
    site.postgres.stop()
    assert ask(f"{site.url}/readyz", timeout=20).startswith("503")
    assert ask(f"{site.url}/readyz?without=temporal", timeout=20).startswith("503")
    site.postgres.start()
    site.worker.kill()
    site.worker.start()
    site.wait()

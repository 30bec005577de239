"""How long a request waits for the database."""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import psycopg
import pytest

from tests import factories


def test_a_statement_that_takes_too_long_is_given_up_and_the_answer_says_when_to_come_again(
    start_web, on_test_database
):
    factories.load_city()
    key, web = factories.make_key("issues:read"), start_web(DATABASE_STATEMENT_TIMEOUT="1")
    asked = urllib.request.Request(f"{web.url}/issues", headers={"Authorization": f"Api-Key {key}"})
    with psycopg.connect(on_test_database["DATABASE_URL"]) as other:
        other.execute("LOCK TABLE issues_issue IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(asked)
        other.rollback()
    assert (told.value.status, told.value.headers["Retry-After"]) == (503, "5")
    assert json.loads(told.value.read())["code"] == "database_unavailable"
    assert urllib.request.urlopen(asked).status == 200


def test_the_web_server_has_thirty_seconds_for_a_statement(on_test_database):
    ask = "import mudda.asgi; from django.conf import settings; print(settings.STATEMENT_TIMEOUT)"
    done = subprocess.run([sys.executable, "-c", ask], env=on_test_database, capture_output=True, text=True)
    assert done.stdout.strip() == "30", done.stderr

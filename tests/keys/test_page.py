"""docs/keys.md: how it says that a key is made, used and rotated is how it goes."""

import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.api.client import Api

PAGE = (Path(__file__).resolve().parents[2] / "docs/keys.md").read_text()
PREFIX = "Zk3mB0aQ"
"""Of the page's key."""


def command(name):
    """The page's first command of this name, with its arguments, without the remark behind it."""
    return shlex.split(re.search(rf"^manage\.py ({name} .+)$", PAGE, re.MULTILINE)[1], comments=True)


def run(*words):
    said = StringIO()
    call_command(*words, stdout=said)
    return said.getvalue().split()[-1]


@pytest.mark.django_db
def test_a_key_is_made_and_rotated_as_the_page_says_and_both_texts_work_for_a_while():
    old = run(*command("create_api_key"))
    rotate = [old.partition(".")[0] if word == PREFIX else word for word in command("rotate_api_key")]
    assert rotate != command("rotate_api_key")
    new = run(*rotate)
    assert new != old
    assert [Api(text).get("/workflows").status_code for text in (old, new)] == [200, 200]
    run("rotate_api_key", new.partition(".")[0], "--overlap", "0")
    assert [Api(text).get("/workflows").status_code for text in (old, new)] == [401, 401]

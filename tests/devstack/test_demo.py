"""``make demo`` from its first line to its last, with everything in the environment against it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mudda.devstack.surroundings import MARK

ROOT = Path(__file__).parents[2]

HOSTILE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production",
    "TEMPORAL_HOST": "127.0.0.1:1",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "TEMPORAL_TASK_QUEUE": "production",
    "OPENAI_API_KEY": "sk-somebodys-money",
    "OPENAI_BASE_URL": "http://127.0.0.1:1",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "DJANGO_SETTINGS_MODULE": "not.there",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "PGHOST": "127.0.0.1",
    "PGPORT": "1",
    "SECRET_KEY": "",
    "DEBUG": "neither",
    "LC_ALL": "xx_YY.UTF-8",
}


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="mudda-demo-") as name:
        yield Path(name) / "demo"


def demo(folder, **variables):
    command = [sys.executable, "-m", "mudda.devstack.demo", "--home", str(folder)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def left_running(folder):
    mark = f"{MARK}={folder}\0".encode()
    return [entry.parent.name for entry in Path("/proc").glob("[0-9]*/environ") if mark in read(entry)]


def read(entry):
    try:
        return entry.read_bytes() + b"\0"
    except OSError:
        return b""


def test_the_demo_does_the_main_job_shows_it_and_leaves_nothing_running(folder):
    ended = demo(folder, **HOSTILE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for shown in (
        "POST /workflows/generate",
        '"problem_statement": "Water leak at 123 Main St"',
        "201 Created",
        "/approve",
        "/execute",
        "202 Accepted",
        "/accept",
        '"crew": "Crew 7"',
        "/decide",
        '"status": "completed"',
        "Repaired: ISSUE-",
        "To: ada.lovelace@example.org",
        str(folder / "report.pdf"),
    ):
        assert shown in ended.stdout.replace(
            "Ada Lovelace <ada.lovelace@example.org>", "ada.lovelace@example.org"
        )
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((folder / "mail").glob("*.eml"))) >= 2
    assert left_running(folder) == []
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_a_folder_that_is_not_a_demos_is_not_emptied(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    ended = demo(folder)
    assert ended.returncode == 1
    assert "not a demo's" in ended.stderr
    assert (folder / "thesis.txt").exists()

"""Environment variables and ports."""

import socket

import pytest

from mudda.devstack.errors import StackError
from mudda.devstack.surroundings import (
    free_port,
    hermetic,
    is_free,
    port_from,
    read_env_file,
    require_free,
    without,
    write_env_file,
)


def test_a_hermetic_process_sees_nothing_that_could_cost_or_hurt_anybody():
    callers = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "DATABASE_URL": "postgresql://production",
        "OPENAI_API_KEY": "sk-real",
        "EMAIL_URL": "smtp://real",
        "DJANGO_SETTINGS_MODULE": "other.settings",
        "HTTPS_PROXY": "http://proxy",
        "AWS_SECRET_ACCESS_KEY": "real",
        "SOMETHING_NEW": "unknown",
    }
    assert hermetic(callers) == {"PATH": "/bin", "HOME": "/home/ada"}


def test_more_can_be_kept_by_prefix():
    assert hermetic({"PYTEST_XDIST": "1", "PYTHONPATH": "x"}, keep_prefixes=["PYTEST_"]) == {
        "PYTEST_XDIST": "1"
    }


def test_what_bends_the_embedded_parts_is_left_out():
    assert without({"PGPORT": "1", "TEMPORAL_ADDRESS": "x", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_an_env_file_reads_back_as_written_and_only_for_its_owner(tmp_path):
    file = tmp_path / "stack.env"
    variables = {"URL": "postgresql://postgres@:5432/mudda?host=/a b/#c", "KEY": 'x"$y\\z=', "EMPTY": ""}
    write_env_file(file, variables)
    assert read_env_file(file) == variables
    assert file.stat().st_mode & 0o077 == 0


def test_a_value_that_would_read_back_differently_is_refused(tmp_path):
    file = tmp_path / "stack.env"
    with pytest.raises(StackError, match="quote or a line break"):
        write_env_file(file, {"KEY": "it's\nbroken"})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_env_file_sets_nothing(tmp_path):
    assert read_env_file(tmp_path / "none") == {}


def test_reading_an_env_file_leaves_the_process_alone(tmp_path, monkeypatch):
    import os

    (tmp_path / ".env").write_text("MUDDA_TEST_ONLY=1\n")
    assert read_env_file(tmp_path / ".env") == {"MUDDA_TEST_ONLY": "1"}
    assert "MUDDA_TEST_ONLY" not in os.environ


def test_a_taken_port_is_seen_and_avoided():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) != port
        with pytest.raises(StackError, match=f"port {port} .*API_PORT=[0-9]+ make up"):
            require_free(port, "API_PORT")
    assert free_port(port) == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "８０"])
def test_a_port_that_is_none_is_refused_by_its_name(text):
    with pytest.raises(StackError, match="API_PORT"):
        port_from({"API_PORT": text}, "API_PORT")


def test_a_port_may_be_left_out():
    assert port_from({"API_PORT": " "}, "API_PORT") is None

"""The scripts behind ``make install``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A project with a lock file, whose environment is this one."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    (tmp_path / "lock.txt").write_text("uv==1.0\n")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def tool(project, name, script):
    file = project / "bin" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def run(project, *command, path=None):
    search = path or f"{project / 'bin'}:/usr/bin:/bin"
    return subprocess.run(
        command, cwd=project, env={"PATH": search, "HOME": os.environ["HOME"]}, capture_output=True, text=True
    )


def test_an_unchanged_lock_file_needs_no_network_and_no_tool(project):
    (project / "venv" / ".installed").write_text("uv==1.0\n")
    ended = run(project, ".ci/install", "venv", "lock.txt")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_changed_lock_file_is_installed_by_hash_and_remembered(project):
    uv = project / "venv" / "bin" / "uv"
    uv.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "uv 1.0" || echo "$@" >>asked\n')
    uv.chmod(0o755)
    ended = run(project, ".ci/install", "venv", "lock.txt")
    assert ended.returncode == 0, ended.stderr
    assert "pip sync" in (project / "asked").read_text()
    assert "--require-hashes lock.txt" in (project / "asked").read_text()
    assert (project / "venv" / ".installed").read_text() == "uv==1.0\n"


def test_a_failed_installation_is_not_remembered(project):
    for name, script in (("uv", '[ "$1" = --version ] && echo "uv 1.0" || exit 1'), ("python", "exit 1")):
        file = project / "venv" / "bin" / name
        file.unlink(missing_ok=True)
        file.write_text(f'#!/bin/sh\ncase "$*" in *version_info*) exit 0;; esac\n{script}\n')
        file.chmod(0o755)
    ended = run(project, ".ci/install", "venv", "lock.txt")
    assert ended.returncode != 0
    assert not (project / "venv" / ".installed").exists()


def test_a_python_that_is_only_a_name_is_passed_over(project):
    shutil.rmtree(project / "venv")
    for name in ("python3.13", "python3.12"):
        tool(project, name, "exit 127")
    tool(project, "python3.11", "exit 1")
    tool(project, "python3", 'echo "$@" >>asked; [ "$2" = venv ] && exit 3; exit 0')
    run(project, ".ci/install", "venv", "lock.txt")
    assert "-m venv venv" in (project / "asked").read_text()


def test_without_a_python_it_says_which_is_needed(project):
    shutil.rmtree(project / "venv")
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        tool(project, name, "exit 1")
    ended = run(project, ".ci/install", "venv", "lock.txt")
    assert ended.returncode == 1
    assert "needs Python 3.11 or later" in ended.stderr


def test_apt_is_left_alone_when_the_tool_is_there(project):
    tool(project, "apt-get", "echo asked >asked")
    ended = run(project, ".ci/need", "a tool", "the-package", "true")
    assert ended.returncode == 0
    assert not (project / "asked").exists()


def test_apt_installs_what_is_missing(project):
    tool(project, "id", "echo 0")
    tool(project, "apt-get", f'case "$*" in *the-package*) touch {project}/there;; esac')
    ended = run(project, ".ci/need", "a tool", "the-package", "test", "-e", str(project / "there"))
    assert ended.returncode == 0, ended.stderr


def test_without_the_right_to_install_it_names_the_package(project):
    tool(project, "id", "echo 1000")
    tool(project, "sudo", "exit 1")
    ended = run(project, ".ci/need", "a tool", "the-package", "false")
    assert ended.returncode == 1
    assert "needs a tool" in ended.stderr
    assert "the-package" in ended.stderr

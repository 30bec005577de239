"""Many commands of ``manage.py`` without the start of a Python for each: a process that has imported what needs no
settings, and forks for every command. Each still reads its own environment and sets Django up by it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from mudda.environment import BASE_DIR

READY_MADE = (
    "cryptography.x509",
    "django.db.models",
    "django.forms",
    "django.template.loader",
    "jsonschema",
    "openai",
    "psycopg_pool",
    "pypdf",
    "temporalio.worker",
)
"""Large, read no settings when they are imported, and start no thread."""

LONGEST = 300
"""Seconds after which a command is ended by a signal."""


class Warm:
    """Runs commands one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """``manage.py`` with ``words`` and nothing but these variables."""
        assert self._server.stdin and self._server.stdout
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {"words": words, "environment": dict(environment), "out": str(out), "err": str(err)}
            self._server.stdin.write(json.dumps(asked) + "\n")
            self._server.stdin.flush()
            code = int(self._server.stdout.readline())
            return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def stop(self) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait(LONGEST)


def serve() -> None:
    """A line of JSON for each command; answered with what it ended with, negative for a signal."""
    for name in READY_MADE:
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            command(asked["words"], asked["environment"], asked["out"], asked["err"])
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def command(words: list[str], environment: dict[str, str], out: str, err: str) -> NoReturn:
    """As ``python manage.py`` would be run in a process of its own."""
    signal.alarm(LONGEST)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for file, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["manage.py", *words]
    try:
        import_module("manage").main()
    except BaseException:
        # As the interpreter would; this process must not come back to the server's loop.
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    serve()

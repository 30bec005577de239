"""Our own processes as children: the web server, the worker, and commands that run to their end."""

import contextlib
import os
import shlex
import signal
import subprocess  # noqa: S404
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mudda.devstack.errors import StackError, tail
from mudda.environment import BASE_DIR
from mudda.web import web_command

STOP_SECONDS: Final = 35.0  # the worker lets steps in flight end for up to 30 s


def manage(*arguments: str) -> list[str]:
    """The command line of ``manage.py`` with ``arguments``."""
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


def worker_command() -> list[str]:
    """The command line of the Temporal worker, with the dispatcher inside."""
    return manage("run_temporal_worker")


def run(command: Sequence[str], environment: Mapping[str, str], *, timeout: float = 180.0) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        StackError: it failed or took longer than ``timeout`` seconds; carries its output.
    """
    shown = shlex.join(command[1:] if command[0] == sys.executable else command)
    try:
        ended = subprocess.run(  # noqa: S603
            command,
            cwd=BASE_DIR,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise StackError(f"`{shown}` did not end within {timeout:g} s") from problem
    if ended.returncode != 0:
        output = "\n".join(f"    {line}" for line in (ended.stdout + ended.stderr).splitlines()[-40:])
        raise StackError(f"`{shown}` failed with code {ended.returncode}\n{output}")
    return ended.stdout


class Child:
    """One long-running process of ours, in its own process group, with a log file.

    Args:
        name: for messages.
        command: its command line.
        environment: all of its environment.
        log: appended to.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs, or None."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    @property
    def returncode(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs or before its start."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it; does not wait for anything."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.command,
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, *, grace: float = STOP_SECONDS) -> int | None:
        """SIGTERM, and SIGKILL after ``grace`` seconds; return what it ended with."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.returncode

    def kill(self) -> None:
        """End it and its children at once, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def require_alive(self) -> None:
        """Raises:
        StackError: it has ended; carries the end of its log.
        """
        code = self.returncode
        if code is not None:
            raise StackError(f"the {self.name} ended with code {code}\n{tail(self.log)}")

    def wait_until_said(self, text: str, *, deadline: float = 60.0) -> None:
        """Wait until its log has ``text``.

        Raises:
            StackError: it ended, or ``deadline`` seconds went by; carries the end of its log.
        """
        until = time.monotonic() + deadline
        while text not in self.log.read_text(errors="replace"):
            self.require_alive()
            if time.monotonic() > until:
                raise StackError(f"the {self.name} did not say {text!r} in {deadline:g} s\n{tail(self.log)}")
            time.sleep(0.05)


class Web(Child):
    """The web server, listening on ``http://<host>:<port>``."""

    def __init__(self, host: str, port: int, environment: Mapping[str, str], log: Path) -> None:
        super().__init__("web server", web_command(host, port), environment, log)
        self.url = f"http://{host}:{port}"

    def wait(self, path: str = "/healthz", *, deadline: float = 60.0) -> None:
        """Wait until ``path`` answers with 200.

        Raises:
            StackError: it ended, or ``deadline`` seconds went by; carries the last answer and its log.
        """
        until = time.monotonic() + deadline
        while (answer := ask(self.url + path)) != "200":
            self.require_alive()
            if time.monotonic() > until:
                raise StackError(f"{self.url}{path} answers {answer}\n{tail(self.log)}")
            time.sleep(0.1)


def ask(url: str, *, timeout: float = 5.0) -> str:
    """The HTTP status of a GET, or, when there was no answer, the reason. No proxy is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as answer:
        return f"{answer.code} {answer.read(2000).decode(errors='replace')}"
    except OSError as problem:
        return str(problem)

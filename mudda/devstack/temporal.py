"""The embedded Temporal: the development server of the ``temporal`` command."""

import json
import os
import re
import shutil
import signal
import subprocess  # noqa: S404
import sysconfig
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from mudda.devstack.errors import StackError, tail
from mudda.devstack.surroundings import MARK, free_port, is_free, without
from mudda.search_attributes import AS_KEYWORDS
from mudda.search_attributes import NAMES as SEARCH_ATTRIBUTES

NAMESPACE: Final = "default"
TASK_QUEUE: Final = "mudda-ai-workflows"  # the settings' default
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10

#: The development server throttles itself to about 20 task transfers a second per shard.
_QUEUES = ("transfer", "timer", "visibility")
_POLLS_PER_SECOND = 2000

_ACTION = re.compile(r"action\{(?P<labels>[^}]*)\} (?P<count>\S+)")
_ACTION_TYPE = re.compile(r'action_type="([^"]*)"')


def embedded_command() -> Path:
    """The ``temporal`` command of this virtual environment.

    Raises:
        StackError: it is not installed.
    """
    command = Path(sysconfig.get_path("scripts")) / "temporal"
    if not command.is_file():
        raise StackError("the embedded Temporal server is missing: run `make install`")
    return command


def users_command() -> Path | None:
    """A ``temporal`` command of the user's own on PATH, or None."""
    found = shutil.which("temporal")
    own = Path(sysconfig.get_path("scripts")) / "temporal"
    return Path(found) if found and Path(found).resolve() != own.resolve() else None


class Temporal:
    """One Temporal development server, in its own process group.

    Args:
        folder: for its log, and for its database when ``durable``.
        port: gRPC port on 127.0.0.1; a free one when None. A restart keeps it.
        ui_port: of the web interface; None runs without one.
        durable: keep workflows in ``<folder>/temporal.db``, else in memory.
        namespace: made when missing.
        stack: the folder of the stack that it belongs to, so that it is found if the stack is killed.
        command: the ``temporal`` command; this environment's own when None.
        metrics_port: of the server's own metrics, for :meth:`actions`; None runs without them.
        dynamic: further values of the server's dynamic configuration, as JSON.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        durable: bool = True,
        namespace: str = NAMESPACE,
        stack: Path | None = None,
        command: Path | None = None,
        metrics_port: int | None = None,
        dynamic: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.ui_port = ui_port
        self.durable = durable
        self.namespace = namespace
        self.stack = stack
        self.command = command or embedded_command()
        self.metrics_port = metrics_port
        self.dynamic = dict(dynamic or {})
        self.log = self.folder / "temporal.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """``host:port`` of the gRPC service."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def start(self, *, deadline: float = START_SECONDS) -> None:
        """Start the server; return when its namespace answers over gRPC.

        Raises:
            StackError: a port is taken, it ended, or it does not answer in ``deadline`` seconds.
        """
        for port in filter(None, (self.port, self.ui_port, self.metrics_port)):
            if not is_free(port):
                raise StackError(f"port {port} on 127.0.0.1 is taken: set TEMPORAL_PORT or TEMPORAL_UI_PORT")
        self.folder.mkdir(parents=True, exist_ok=True)
        known = self._database.exists()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._arguments(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=without(os.environ) | ({MARK: str(self.stack)} if self.stack else {}),
                start_new_session=True,
            )
        try:
            self._wait(time.monotonic() + deadline)
            if self.durable and known:
                self._register_search_attributes()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait until it is gone. Does nothing when it does not run."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _arguments(self) -> list[str]:
        arguments = [str(self.command), "server", "start-dev", "--disable-config-file", "--log-level", "warn"]
        arguments += ["--ip", "127.0.0.1", "--port", str(self.port), "--namespace", self.namespace]
        polls = {f"history.{queue}ProcessorMaxPollRPS": str(_POLLS_PER_SECOND) for queue in _QUEUES}
        for name, value in {**polls, **self.dynamic}.items():
            arguments += ["--dynamic-config-value", f"{name}={value}"]
        for name in SEARCH_ATTRIBUTES:
            arguments += ["--search-attribute", f"{name}=Keyword"]
        arguments += ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.metrics_port is not None:
            arguments += ["--metrics-port", str(self.metrics_port)]
        if self.durable:
            arguments += ["--db-filename", str(self._database)]
        return arguments

    @property
    def _database(self) -> Path:
        return self.folder / "temporal.db"

    def _register_search_attributes(self) -> None:
        """In a database that there was already: the server looks at ``--search-attribute`` only where it makes one."""
        if self._ask("operator", "search-attribute", "create", *AS_KEYWORDS) is None:
            raise StackError(f"Temporal on {self.address} does not take search attributes\n{tail(self.log)}")

    def _wait(self, until: float) -> None:
        assert self._process is not None  # noqa: S101
        while not (self._listens() and self.answers()):
            if self._process.poll() is not None:
                code = self._process.returncode
                raise StackError(f"Temporal ended at once with code {code}\n{tail(self.log)}")
            if time.monotonic() > until:
                raise StackError(f"Temporal on {self.address} does not answer\n{tail(self.log)}")
            time.sleep(0.1)

    def _listens(self) -> bool:
        """Whether it is our process that listens, and not somebody who took the port just before us."""
        assert self._process is not None  # noqa: S101
        try:
            sockets = psutil.Process(self._process.pid).net_connections(kind="tcp")
        except psutil.Error:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in sockets)

    def answers(self) -> bool:
        """Whether the namespace can be read over gRPC now."""
        return not is_free(self.port) and self._ask("operator", "namespace", "describe") is not None

    def actions(self) -> Counter[str]:
        """How many actions the server has counted so far in its namespace, by type; they are what is billed.

        The count lags by half a second and more: ask until it is stable.

        Raises:
            StackError: the server runs without metrics.
            OSError: it does not answer.
        """
        if self.metrics_port is None:
            raise StackError("this Temporal runs without metrics: give it a metrics_port")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        counted: Counter[str] = Counter()
        for line in text.splitlines():
            found = _ACTION.fullmatch(line)
            if found and f'namespace="{self.namespace}"' in found["labels"]:
                kind = _ACTION_TYPE.search(found["labels"])
                counted[kind[1] if kind else ""] += int(float(found["count"]))
        return counted

    def has_worker(self, task_queue: str) -> bool:
        """Whether a worker polls ``task_queue`` for workflow tasks."""
        # The newer mode of this question names no pollers for the first seconds.
        answer = self._ask(
            "task-queue", "describe", "--task-queue", task_queue, "--legacy-mode", "--output", "json"
        )
        return bool(json.loads(answer or "{}").get("pollers"))

    def _ask(self, *question: str) -> str | None:
        where = ["--namespace", self.namespace, "--address", self.address]
        options = ["--disable-config-file", "--disable-config-env", "--command-timeout", "5s"]
        answer = subprocess.run(  # noqa: S603
            [str(self.command), *question, *where, *options],
            capture_output=True,
            text=True,
            env=without(os.environ),
            check=False,
        )
        return answer.stdout if answer.returncode == 0 else None

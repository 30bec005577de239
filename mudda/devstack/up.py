"""``make up``: the whole of mudda on this machine, kept running until Ctrl-C.

PostgreSQL and Temporal start first and stop last; between them honcho runs the web server and the worker,
with their output on this terminal, and stops both when one ends. What the environment or ``.env`` names
(``DATABASE_URL``, ``TEMPORAL_HOST``, ``OPENAI_API_KEY``) is used instead of the embedded part.
"""

import contextlib
import os
import re
import secrets
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

import honcho.manager
from honcho.printer import Message, Printer

from mudda.devstack.errors import StackError
from mudda.devstack.ownership import Lock, clear_leftovers
from mudda.devstack.postgres import Postgres
from mudda.devstack.processes import manage, run, worker_command
from mudda.devstack.surroundings import (
    MARK,
    free_port,
    port_from,
    read_env_file,
    require_free,
    without,
    write_env_file,
)
from mudda.devstack.temporal import NAMESPACE, Temporal, users_command
from mudda.environment import BASE_DIR, mudda_home
from mudda.web import web_command

BESIDE: Final = "Stop it, or run a second one beside it: MUDDA_HOME=.mudda-2 API_PORT=8001 make up"
LOOK_OUT: Final = "stack"
GRACE_SECONDS: Final = 35  # the worker lets steps in flight end for up to 30 s
REQUESTED: Final = (128 + signal.SIGINT, 128 + signal.SIGTERM)


class Stack:
    """The stack of one ``MUDDA_HOME``, as the environment asks for it.

    Args:
        home: the folder for everything that it keeps.
        environment: the process environment; ``.env`` is read beneath it.

    Raises:
        StackError: a port is taken, or is no port.
    """

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self._process_environment = dict(environment)
        env_file = environment.get("MUDDA_ENV_FILE", str(BASE_DIR / ".env"))
        self.given = {**(read_env_file(Path(env_file)) if env_file else {}), **environment}
        self.host = self.given.get("API_HOST") or "127.0.0.1"
        self.port = require_free(port_from(self.given, "API_PORT") or 8000, "API_PORT", self.host)
        self.url = self._url(self.host)
        database = self.given.get("DATABASE_URL") or self.given.get("DATABASE_URL_FILE")
        self.postgres = None if database else Postgres(home / "postgres")
        self.temporal = None if self._users_temporal() else self._embedded_temporal()

    def start_parts(self) -> None:
        """Start what is embedded, and write down for other terminals where it is.

        Raises:
            StackError: a part did not start.
        """
        (self.home / "static").mkdir(exist_ok=True)  # where whitenoise looks first
        if self.postgres is not None:
            self.postgres.start()
        if self.temporal is not None:
            self._start_temporal()
        write_env_file(self.home / "stack.env", self.settings())

    def stop_parts(self) -> None:
        """Stop what is embedded, whatever fails on the way."""
        with contextlib.ExitStack() as last_to_first:
            last_to_first.callback((self.home / "stack.env").unlink, missing_ok=True)
            if self.postgres is not None:
                last_to_first.callback(self.postgres.stop)
            if self.temporal is not None:
                last_to_first.callback(self.temporal.stop)

    def settings(self) -> dict[str, str]:
        """The settings that the stack decides, for its own processes and for ``stack.env``."""
        ours = {
            "SECRET_KEY": self.given.get("SECRET_KEY") or self._secret_key(),
            "API_HOST": self.host,
            "API_PORT": str(self.port),
            "ALLOWED_HOSTS": self._allowed_hosts(),
            "PUBLIC_URL": self.given.get("PUBLIC_URL") or self.url,
            "HTTPS_ONLY": "false",  # nothing here speaks TLS
        }
        if self.postgres is not None:
            ours["DATABASE_URL"] = self.postgres.url()
        if self.temporal is not None:
            ours |= {"TEMPORAL_HOST": self.temporal.address, "TEMPORAL_NAMESPACE": self.temporal.namespace}
            ours |= dict.fromkeys(_NOT_FOR_EMBEDDED, "")
            ours["TEMPORAL_SEARCH_ATTRIBUTES"] = self.given.get("TEMPORAL_SEARCH_ATTRIBUTES") or "true"
            if self.temporal.ui_port:
                ours["TEMPORAL_UI_URL"] = f"http://127.0.0.1:{self.temporal.ui_port}"
        return ours

    def environment(self) -> dict[str, str]:
        """All variables of the stack's processes."""
        bending = ("PG",) if self.postgres is not None else ()
        return {
            **without(self._process_environment, bending),
            **self.settings(),
            "MUDDA_HOME": str(self.home),
            MARK: str(self.home),
            "PYTHONUNBUFFERED": "1",
        }

    def describe(self) -> str:
        """Which parts are embedded and which are the user's, without anything secret."""
        database, planner = self.given.get("DATABASE_URL", ""), self.given.get("OPENAI_API_KEY", "")
        lines = [f"data        {self.home}"]
        if self.postgres is None:
            lines.append(f"PostgreSQL  yours: {re.sub(r':[^:@/]*@', ':***@', database.partition('?')[0])}")
        else:
            lines.append("PostgreSQL  embedded")
        if self.temporal is None:
            lines.append(f"Temporal    yours: {self._users_temporal()}")
        else:
            server = "your own `temporal` command" if users_command() else "embedded"
            lines.append(f"Temporal    {server}, {self.temporal.address}")
            lines.append(f"            web interface http://127.0.0.1:{self.temporal.ui_port}")
        lines.append(f"planner     {'yours: OpenAI' if planner else 'playbooks'}")
        mail = "yours: EMAIL_URL" if self.given.get("EMAIL_URL") else f"files in {self.home / 'mail'}"
        lines.append(f"e-mail      {mail}")
        return "\n".join(lines)

    def look_out(self) -> list[str]:
        """The command line of the process that watches the others."""
        asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        command = [sys.executable, "-m", "mudda.devstack.watch", "--home", str(self.home)]
        command += ["--owner", str(os.getpid()), "--shown", self.url, "--ask", self._url(asked)]
        if self.postgres is not None:
            command += ["--part", f"{self.postgres.pid}:{self.postgres.log}:PostgreSQL"]
        if self.temporal is not None:
            command += ["--part", f"{self.temporal.pid}:{self.temporal.log}:Temporal"]
            command += ["--temporal-port", str(self.temporal.port), "--namespace", self.temporal.namespace]
            if self.given.get("TEMPORAL_TASK_QUEUE"):
                command += ["--task-queue", self.given["TEMPORAL_TASK_QUEUE"]]
        return command

    def _users_temporal(self) -> str:
        """Where the user's own Temporal is, or its profile; empty for none."""
        names = ("TEMPORAL_HOST", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE")
        return next((self.given[name] for name in names if self.given.get(name)), "")

    def _url(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def _start_temporal(self) -> None:
        """Start Temporal; on ports of our choice, choose again when another stack was quicker."""
        assert self.temporal is not None  # noqa: S101
        for attempt in range(3):
            try:
                self.temporal.start()
                return
            except StackError:
                ours = not self.given.get("TEMPORAL_PORT"), not self.given.get("TEMPORAL_UI_PORT")
                if attempt == 2 or not any(ours):
                    raise
                self.temporal.port = free_port() if ours[0] else self.temporal.port
                self.temporal.ui_port = free_port() if ours[1] else self.temporal.ui_port

    def _embedded_temporal(self) -> Temporal:
        port = port_from(self.given, "TEMPORAL_PORT")
        ui_port = port_from(self.given, "TEMPORAL_UI_PORT")
        return Temporal(
            self.home / "temporal",
            stack=self.home,
            port=require_free(port, "TEMPORAL_PORT") if port else free_port(7233),
            ui_port=require_free(ui_port, "TEMPORAL_UI_PORT") if ui_port else free_port(8233),
            namespace=self.given.get("TEMPORAL_NAMESPACE") or NAMESPACE,
            command=users_command(),
        )

    def _secret_key(self) -> str:
        """The stack's own secret: sessions and stored files outlive a restart."""
        path = self.home / "secret_key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(50))
        return path.read_text().strip()

    def _allowed_hosts(self) -> str:
        if self.host in {"0.0.0.0", "::"}:  # noqa: S104
            return self.given.get("ALLOWED_HOSTS") or "*"
        ours = f"[{self.host}]" if ":" in self.host else self.host
        names = [*self.given.get("ALLOWED_HOSTS", "").split(","), "localhost", "127.0.0.1", "[::1]", ours]
        return ",".join(dict.fromkeys(name for name in names if name))


_NOT_FOR_EMBEDDED: Final = (
    "TEMPORAL_TLS",
    "TEMPORAL_API_KEY",
    "TEMPORAL_TLS_CERT",
    "TEMPORAL_TLS_KEY",
    "TEMPORAL_TLS_SERVER_CA",
    "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
)


class _Terminal(Printer):  # type: ignore[misc]
    """honcho's printer, but the look-out's lines stand by themselves: ``ready ...`` begins its line."""

    def write(self, message: Message) -> None:
        if message.name == LOOK_OUT and message.type == "line":
            data = message.data
            print(data.decode(errors="replace") if isinstance(data, bytes) else data, end="", flush=True)
        else:
            super().write(message)


def run_processes(stack: Stack) -> int:
    """Run the web server and the worker until one ends or we are asked to stop; return the exit code.

    0 when we were asked to stop, else the code of the process that ended first, and never 0.
    """
    environment = stack.environment()
    honcho.manager.KILL_WAIT = GRACE_SECONDS
    manager = honcho.manager.Manager(_Terminal(sys.stdout))
    commands = {
        "web": web_command(stack.host, stack.port),
        "worker": worker_command(),
        LOOK_OUT: stack.look_out(),
    }
    for name, command in commands.items():
        theirs = _with_own_metrics_port(environment) if name == "worker" else environment
        manager.add_process(name, "exec " + shlex.join(command), env=theirs, cwd=str(BASE_DIR))
    manager.loop()
    code = int(manager.returncode or 1)
    return 0 if code in REQUESTED else abs(code)


def _with_own_metrics_port(environment: Mapping[str, str]) -> dict[str, str]:
    """For a second process on this machine: the port after the web server's, where there is one."""
    port = environment.get("METRICS_PORT", "")
    if not (port.isdigit() and int(port)):
        return dict(environment)
    return {**environment, "METRICS_PORT": str(int(port) + 1)}


def main() -> int:
    """Run the stack of ``MUDDA_HOME`` until it is stopped; return the exit code."""
    home = mudda_home()
    _end_politely()
    try:
        with Lock(home, instead=BESIDE) as lock:
            left = clear_leftovers(home)
            if left:
                print(f"Stopped what a killed stack had left running: {', '.join(left)}.")
            stack = Stack(home, os.environ)
            lock.describe(f"process {os.getpid()}, {stack.url}/")
            return _serve(stack)
    except StackError as problem:
        print(f"make up: {problem}", file=sys.stderr)
        return 1


def _serve(stack: Stack) -> int:
    try:
        print(stack.describe(), flush=True)
        stack.start_parts()
        environment = stack.environment()
        print(run(manage("up", "--prepare", "--accounts"), environment), end="", flush=True)
        return run_processes(stack)
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        stack.stop_parts()
        print("Stopped. Nothing is left running.", flush=True)


def _end_politely() -> None:
    """End through our own ``finally`` blocks on SIGTERM and on a closed terminal, as on Ctrl-C."""

    def leave(signum: int, frame: FrameType | None) -> Any:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())

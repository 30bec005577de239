"""A whole mudda on embedded parts, for the demo and for tests that break one part of it."""

import contextlib
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mudda.devstack.errors import StackError, tail
from mudda.devstack.postgres import Postgres
from mudda.devstack.processes import Child, Web, manage, run, worker_command
from mudda.devstack.surroundings import MARK, free_port, hermetic
from mudda.devstack.temporal import NAMESPACE, TASK_QUEUE, Temporal

READY_SECONDS: Final = 60.0


def settings_for(home: Path, *, database_url: str, temporal_address: str, public_url: str) -> dict[str, str]:
    """The variables of a hermetic mudda that keeps everything under ``home``; nothing else is read."""
    return {
        "MUDDA_ENV_FILE": "",
        "MUDDA_HOME": str(home),
        "DATABASE_URL": database_url,
        "TEMPORAL_HOST": temporal_address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "MEDIA_ROOT": str(home / "media"),
        "PUBLIC_URL": public_url,
        "HTTPS_ONLY": "false",
        "PYTHONUNBUFFERED": "1",
    }


class Site:
    """PostgreSQL, Temporal, the web server and the worker; each can be stopped and started by itself.

    Args:
        home: everything it keeps; must not hold another site.
        variables: settings beside, or instead of, the usual ones, for example ``EMAIL_URL``.
    """

    def __init__(self, home: Path, variables: Mapping[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.postgres = Postgres(self.home / "postgres", durable=False)
        self.temporal = Temporal(self.home / "logs", durable=False, stack=self.home)
        self.host, self.port = "127.0.0.1", free_port()
        self.url = f"http://{self.host}:{self.port}"
        self._variables = dict(variables or {})
        self._environment: dict[str, str] = {}
        self.web: Web
        self.worker: Child

    @property
    def environment(self) -> dict[str, str]:
        """All variables of the site's processes; known once :meth:`start_parts` is done."""
        return dict(self._environment)

    def start_parts(self) -> None:
        """Start PostgreSQL and Temporal, and make the two processes of our own known.

        Raises:
            StackError: a part did not start.
        """
        (self.home / "static").mkdir(parents=True, exist_ok=True)  # where whitenoise looks first
        self.postgres.start()
        self.temporal.start()
        ours = settings_for(
            self.home,
            database_url=self.postgres.url(),
            temporal_address=self.temporal.address,
            public_url=self.url,
        )
        self._environment = {**hermetic(os.environ), **ours, **self._variables, MARK: str(self.home)}
        self.web = Web(self.host, self.port, self._environment, self.home / "logs" / "web.log")
        self.worker = Child("worker", worker_command(), self._environment, self.home / "logs" / "worker.log")

    def prepare(self) -> None:
        """Migrate the database and load the categories, departments and playbooks.

        Raises:
            StackError: a command failed; carries its output.
        """
        self.manage("up", "--prepare")

    def launch(self) -> None:
        """Start and prepare everything; the web server and the worker may need some seconds more.

        Raises:
            StackError: a part did not start; carries its log.
        """
        self.start_parts()
        self.prepare()
        self.web.start()
        self.worker.start()

    def start(self) -> None:
        """Start and prepare everything; return when it is ready.

        Raises:
            StackError: a part did not start; carries its log.
        """
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Wait until the web server is ready and the worker polls.

        Raises:
            StackError: one of them has ended, or does not get ready; carries its log.
        """
        self.web.wait("/readyz")
        queue = self._variables.get("TEMPORAL_TASK_QUEUE", TASK_QUEUE)
        until = time.monotonic() + READY_SECONDS
        while not self.temporal.has_worker(queue):
            self.worker.require_alive()
            if time.monotonic() > until:
                raise StackError(f"no worker polls {queue}\n{tail(self.worker.log)}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop everything, last started first, whatever fails on the way."""
        with contextlib.ExitStack() as last_to_first:
            last_to_first.callback(self.postgres.stop)
            last_to_first.callback(self.temporal.stop)
            for child in (getattr(self, "worker", None), getattr(self, "web", None)):
                if child is not None:
                    last_to_first.callback(child.stop)

    def manage(self, *arguments: str) -> str:
        """Run a ``manage.py`` command on this site and return what it printed.

        Raises:
            StackError: it failed; carries its output.
        """
        return run(manage(*arguments), self._environment)

    def create_api_key(self, name: str, *scopes: str) -> str:
        """A new API key with ``scopes``."""
        asked = [word for scope in scopes for word in ("--scope", scope)]
        return self.manage("create_api_key", name, *asked).split()[-1]

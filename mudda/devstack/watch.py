"""``python -m mudda.devstack.watch``: the stack's own look-out, one of the processes of ``make up``.

It says when the stack is ready, ends with an error when a part does that isn't a child of the process manager
(which then stops the rest), and clears up when the process manager itself was killed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from mudda.devstack.errors import tail
from mudda.devstack.ownership import clear_leftovers
from mudda.devstack.processes import ask
from mudda.devstack.temporal import NAMESPACE, TASK_QUEUE, Temporal

READY_SECONDS = 120
EVERY_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Watch until something ends; return 1 then."""
    options = _parse(arguments)
    watched = [_Part(text) for text in options.part]
    waiting_for = _readiness(options)
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if not _alive(options.owner):
            clear_leftovers(options.home)
            return 1
        for part in watched:
            if not _alive(part.pid):
                print(f"{part.name} (process {part.pid}) has ended. The end of its log, {part.log}:")
                print(tail(part.log), flush=True)
                return 1
        if waiting_for:
            waiting_for = [question for question in waiting_for if question() != "200"]
            if not waiting_for:
                print(f"ready {options.shown}/", flush=True)
            elif time.monotonic() > deadline:
                print(f"not ready within {READY_SECONDS} s: {waiting_for[0]()}", flush=True)
                return 1
        time.sleep(EVERY_SECONDS if not waiting_for else 0.1)


class _Part:
    """``<pid>:<log>:<name>``, as given on the command line."""

    def __init__(self, text: str) -> None:
        pid, log, self.name = text.split(":", 2)
        self.pid, self.log = int(pid), Path(log)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="watch")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--owner", type=int, required=True, help="process id of the process manager")
    parser.add_argument("--ask", required=True, help="where the web server is asked, without a final slash")
    parser.add_argument("--shown", required=True, help="the same for people")
    parser.add_argument("--part", action="append", default=[], help="<pid>:<log>:<name>")
    parser.add_argument("--temporal-port", type=int, help="of the embedded Temporal")
    parser.add_argument("--namespace", default=NAMESPACE)
    parser.add_argument("--task-queue", default=TASK_QUEUE)
    return parser.parse_args(arguments)


def _readiness(options: argparse.Namespace) -> list[Callable[[], str]]:
    """The questions that must each be answered with ``200`` once."""
    questions: list[Callable[[], str]] = [lambda: ask(f"{options.ask}/readyz")]
    if options.temporal_port:
        temporal = Temporal(options.home, port=options.temporal_port, namespace=options.namespace)
        queue = options.task_queue
        questions.append(lambda: "200" if temporal.has_worker(queue) else f"no worker polls {queue}")
    return questions


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The sweep loop: small jobs that rooms register, run by every worker, each row handled by one of them; and loops of
their own for what may take its time."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from mudda import holding, listening
from mudda.monitoring import metrics
from mudda.monitoring.about import about
from mudda.outbox import CHANNEL

logger = logging.getLogger(__name__)


@dataclass
class Job:
    name: str
    run: Callable[[], object]
    every: float
    due: float = field(default=0.0)


Loop = Callable[[threading.Event], None]

_jobs: dict[str, Job] = {}
_loops: dict[str, Loop] = {}

AFTER_A_DEFECT = 5.0
"""Seconds until a loop that has ended by a defect is run again."""


def register(name: str, run: Callable[[], object], *, every: float) -> None:
    """Have ``run`` called every ``every`` seconds, and at once when an outbox message was committed.

    A job must tolerate being run by several processes at the same time: it claims rows, with SKIP LOCKED.
    """
    _jobs[name] = Job(name, run, every)


def job_names() -> list[str]:
    """What is registered."""
    return list(_jobs)


def register_loop(name: str, run: Loop) -> None:
    """Have every worker run ``run`` on a thread of its own until the event is set: for what may take its time, which
    a job must not."""
    _loops[name] = run


def start(stop: threading.Event) -> list[threading.Thread]:
    """Start the sweep and every registered loop; whoever sets ``stop`` then joins the threads."""
    work: dict[str, Loop] = {
        "dispatcher": sweep_until,
        **{name: partial(_keep_running, name) for name in _loops},
    }
    threads = [threading.Thread(target=run, args=(stop,), name=name) for name, run in work.items()]
    for thread in threads:
        thread.start()
    return threads


def _keep_running(name: str, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            _loops[name](stop)
        except Exception:
            logger.exception("dispatcher: %s has ended by a defect and will be run again", name)
            stop.wait(AFTER_A_DEFECT)


def run_jobs(*, everything: bool = False) -> None:
    """Run the jobs that are due (all of them with ``everything``). A job with a defect doesn't stop the others.

    Raises:
        OperationalError: the database is away.
    """
    now = time.monotonic()
    for job in _jobs.values():
        if everything or job.due <= now:
            job.due = now + job.every
            _run_one(job)


def _run_one(job: Job) -> None:
    close_old_connections()
    begun, outcome = time.perf_counter(), "failed"
    try:
        with about(job=job.name):
            job.run()
        outcome = "done"
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # The loop serves every execution of the city: one job's defect is reported and must not end it.
        logger.exception("dispatcher: %s failed and will be run again", job.name)
    finally:
        metrics.jobs.labels(job.name, outcome).inc()
        metrics.job_seconds.labels(job.name).inc(time.perf_counter() - begun)
        close_old_connections()


def sweep_until(stop: threading.Event, *, longest_wait: float = 1.0) -> None:
    """Run due jobs until ``stop`` is set, woken early by PostgreSQL when an outbox message is committed.

    Says once that the database is away, and once that it is back; and once that it stays off after a restore.
    """
    listener: psycopg.Connection | None = None
    away = held = False
    while not stop.is_set():
        try:
            listener = listener or listening.connect(CHANNEL)
            if holding.is_held():
                if not held:
                    logger.warning("dispatcher: off since a restore, until `manage.py reconcile` has run")
                held = True
                stop.wait(longest_wait)
                continue
            held = False
            run_jobs()
            if any(listener.notifies(timeout=longest_wait, stop_after=1)):
                run_jobs(everything=True)
            metrics.last_sweep.set_to_current_time()
        except (
            psycopg.Error,
            DatabaseError,
            InterfaceError,
        ) as error:  # also without tables: not restored yet
            if not away:
                logger.warning("dispatcher: the database is away (%s)", type(error).__name__)
            away, listener = True, None
            stop.wait(longest_wait)
            continue
        if away:
            logger.info("dispatcher: the database is back")
        away = False
    if listener is not None:
        listener.close()

"""The life of a PlannerRun: asked, running, then done or failed.

The row is the arbiter. An attempt that crashed is repeated and two may overlap; whoever ends the run first has
ended it, and what comes later changes nothing. What is done for each purpose (``draft``, ``revise``) is
registered by the module that knows how.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from mudda import listening, outbox
from mudda.transactions import whole
from workflows.models import PlannerRun, RunStatus

logger = logging.getLogger(__name__)

ASK_PLANNER = "ask_planner"
"""The kind of the outbox message that has a run carried out by a worker: ``{"run": id}``."""

OVER = (RunStatus.DONE, RunStatus.FAILED)

MOST_ATTEMPTS = 3
"""Times that a run is begun: each may cost money, and what has crashed three workers would crash a fourth."""

PATIENCE = 300.0
"""Seconds that what a planner has answered is kept while the database is away: it was paid for."""

T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """What is done for a purpose. ``give_up`` ends the run without the planner: it must not fail.

    ``carry_out`` gets a run that has been begun; both end it within ``still_open``.
    """

    carry_out: Callable[[PlannerRun], None]
    give_up: Callable[[PlannerRun, str, str], None]


_work: dict[str, Work] = {}


def register(purpose: str, work: Work) -> None:
    """Name what is done for runs of ``purpose``."""
    _work[purpose] = work


def ask(run: PlannerRun) -> None:
    """Have a worker carry out a run, once the current transaction is committed."""
    outbox.put(ASK_PLANNER, {"run": str(run.pk)})


def carry_out(run_id: UUID | str) -> None:
    """Do what a run asks for, on this thread; may take long. A run that is over stays as it is.

    Raises:
        OperationalError, InterfaceError: the database is away, or went away: to be tried again.
    """
    run = _begin(run_id)
    if run is None:
        return
    if run.attempts > MOST_ATTEMPTS:
        give_up(run.pk, "planner_crashed", f"{MOST_ATTEMPTS} attempts to ask the planner ended in a crash.")
        return
    _work[run.purpose].carry_out(run)


def give_up(run_id: UUID | str, code: str, message: str) -> None:
    """End a run without the planner. A run that is over stays as it is."""
    run = PlannerRun.objects.filter(pk=run_id).first()
    if run is not None and not is_over(run):
        logger.error("planner run %s is given up: %s", run.pk, code)
        _work[run.purpose].give_up(run, code, message)


def wait_until_over(run: PlannerRun, *, seconds: float) -> PlannerRun | None:
    """The run once it is over, or None when that takes longer. Outside a transaction; holds no connection."""

    def look() -> PlannerRun | None:
        over = PlannerRun.objects.filter(pk=run.pk, status__in=OVER)
        return over.select_related("plan__current", "plan__issue").first()

    return listening.wait_for(run.plan.stream, look, seconds=seconds)


def is_over(run: PlannerRun) -> bool:
    """Whether it is done or has failed."""
    return run.status in OVER


@whole()
def _begin(run_id: UUID | str) -> PlannerRun | None:
    locked = PlannerRun.objects.select_for_update(of=("self",)).select_related("plan")
    run = locked.filter(pk=run_id).first()
    if run is None or is_over(run):
        return None
    run.status, run.attempts = RunStatus.RUNNING, run.attempts + 1
    run.save(update_fields=["status", "attempts"])
    return run


@contextmanager
def still_open(run_id: UUID) -> Iterator[PlannerRun | None]:
    """A transaction with the run locked, or with None where it is over: then there is nothing to write.

    An account that asked for it and has been deleted since is read as nobody.
    """
    with whole():
        locked = PlannerRun.objects.select_for_update(of=("self",)).select_related("asked_by")
        run = locked.get(pk=run_id)
        yield None if is_over(run) else run


def patiently(work: Callable[[], T]) -> T:
    """Write something, trying again while the database is away, ``PATIENCE`` seconds at most.

    Raises:
        OperationalError, InterfaceError: it is still away, or a transaction is open that cannot be begun again.
    """
    until, pause = time.monotonic() + PATIENCE, 0.5
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            logger.warning("the planner's answer waits for the database")
            connection.close()
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


def release_connection() -> None:
    """Give the connection back to the pool before waiting for somebody outside."""
    if not connection.in_atomic_block:
        connection.close()


def where(error: BaseException) -> str:
    """An error's class and where it was raised. Never its text, which may quote what a citizen wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    last = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{last}"

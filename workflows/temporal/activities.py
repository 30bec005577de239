"""The drafting workflow's activities. Errors leave them as codes: what Temporal keeps must not quote a citizen."""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections
from temporalio import activity
from temporalio.exceptions import ApplicationError

from mudda.errors import MuddaError
from workflows import asking
from workflows.temporal.contracts import (
    ASK_THE_PLANNER,
    BEAT_EVERY,
    GIVE_UP_ASKING,
    INFRASTRUCTURE,
    Asked,
    GivenUp,
)

logger = logging.getLogger(__name__)


def planner_activities() -> list[Callable[..., Any]]:
    """What a worker on the planner's queue carries out."""
    return [ask_the_planner, give_up_asking]


# Never interrupted from outside: an exception thrown after the planner has answered would lose what was paid for.
@activity.defn(name=ASK_THE_PLANNER, no_thread_cancel_exception=True)
def ask_the_planner(asked: Asked) -> None:
    with _beating(), _codes_only():
        asking.carry_out(asked.run_id)


@activity.defn(name=GIVE_UP_ASKING, no_thread_cancel_exception=True)
def give_up_asking(given_up: GivenUp) -> None:
    with _codes_only():
        asking.give_up(given_up.run_id, given_up.code, given_up.message)


@contextmanager
def _codes_only() -> Iterator[None]:
    """Turn errors into Temporal's, without their causes: trouble that may pass is retried, nothing else is."""
    close_old_connections()
    try:
        yield
    except (OperationalError, InterfaceError):
        raise ApplicationError("The database is away.", type=INFRASTRUCTURE) from None
    except MuddaError as error:
        raise ApplicationError(error.title, type=error.code, non_retryable=not error.retryable) from None
    except Exception as error:
        place = asking.where(error)
        logger.error("the planner met a defect: %s", place)
        message = f"The planner met a defect: {place}."
        raise ApplicationError(message, type="planner_defect", non_retryable=True) from None
    finally:
        close_old_connections()


@contextmanager
def _beating() -> Iterator[None]:
    """Heartbeats from a thread beside the one that waits for the model: a killed worker is noticed within 30 s."""
    over = threading.Event()
    context = contextvars.copy_context()

    def beat() -> None:
        while not over.wait(BEAT_EVERY):
            context.run(activity.heartbeat)

    thread = threading.Thread(target=beat, name="planner-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

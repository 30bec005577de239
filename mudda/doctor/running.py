"""Running the checks side by side, each on a thread and within a time of its own."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connections

from mudda.doctor.registry import Check, Finding, Level, error

logger = logging.getLogger(__name__)

TIMED_OUT = error(
    "timed_out",
    "Something takes the connection and does not answer. Look at that service and at what is between it and here "
    "(firewall, proxy, load balancer); give it longer with --timeout.",
)
DEFECT = error(
    "check_failed",
    "The check itself failed, so nothing is known. Its place is in the log above: report the defect.",
)


@dataclass(frozen=True)
class Report:
    """What one check has found, and how many seconds it took."""

    check: Check
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def level(self) -> Level:
        """Of the worst that was found; fine where everything else was."""
        order = list(Level)
        return max((finding.level for finding in self.findings), key=order.index, default=Level.FINE)


class _Examination:
    def __init__(self, check: Check, seconds: float) -> None:
        self._check, self._seconds = check, seconds
        self._found: list[Finding] = []
        self._ended_at: float | None = None
        self._begun = time.monotonic()
        # Left alone when it hangs: a thread can't be ended from outside, and the process ends without it.
        self._thread = threading.Thread(target=self._look, name=f"doctor {check.name}", daemon=True)
        self._thread.start()

    def report(self) -> Report:
        """Wait until it ends or its time is over."""
        self._thread.join(max(0.0, self._begun + self._seconds - time.monotonic()))
        ended_at = self._ended_at  # before what was found: it may end in between
        found = tuple(self._found)
        if ended_at is None:
            says = f"No end within {self._seconds:g} s."
            found = (*found, TIMED_OUT.found(says, seconds=self._seconds))
        return Report(self._check, found, round((ended_at or time.monotonic()) - self._begun, 3))

    def _look(self) -> None:
        try:
            for finding in self._check.look():
                self._found.append(finding)
        except Exception as problem:
            # One check's defect is told, and must not keep the others from telling.
            logger.exception("doctor: the check %s failed", self._check.name)
            self._found.append(DEFECT.found(f"{type(problem).__name__}.", error=type(problem).__name__))
        finally:
            self._ended_at = time.monotonic()
            connections.close_all()


def examine(chosen: Iterable[Check], *, seconds: float | None = None) -> list[Report]:
    """Carry out the checks at the same time and return what each has found, in their order.

    Args:
        seconds: that each may take, instead of its own time.
    """
    examinations = [_Examination(check, seconds or check.seconds) for check in chosen]
    return [examination.report() for examination in examinations]


def worst(reports: Iterable[Report]) -> Level:
    """The level of the worst finding of all."""
    order = list(Level)
    return max((report.level for report in reports), key=order.index, default=Level.FINE)

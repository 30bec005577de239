"""The pure core alone: the next move of a long plan, and all that is wrong with it."""

import time
from collections.abc import Callable

from benchmarks.figures import ms, table
from workflows.plan.activity import ISSUE_FIELDS
from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.compiler import compile_plan
from workflows.plan.scheduler import Context, StepState, StepStatus, decide
from workflows.plan.schema import normalise
from workflows.plan.validation import validate

STEPS = 200


def measure(*, times: int) -> str:
    """The best of ``times``: the work itself, without what else the machine does."""
    document = normalise(_long_plan())
    problems = [one for one in validate(document, CORE_CATALOGUE) if one.severity == "error"]
    if problems:
        raise ValueError(problems)
    compiled = compile_plan(document, CORE_CATALOGUE)
    context = Context(dict.fromkeys(ISSUE_FIELDS, "text"), {"priority": "high"})
    done = {
        f"step_{n}": StepState(StepStatus.completed, output={"status": "OPEN", "updated_at": "2026-01-01"})
        for n in range(STEPS // 2)
    }
    work: dict[str, Callable[[], object]] = {
        f"the next move of {STEPS} steps, none begun": lambda: decide(compiled, context, {}),
        f"the next move of {STEPS} steps, half of them done": lambda: decide(compiled, context, done),
        f"validating {STEPS} steps": lambda: validate(document, CORE_CATALOGUE),
        f"compiling {STEPS} steps": lambda: compile_plan(document, CORE_CATALOGUE),
    }
    return table(["work", "time"], [[name, ms(_best(do, times))] for name, do in work.items()])


def _long_plan() -> dict[str, object]:
    """One step after the other, each with a condition and a reference to the one before."""
    steps = []
    for n in range(STEPS):
        note = f"After {{{{ steps.step_{n - 1}.status }}}}" if n else "{{ issue.address }}"
        steps.append(
            {
                "step_id": f"step_{n}",
                "activity_id": "update_issue",
                "title": f"Step {n}",
                "when": {"eq": ["{{ data.priority }}", "high"]},
                "inputs": {"note": note},
            }
        )
    return {"schema_version": 1, "workflow_name": "A long one", "steps": steps}


def _best(do: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        do()
        took.append(time.perf_counter() - begun)
    return min(took)

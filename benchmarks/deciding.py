"""The pure core alone: the next move of a long plan, and all that is wrong with it."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import ms, table
from workflows.plan.activity import ISSUE_FIELDS
from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.compiler import compile_plan
from workflows.plan.scheduler import Context, StepState, StepStatus, decide
from workflows.plan.schema import normalise
from workflows.plan.validation import validate

STEPS, READY = 200, 150

Document = dict[str, Any]


def measure(*, times: int) -> str:
    """The best of ``times``: the work itself, without what else the machine does."""
    document, wide = _checked(_long_plan()), _checked(_wide_plan())
    compiled, wide_compiled = (compile_plan(one, CORE_CATALOGUE) for one in (document, wide))
    context = Context(dict.fromkeys(ISSUE_FIELDS, "text"), {"priority": "high"})
    done = {
        f"step_{n}": StepState(StepStatus.completed, output={"status": "OPEN", "updated_at": "2026-01-01"})
        for n in range(STEPS // 2)
    }
    first = {"step_0": StepState(StepStatus.completed, output={"status": "OPEN", "updated_at": "2026-01-01"})}
    work: dict[str, Callable[[], object]] = {
        f"the next move of {STEPS} steps, none begun": lambda: decide(compiled, context, {}),
        f"the next move of {STEPS} steps, half of them done": lambda: decide(compiled, context, done),
        f"the next move of {STEPS} steps, {READY} ready at once": lambda: decide(
            wide_compiled, context, first
        ),
        f"validating {STEPS} steps": lambda: validate(document, CORE_CATALOGUE),
        f"compiling {STEPS} steps": lambda: compile_plan(document, CORE_CATALOGUE),
    }
    return table(["work", "time"], [[name, ms(_best(do, times))] for name, do in work.items()])


def _checked(plan: Document) -> Document:
    document = dict(normalise(plan))
    problems = [one for one in validate(document, CORE_CATALOGUE) if one.severity == "error"]
    if problems:
        raise ValueError(problems)
    return document


def _long_plan() -> Document:
    """One step after the other, each with a condition and a reference to the one before."""
    return _plan("A long one", [_step(n, after=n - 1) for n in range(STEPS)])


def _wide_plan() -> Document:
    """All but the last steps wait for the first one alone; each of those ends a branch."""
    last = range(READY + 1, STEPS)
    return _plan(
        "A wide one", [_step(n, after=n - READY if n in last else min(n, 1) - 1) for n in range(STEPS)]
    )


def _plan(name: str, steps: list[Document]) -> Document:
    return {"schema_version": 1, "workflow_name": name, "steps": steps}


def _step(n: int, *, after: int) -> Document:
    """With a condition, and a reference to the step that it comes ``after``; a negative one is none."""
    return {
        "step_id": f"step_{n}",
        "activity_id": "update_issue",
        "title": f"Step {n}",
        "needs": [f"step_{after}"] if after >= 0 else [],
        "when": {"eq": ["{{ data.priority }}", "high"]},
        "inputs": {
            "note": f"After {{{{ steps.step_{after}.status }}}}" if after >= 0 else "{{ issue.address }}"
        },
    }


def _best(do: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        do()
        took.append(time.perf_counter() - begun)
    return min(took)

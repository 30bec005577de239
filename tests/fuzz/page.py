"""The page that ``make fuzz`` writes."""

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.fuzz.reasons import FIELD_REASONS, REASONS
from tests.fuzz.running import PHASES, Outcome, Plan

INTRODUCTION = """# The API held against its document

`make fuzz` has [schemathesis](https://schemathesis.readthedocs.io) call every operation of the OpenAPI document as
every role, over HTTP, on a whole mudda of its own (PostgreSQL, Temporal, web server, worker) with rows of every kind,
and check every answer: its status, headers, type and body against the document, well-formed requests accepted, others
refused, nothing without a key, no 5xx. The phase `stateful` follows the links of the document (draft, read, approve,
execute, see the run, decide its tasks, ...). `make test` does a small part of the same. A finding is mended in the API
or in the document. Server-sent events have tests of their own: here the streams are read as JSON."""

REASONED = """## What is no finding

Well-formed requests may be refused for what no schema can say. Such a refusal is excused by its `code`, whatever the
operation; any other is a finding. All other checks hold everywhere.
"""


def write_page(path: Path, found: Mapping[str, Outcome], plan: Plan) -> None:
    """Write what came of a run, by role."""
    parts = [INTRODUCTION, _how(found, plan), "## By role", _roles(found), "## Checks", _checks(found)]
    parts += ["## Links that were followed", _links(found), "## Findings", _findings(found)]
    parts += [REASONED + "\n" + _table(("code", "why"), _reasons())]
    path.write_text("\n\n".join(parts) + "\n")


def _how(found: Mapping[str, Outcome], plan: Plan) -> str:
    total = sum(outcome.total for outcome in found.values())
    seconds = sum(outcome.seconds for outcome in found.values())
    operations = len(set().union(*(outcome.operations for outcome in found.values())))
    memory = psutil.virtual_memory().total / 2**30
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        (
            "machine",
            f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}",
        ),
        (
            "server",
            f"uvicorn {version('uvicorn')}, Django {version('django')}, Python {platform.python_version()}",
        ),
        ("schemathesis", version("schemathesis")),
        ("seed", str(plan.seed)),
        ("requests", f"{total:,} by {len(found)} roles to {operations} operations"),
        ("took", f"{seconds:.0f} s, {seconds / total * 1000:.0f} s for each 1,000"),
    ]
    return _table(("", ""), rows)


def _roles(found: Mapping[str, Outcome]) -> str:
    rows = [
        (
            role,
            *(f"{outcome.examples[phase]:,}" for phase in PHASES),
            f"{outcome.total:,}",
            str(len(outcome.findings)),
        )
        for role, outcome in found.items()
    ]
    return _table(("role", *PHASES, "requests", "findings"), rows)


def _checks(found: Mapping[str, Outcome]) -> str:
    names = sorted(set().union(*(outcome.checks for outcome in found.values())))
    return _table(
        ("check", "times"),
        [(f"`{name}`", f"{sum(one.checks[name] for one in found.values()):,}") for name in names],
    )


def _links(found: Mapping[str, Outcome]) -> str:
    names = sorted(set().union(*(outcome.links for outcome in found.values())))
    return _table(
        ("link", "followed", "with success"),
        [
            (
                f"`{name}`",
                str(sum(one.links[name] for one in found.values())),
                str(sum(one.arrived[name] for one in found.values())),
            )
            for name in names
        ],
    )


def _findings(found: Mapping[str, Outcome]) -> str:
    told = [f"{role}, {finding}" for role, outcome in found.items() for finding in outcome.findings]
    return "\n\n".join(f"```\n{text}\n```" for text in told) or "None."


def _reasons() -> list[tuple[str, str]]:
    fields = [(f"`{code}` of a field", why) for code, why in FIELD_REASONS.items()]
    return [*((f"`{code}`", why) for code, why in REASONS.items()), *fields]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

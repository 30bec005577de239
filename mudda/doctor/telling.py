"""What was found, for people and for machines. No secret of the settings is in either."""

import json
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from django.utils import timezone

from mudda.doctor.registry import Finding, Level, counted
from mudda.doctor.running import Report, worst
from mudda.monitoring.logs import without_secrets

WIDTH, INDENT = 120, 18
MARKS = {Level.FINE: "ok", Level.LEFT_OUT: "--", Level.WARNING: "warning", Level.ERROR: "ERROR"}


def as_text(reports: Sequence[Report]) -> str:
    """Each thing that was seen begins a line; below it, set in, what to do."""
    lines = [line for report in reports for line in _lines_of(report)]
    counts = [
        (sum(finding.level is level for report in reports for finding in report.findings), level)
        for level in (Level.ERROR, Level.WARNING)
    ]
    told = ", ".join(counted(count, level) for count, level in counts if count)
    return without_secrets("\n".join([*lines, "", told or "Nothing is wrong."]))


def _lines_of(report: Report) -> Iterator[str]:
    for finding in report.findings:
        code = f" ({finding.code})" if finding.code else ""
        first = f"{MARKS[finding.level]:<8}{report.check.name:<10}"
        yield from _wrapped(f"{finding.says}{code}", first=first)
        yield from _wrapped(finding.do)


def _wrapped(text: str, *, first: str = "") -> list[str]:
    """Lines for a terminal, beside ``first``. What may be copied, such as a path or an address, is kept whole."""
    return wrap(
        text,
        WIDTH,
        initial_indent=f"{first:{INDENT}}",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(reports: Sequence[Report]) -> str:
    """One object: ``ok`` (no error), ``worst``, ``at`` and ``checks``, each with its ``findings``."""
    found = worst(reports)
    told = {
        "ok": found is not Level.ERROR,
        "worst": found,
        "at": timezone.now().isoformat(timespec="seconds"),
        "checks": [_as_dict(report) for report in reports],
    }
    return without_secrets(json.dumps(told, indent=2, ensure_ascii=False, default=str))


def _as_dict(report: Report) -> dict[str, Any]:
    return {
        "name": report.check.name,
        "level": report.level,
        "seconds": report.seconds,
        "findings": _as_dicts(report.findings),
    }


def _as_dicts(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "level": finding.level,
            "code": finding.code,
            "says": finding.says,
            "do": finding.do,
            "facts": dict(finding.facts),
        }
        for finding in findings
    ]

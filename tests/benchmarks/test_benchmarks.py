"""That the benchmarks run. How fast anything is depends on the machine, and no test asserts it."""

import os
import re
import subprocess
import sys

from benchmarks.figures import ms, percentile, table
from mudda.environment import BASE_DIR

SECTIONS = [
    "5 remote activities",
    "5 local activities",
    "executions/s",
    "launches/s",
    "FastAPI and asyncpg",
    "without idempotency",
    "executions stored",
    "billable actions",
    "a draft by the playbooks",
    "runs waiting",
    "report: promised and kept",
    "events of a stream",
    "peak memory",
    "an event reaches all in",
]


def test_a_quick_run_writes_every_table(tmp_path):
    page = tmp_path / "performance.md"
    environment = {**os.environ, "TMPDIR": "/tmp"}  # not below tmp_path: PostgreSQL may run as another user
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(page)]
    ran = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-6000:]
    text = page.read_text()
    assert [section for section in SECTIONS if section not in text] == []
    assert "quick run" in text
    assert re.search(r"^\| 4 remote \|(.*\|){4} 6 \|", text, re.M), text  # four steps, the start and the end


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([3, 1, 2, 4], 50) == 2
    assert percentile([3, 1, 2, 4], 99) == 4
    assert percentile([7], 99) == 7


def test_times_have_three_digits_that_count():
    assert [ms(0.000_1234), ms(0.012_34), ms(0.1234)] == ["0.12 ms", "12.3 ms", "123 ms"]


def test_a_table_is_markdown():
    assert table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |"

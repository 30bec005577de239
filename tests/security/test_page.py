"""What docs/security.md says is shown, is shown by a test that is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def functions_in(file):
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def rows(section):
    """The cells of the tables of a section, without their heads."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in found if cells[0] not in {"threat", "what", "---"}]


def test_every_test_that_is_named_exists():
    named = NAMED.findall(PAGE)
    assert len(named) > 50
    missing = [f"{file}::{test}" for file, test in named if test and test not in functions_in(file)]
    assert missing == []
    assert all((ROOT / file).is_file() for file, _ in named)


@pytest.mark.parametrize("section", ["Threats", "Replacing keys"])
def test_every_threat_and_every_key_has_its_test(section):
    found = rows(section)
    assert len(found) >= 6
    assert [cells[0] for cells in found if len(cells) != 3 or not NAMED.search(cells[2])] == []


def test_what_is_open_is_said():
    assert (
        len(re.findall(r"^- \*\*", PAGE.partition("\n## What is open\n")[2].partition("\n## ")[0], re.M)) >= 5
    )

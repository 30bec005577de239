"""docs/plan-language.md says what validation finds: its plan is good, and each of its examples gives its code."""

import copy
import json
import re
from pathlib import Path

import pytest

from mudda import strictjson
from workflows.departments import unknown_departments
from workflows.plan.catalogue import CORE_CATALOGUE
from workflows.plan.checks import features
from workflows.plan.schema import GROUPS, PLAN_FIELDS, STEP_FIELDS
from workflows.plan.validation import validate

PAGE = (Path(__file__).resolve().parents[2] / "docs/plan-language.md").read_text()
PLAN = json.loads(re.search(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1])
ROW = re.compile(r"^\| `(\w+)` \| (`/[^`]*`|the plan) \| (`.*?`|taken out) \| [^|]+ \|$", re.MULTILINE)
EXAMPLES = ROW.findall(PAGE)
ELSEWHERE = {"duplicate_key", "not_yet_supported"}
"""Codes that no change of a good plan gives, told in the text below the table."""


@pytest.fixture(autouse=True)
def everything_is_carried_out(monkeypatch):
    monkeypatch.setattr(features, "NOT_CARRIED_OUT_YET", frozenset())


def found(document):
    problems = validate(document, CORE_CATALOGUE, category_target="P5D")
    return {p.code for p in [*problems, *unknown_departments(document, frozenset({"water"}))]}


def changed(place, value):
    if place == "the plan":
        return json.loads(value.strip("`"))
    document = copy.deepcopy(PLAN)
    *way, last = [int(key) if key.isdigit() else key for key in place.strip("`").split("/")[1:]]
    here = document
    for key in way:
        here = here[key]
    if value == "taken out":
        del here[last]
    else:
        here[last] = json.loads(value.strip("`"))
    return document


def test_the_pages_plan_has_no_problems():
    assert found(PLAN) == set()


@pytest.mark.parametrize(("code", "place", "value"), EXAMPLES, ids=[code for code, _, _ in EXAMPLES])
def test_each_example_of_the_page_gives_its_code(code, place, value):
    assert code in found(changed(place, value))


def test_every_code_that_validation_can_give_has_an_example_on_the_page():
    root = Path(__file__).resolve().parents[2] / "workflows"
    given = set()
    for file in [*root.glob("plan/**/*.py"), root / "departments.py"]:
        code = file.read_text()
        given |= set(
            re.findall(r'(?:report\.(?:error|warn)\([^"]*?|code=|yield[^"]*?)"([a-z]+(?:_[a-z]+)+)"', code)
        )
    given -= {"activity_id", "step_id"}
    assert given - {code for code, _, _ in EXAMPLES} - ELSEWHERE == set()
    assert len(EXAMPLES) >= 32


def test_a_key_given_twice_is_found_before_there_is_a_plan():
    _, problems = strictjson.loads(b'{"steps": [], "steps": []}')
    assert [problem.code for problem in problems] == ["duplicate_key"]


def test_the_page_names_every_field_group_and_activity():
    for name in (*PLAN_FIELDS, *STEP_FIELDS, *CORE_CATALOGUE):
        assert f"| `{name}` |" in PAGE, name
    for group in GROUPS:
        assert f"`{group}`" in PAGE
    for spec in CORE_CATALOGUE.values():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{spec.activity_id}` |"))
        for name in (*spec.inputs["properties"], *spec.output["properties"]):
            assert f"`{name}" in row, f"{spec.activity_id}: {name}"

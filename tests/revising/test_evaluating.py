"""``manage.py evaluate_planner``: on statements of our own."""

import json
import re
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from benchmarks.choosing import varied
from mudda.environment import BASE_DIR
from workflows.planning.evaluation import evaluate

OURS = [
    ("Deep pothole in the middle of Elm Avenue", "pothole_pavement"),
    ("potholle on the bridge road", "pothole_pavement"),
    ("Street light out in front of our house", "streetlight"),
    ("Graffiti all over the underpass", "graffiti"),
    ("A tree fell across the lane last night", "tree"),
    ("xyzzy", "tree"),
]


def written(tmp_path, *lines):
    path = tmp_path / "statements.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def ours(tmp_path):
    return written(tmp_path, *({"text": text, "category": code} for text, code in OURS))


def run(*arguments):
    out = StringIO()
    call_command("evaluate_planner", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_both_accuracies_with_one_decimal(ours):
    said = run(ours)
    assert "accuracy at 1: 83.3%" in said.splitlines()
    assert re.search(r"^accuracy at 3: \d+\.\d%$", said, re.MULTILINE)


def test_each_category_has_its_own_line_and_the_table_says_what_was_taken_for_what(ours):
    said = run(ours)
    assert re.search(r"^pothole_pavement +2 +100\.0% +100\.0%$", said, re.MULTILINE)
    assert re.search(r"^tree +2 +50\.0% ", said, re.MULTILINE)
    rows = [line for line in said.splitlines() if re.match(r" +\d+ \w", line)]
    assert [row.split()[1] for row in rows] == sorted({code for _, code in OURS} | {"other"})
    tree = next(row.split() for row in rows if row.split()[1] == "tree")
    assert sorted(tree[2:]) == [".", ".", ".", "1", "1"]


def test_as_json_it_says_the_same(ours):
    found = json.loads(run(ours, "--json"))
    assert (found["planner"], found["total"], found["accuracy_at_1"]) == ("playbooks", 6, 83.3)
    assert found["categories"]["streetlight"] == {
        "total": 1, "accuracy_at_1": 100.0, "accuracy_at_3": 100.0
    }  # fmt: skip
    assert found["confusion"]["tree"] == {"other": 1, "tree": 1}


def test_bad_lines_are_named_by_number_and_nothing_is_judged(tmp_path):
    path = written(
        tmp_path,
        {"text": "Pothole", "category": "pothole_pavement"},
        "not json",
        "",
        {"text": "Pothole"},
        {"category": "tree"},
        {"text": "", "category": "tree"},
        {"text": "x", "category": 7},
        "[1, 2]",
        '{"text": "a", "text": "b", "category": "tree"}',
    )
    with pytest.raises(CommandError) as caught:
        run(path)
    said = str(caught.value).splitlines()
    assert [int(re.search(r"line (\d+)", line)[1]) for line in said] == [2, 4, 5, 6, 7, 8, 9]
    assert said[1].endswith('line 4: no "category"')
    assert said[4].endswith('line 7: "category" is not a text, or is empty')
    assert said[5].endswith("line 8: not a JSON object")


def test_very_many_bad_lines_are_counted_and_not_all_shown(tmp_path):
    with pytest.raises(CommandError) as caught:
        run(written(tmp_path, *["bad"] * 500))
    assert str(caught.value).splitlines()[-1] == "and 480 more"


def test_a_file_that_is_not_text_a_folder_and_no_file_are_clear_errors(tmp_path):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\n\x80\n")
    for path, said in ((binary, "line 1"), (tmp_path, "directory"), (tmp_path / "none", "No such file")):
        with pytest.raises(CommandError, match=said):
            run(str(path))
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(CommandError, match="no statement"):
        run(str(empty))


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "Pothole", "category": "pothole_pavement"}\r\n\r\n')
    assert "accuracy at 1: 100.0%" in run(str(path))


def test_a_category_that_is_not_ours_is_pointed_out_and_counts_as_wrong(tmp_path):
    said = run(written(tmp_path, {"text": "Pothole", "category": "moon_base"}))
    assert "accuracy at 1: 0.0%" in said
    assert "(no category of ours)" in said


def test_a_limit_judges_by_the_first_statements_only(ours):
    assert json.loads(run(ours, "--json", "--limit", "2"))["total"] == 2


def test_the_model_is_judged_only_where_there_is_one(db, ours):
    with pytest.raises(CommandError, match="OPENAI_API_KEY is not set"):
        run(ours, "--planner", "openai")


def test_a_category_among_the_first_three_counts_once_for_each_statement():
    found = evaluate(
        [{"text": "x", "category": "b"}, {"text": "x", "category": "d"}], lambda text: ["a", "b", "c", "d"]
    )
    assert (found.at_1, found.at_3) == (0.0, 0.5)
    assert found.categories["b"].among_three == 1


def test_ten_thousand_different_statements_are_judged_in_one_go_within_the_memory_that_is_promised(tmp_path):
    """In a process of its own, as staff would. Seconds are the benchmark's business: they depend on the machine."""
    path = tmp_path / "varied.jsonl"
    path.write_text("\n".join(varied(10_000)), encoding="utf-8")
    command = [sys.executable, "manage.py", "evaluate_planner", str(path), "--json"]
    asked = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(asked.stdout)
    assert found["total"] == 10_000
    assert found["seconds"] > 0
    assert 20 < found["peak_memory_mb"] < 300
    assert found["accuracy_at_1"] > 60


def test_it_says_how_long_it_took_and_how_much_memory(ours):
    assert re.search(
        r"^6 statements by playbooks in \d+\.\d s, \d+ MB of memory at most$", run(ours), re.MULTILINE
    )


def test_the_statements_of_the_benchmark_differ_and_are_the_same_each_time():
    lines = [*varied(2_000)]
    assert len(set(lines)) == 2_000
    assert lines == [*varied(2_000)]


def test_the_command_needs_no_database(ours):
    """Without the ``db`` fixture pytest-django refuses every query: this one would fail."""
    assert "accuracy at 1" in run(ours)


def test_the_model_is_asked_only_for_its_choice_and_its_one_category_is_what_counts(city, tmp_path, model):
    facts = {"category": "tree", "confidence": 0.9, "place": "", "urgency": "normal", "people_affected": None}
    sure = {"place": 0.0, "urgency": 0.5, "people_affected": 0.0}
    model.choose({"facts": {**facts, "sure": sure}, "activities": ["dispatch_crew"], "reason": "A tree."})
    lines = ({"text": "It fell over", "category": "tree"}, {"text": "It is broken", "category": "sign"})
    found = json.loads(run(written(tmp_path, *lines), "--planner", "openai", "--json"))
    assert (found["planner"], found["accuracy_at_1"], found["confusion"]["sign"]) == (
        "openai",
        50.0,
        {"tree": 1},
    )
    assert len(model.requests) == len(model.bodies("choose")) == 2


def test_a_model_that_gives_no_answer_ends_the_judging_with_its_reason(city, ours, model):
    model.choose(model.error(401, "invalid_api_key"))
    with pytest.raises(CommandError, match="planner_key_refused"):
        run(ours, "--planner", "openai")

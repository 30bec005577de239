"""Statements that nobody should send: a clear 400 or a plan, never a 500, and plans of them run to their end."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymupdf
import pytest

from tests.faults.city import letter, note

COLLECTED = Path(__file__).parents[3] / "shared" / "data" / "hostile-dev.jsonl"
KEPT = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "sql": "'; DROP TABLE issues_issue; --",
    "right to left": "שלום: נזילת מים ברחוב הרצל \u202eexe.gpj",
    "arabic": "تسرب مياه في الشارع الرئيسي",
    "combining": "Z̷̡̛͓a̸l̴g̵o̶ at 12 Main St",
    "emoji": "🚰💧 leak 👩‍🔧 at 9 Elm St",
    "template": "{{ issue.reporter }} {% include 'x' %} ${7*7} {{{{ }}",
    "bell": "Leak\u0007 at 12 Main St\u001b[31m",
    "line breaks": "Leak\r\nBcc: all@example.org\r\n\r\nat 12 Main St",
    "formats": "%s %n %x {0} {x!r} \\u0000 \\x00",
    "byte order mark": "\ufeffLeak at 12 Main St",
    "non-character": "Leak \uffff\U0010ffff at 12 Main St",
    "longest": "a" * 10_000,
}
REFUSED = {
    "empty": '""',
    "white space": '" \\t\\n\u00a0\u3000 "',
    "control characters": '"\\u0001\\u0002\\u001f\\u007f\\u0085"',
    "nothing to see": '"\\u200b\\u200e\\u2060\\ufeff"',
    "NUL": '"Leak\\u0000 at 12 Main St"',
    "lone surrogate": '"Leak \\ud800 at 12 Main St"',
    "turned pair": '"\\udc00\\ud800"',
    "too long": json.dumps("a" * 10_001),
    "a boolean": "true",
    "a list": '["Leak"]',
    "null": "null",
    "absent": None,
}


def generate(city, raw):
    """Send a body as it is written here."""
    headers = {"Authorization": f"Api-Key {city.keys['integration']}", "Content-Type": "application/json"}
    return city.http.post("/workflows/generate", content=raw, headers=headers)


@pytest.mark.parametrize("what", REFUSED)
def test_a_statement_that_says_nothing_or_cannot_be_kept_is_400_and_names_the_field(city, what):
    value = REFUSED[what]
    body = "{}" if value is None else f'{{"problem_statement": {value}}}'
    answer = generate(city, body.encode())
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/problem_statement"]


def test_every_other_statement_is_400_or_a_plan_without_errors_never_a_500(city):
    log = city.site.web.log
    began, statements = len(log.read_text()), list(KEPT.values())
    if COLLECTED.is_file():
        statements += [json.loads(line)["text"] for line in COLLECTED.read_text().split("\n") if line]
    bodies = [json.dumps({"problem_statement": statement}).encode() for statement in statements]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda body: generate(city, body), bodies))
    for statement, answer in zip(statements, answers, strict=True):
        assert answer.status_code in {201, 400}, (statement, answer.text)
        if answer.status_code == 201:
            problems = [p for p in answer.json()["problems"] if p["severity"] == "error"]
            assert not problems, (statement, problems)
        else:
            assert answer.json()["errors"], statement
    assert all(answer.status_code == 201 for answer in answers[: len(KEPT)])
    assert "Traceback" not in log.read_text()[began:]


@pytest.mark.parametrize("what", ["markup", "right to left", "combining", "template", "line breaks", "bell"])
def test_a_plan_that_quotes_it_completes_with_its_letter_and_its_report(city, what):
    statement = KEPT[what]
    about = {
        "to": "{{ issue.reporter }}",
        "subject": "{{ issue.statement }}",
        "message": "{{ issue.statement }}",
    }
    report = {
        "step_id": "report",
        "activity_id": "generate_report",
        "title": "Write it down",
        "inputs": {
            "title": "{{ issue.statement }}",
            "sections": ["{{ issue.statement }}", {"quoted": statement_text(statement)}],
        },
    }
    keep = note(inputs={"note": "{{ issue.statement }}"})
    execution = city.execute(city.approved(keep, letter(inputs=about), report, statement=statement))
    found = city.ends(execution)
    (mail,) = city.office.about(execution)
    assert mail.to == "ann@example.org"
    assert words(statement) <= words(mail.text)
    url = found["execution_data"]["results"]["report"]["url"]
    content = city.call("GET", url.removeprefix(city.site.url)).content
    with pymupdf.open(stream=content) as pdf:
        text = " ".join(page.get_text() for page in pdf)
    assert "Quoted" in text
    if what in {"markup", "template"}:
        assert words(statement) <= words(text)


def statement_text(statement):
    """A plan's own text has references: braces are doubled."""
    return statement.replace("{{", "{{{{").replace("}}", "}}}}") if "{{" in statement else statement


def words(text):
    return {word for word in text.split() if word.isascii() and word.isprintable()}


def test_a_body_over_one_megabyte_is_413_whether_it_says_its_length_or_not(city):
    long = json.dumps({"problem_statement": "a" * 1_000_000}).encode()
    pieces = (long[at : at + 65_536] for at in range(0, len(long), 65_536))
    for body in (long, pieces):
        answer = generate(city, body)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_doors_refuse_what_is_not_theirs_in_the_words_of_the_api(city):
    unknown = "00000000-0000-4000-8000-000000000000"
    for method, path, body, status in (
        ("GET", f"/workflows/{unknown}", None, 404),
        ("GET", f"/workflows/executions/{unknown}", None, 404),
        ("GET", "/workflows/executions/not-an-id", None, 404),
        ("POST", f"/workflows/{unknown}/execute", {}, 404),
        ("POST", f"/workflows/tasks/{unknown}/decide", {"outcome": "approve"}, 404),
        ("GET", "/workflows/generate", None, 405),
        ("DELETE", f"/workflows/{unknown}", None, 405),
    ):
        answer = city.call(method, path, body)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_key_of_somebody_who_may_not_is_403_and_no_or_an_unknown_key_is_401(city):
    body = json.dumps({"problem_statement": "Leak"}).encode()
    for headers, status in (
        ({"Authorization": f"Api-Key {city.keys['dispatcher']}"}, 403),
        ({"Authorization": "Api-Key abcdefgh.ijklmnop"}, 401),
        ({}, 401),
    ):
        answer = city.http.post(
            "/workflows/generate", content=body, headers={"Content-Type": "application/json", **headers}
        )
        assert answer.status_code == status
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)

"""Hostile words as a citizen's statement: refused with a code, or a plan that is as safe as any other."""

import pytest

from issues.models import Issue
from issues.services import EmptyStatement
from tests.safety import hostile
from tests.safety.plans import ensure_all_safe, ensure_safe
from workflows.drafting import ask_for_draft, draft_for


def generate(api, text):
    return api.call(
        "POST", "/workflows/generate", f'{{"problem_statement": {hostile.raw_json(text)}}}'.encode()
    )


def test_every_statement_is_a_safe_plan_without_errors_or_a_clear_400(api):
    for text in hostile.everything():
        answer = generate(api, text)
        assert answer.status_code in {201, 400}, (text, answer.content)
        found = answer.json()
        if answer.status_code == 201:
            assert [p for p in found["problems"] if p["severity"] == "error"] == [], text
            assert ensure_safe(found["workflow_plan"]) is not None, text
        else:
            assert [error["pointer"] for error in found["errors"]] == ["/problem_statement"], text
            assert found["errors"][0]["code"], text


def test_what_cannot_be_stored_or_read_is_refused_and_nothing_is_recorded(api):
    for name in ("NUL", "a lone surrogate", "a turned pair", "white space", "nothing to see", "empty"):
        answer = generate(api, hostile.OWN[name])
        assert answer.status_code == 400, name
        assert answer["Content-Type"] == "application/problem+json"
    assert not Issue.objects.exists()


@pytest.mark.parametrize("field", ["name", "email", "phone"])
def test_every_field_of_the_reporter_is_kept_as_it_is_or_refused_with_its_pointer(api, field):
    for text in hostile.OWN.values():
        body = f'{{"problem_statement": "Water leak", "reporter": {{"{field}": {hostile.raw_json(text)}}}}}'
        answer = api.call("POST", "/workflows/generate", body.encode())
        assert answer.status_code in {201, 400}, (text, answer.content)
        if answer.status_code == 400:
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"/reporter/{field}"], text
    assert ensure_all_safe()


def test_the_services_take_every_statement_too(city):
    """Those that PostgreSQL cannot hold never come so far: the doors refuse them. Asking the planner stores nothing."""
    for text in hostile.everything():
        try:
            ensure_safe(draft_for(statement=text).document)
            if hostile.storable(text):
                run = ask_for_draft(statement=text)
                assert run.plan.status == "DRAFT", text
        except EmptyStatement:
            assert not any(char.isalnum() for char in text)
    assert ensure_all_safe()

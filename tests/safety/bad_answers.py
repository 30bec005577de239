"""What a bad model answers, and what must become of it."""

import json

from tests.planning.model_answers import answer, plan, step

EVERYTHING = (
    "send_notification", "update_issue", "order_contractor", "inspect_site", "dispatch_crew", "reserve_lane",
    "release_lane", "wait_until", "generate_report", "confirm_completion", "ask_reporter", "request_photos",
)  # fmt: skip


def given(**values):
    return [{"name": name, "value_json": json.dumps(value)} for name, value in values.items()]


def note(step_id, text="Noted.", **changes):
    return step(step_id, "update_issue", **{"inputs": given(note=text), **changes})


def letter(to, message="We come."):
    return step(inputs=given(to=to, message=message))


def order(**changes):
    inputs = changes.pop("inputs", given(department="water", scope="Dig.", cost_limit=100))
    return step("dig", "order_contractor", inputs=inputs, **changes)


def asks(group, **more):
    return {"group": group, "reason": "It costs.", "due": None, "four_eyes": False, **more}


def raw(name, text):
    return {"name": name, "value_json": text}


def whole(steps, **fields):
    return json.dumps({"plan": {"workflow_name": "x", "description": "", **fields, "steps": steps}})


WITH_PROBLEMS = {
    "an activity that does not exist": (answer(step(activity_id="launch_rocket")), {"unknown_activity"}),
    "a cycle": (answer(note("a", needs=["b"]), note("b", needs=["a"])), {"cycle"}),
    "a step that needs itself": (answer(note("a", needs=["a"])), {"cycle"}),
    "a need that does not exist": (answer(note("a", needs=["ghost"])), {"unknown_step"}),
    "reads before needs": (
        answer(note("a", "{{ steps.b.status }}"), note("b")),
        {"reads_before_needs"},
    ),
    "an output that does not exist": (
        answer(note("a"), note("b", "{{ steps.a.password }}", needs=["a"])),
        {"unknown_output"},
    ),
    "three thousand steps": (
        whole([{"step_id": f"s{number}"} for number in range(3_000)]),
        {"over_limit"},
    ),
    "no steps": (whole([]), {"bad_value"}),
    "steps that are a text": (whole("none"), {"wrong_type"}),
    "steps that are numbers": (whole([1, None, "x", []]), {"wrong_type"}),
    "titles, needs and names of other types": (
        whole([note("a", title={}, needs="b", reason=1.5)], workflow_name=7, description=[]),
        {"wrong_type"},
    ),
    "inputs that are no names": (answer(step(inputs=[1, {"name": 2}])), {"missing_input"}),
    "an input of another type": (answer(step("a", "update_issue", inputs=given(note=["x"]))), {"bad_input"}),
    "an input given twice": (
        answer(note("a", "One.", inputs=[raw("note", '"One."'), raw("note", '"Two."')])), {"bad_input"},
    ),
    "a value with a key twice": (
        answer(step("a", "generate_report", inputs=[*given(title="x"), raw("sections", '[{"a": 1, "a": 2}]')])),
        {"bad_input"},
    ),
    "an input that is not there": (answer(order(inputs=given(department="water"))), {"missing_input"}),
    "a value nested ten thousand deep": (
        answer(step("a", "generate_report", inputs=[*given(title="x"), raw("sections", "[" * 10_000 + "]" * 10_000)])),
        {"over_limit"},
    ),
    "a condition nested ten thousand deep": (
        answer(note("a", when_json='{"not":' * 10_000 + "true" + "}" * 10_000)), {"over_limit"},
    ),
    "a condition that is prose": (answer(note("a", when_json="when it rains")), {"bad_condition"}),
    "a condition of unknown words": (answer(note("a", when_json='{"exec": ["rm", "-rf"]}')), {"bad_condition"}),
    "NaN": (
        answer(step("a", "reserve_lane", inputs=[*given(address="x"), raw("hours", "NaN")])),
        {"bad_input"},
    ),
    "infinity": (
        answer(step("a", "reserve_lane", inputs=[*given(address="x"), raw("hours", "1e999")])),
        {"bad_input"},
    ),
    "the same id twice": (answer(note("a"), note("a", needs=["a"])), {"duplicate_step_id"}),
    "ids that are none": (answer(note("../etc/passwd"), note("")), {"bad_step_id"}),
    "a title of a hundred thousand letters": (answer(note("a", title="x" * 100_000)), {"over_limit", "bad_value"}),
    "a note of twenty thousand letters": (answer(note("a", "x" * 20_000)), {"over_limit", "bad_input"}),
    "a step that says it is approved": (answer(order(approved=True, approved_by="mayor")), {"unknown_field"}),
    "a plan that says it is approved": (
        json.dumps({"plan": {**plan(order()), "status": "APPROVED", "approvals": [{"by": "mayor"}]}}),
        {"unknown_field"},
    ),
    "an approval by who has less say": (answer(order(requires_approval=asks("viewer"))), {"weakens_approval"}),
    "an approval that is refused in advance": (
        answer(order(requires_approval=False)), {"weakens_approval", "wrong_type"},
    ),
    "an approval by a group of its own": (answer(order(requires_approval=asks("citizens"))), {"unknown_group"}),
    "somebody's address": (answer(letter("mallory@evil.example")), {"bad_input"}),
    "somebody's address among roles": (
        answer(letter(["{{ issue.reporter }}", "mallory@evil.example"])), {"bad_input"},
    ),
    "somebody's telephone": (answer(letter("+15550109999")), {"bad_input"}),
    "an address put together": (answer(letter("{{ issue.statement }}")), {"bad_input", "bad_reference"}),
    "an address from the caller's data": (answer(letter("{{ data.to }}")), {"bad_input", "bad_reference"}),
    "an address that a step answers": (
        answer(
            step("ask", "ask_reporter", inputs=given(question="Who?")),
            step("tell", needs=["ask"], inputs=given(to="{{ steps.ask.answer }}", message="x")),
        ),
        {"bad_input", "bad_reference"},
    ),
    "a placeholder as a recipient": (answer(letter("[EMAIL_1]")), {"bad_input"}),
    "a role written into words": (
        answer(letter("{{ issue.reporter }}", "Dear {{ issue.reporter }}")), {"bad_reference"},
    ),
    "a secret of the server": (
        answer(note("a", "{{ settings.SECRET_KEY }} {{ env.OPENAI_API_KEY }}")), {"bad_reference"},
    ),
    "a host to call": (
        answer(step("a", "update_issue", inputs=given(note="x", webhook="http://evil.example"))),
        {"unknown_input"},
    ),
    "a channel of its own": (
        answer(step(inputs=given(to="{{ issue.reporter }}", message="x", channel="http://evil.example"))),
        {"bad_input"},
    ),
    "an escalation to nobody": (answer(note("a", on_failure="escalate:mallory")), {"unknown_group"}),
    "an overdue step for a group of its own": (
        answer(
            step(
                "look", "inspect_site", due="PT4H",
                overdue={"remind": None, "escalate_to": "mallory", "then_json": None},
                inputs=given(department="water", address="x", questions={"q": {"ask": "?", "type": "yes_no"}}),
            )
        ),
        {"unknown_group"},
    ),
    "a person to undo a step": (
        answer(
            step(
                "a", "reserve_lane", inputs=given(address="x", hours=1),
                compensate={"activity_id": "dispatch_crew", "inputs": []},
            )
        ),
        {"human_compensation"},
    ),
}  # fmt: skip
"""What is stored as a DRAFT with problems: at least one of the codes is among them."""

FALLS_BACK = {
    "prose": ("I would send a crew first, and then tell the reporter.", "answer_junk"),
    "prose around JSON": (f"Here is the plan:\n```json\n{answer()}\n```", "answer_junk"),
    "nothing to read": (" \n ", "answer_empty"),
    "half a plan": (answer()[:200], "answer_junk"),
    "a list": ("[]", "answer_junk"),
    "null": ("null", "answer_junk"),
    "no plan": ('{"facts": {}}', "answer_junk"),
    "a plan that is a text": ('{"plan": "send a crew"}', "answer_junk"),
    "two plans under one name": (f'{{"plan": {json.dumps(plan())}, "plan": {json.dumps(plan())}}}', "answer_junk"),
    "NaN beside the plan": (f'{{"plan": {json.dumps(plan())}, "sure": NaN}}', "answer_junk"),
    "a hundred thousand brackets": ("[" * 100_000, "answer_junk"),
    "NUL in a value": (answer(note("a", "x\x00y")), "answer_junk"),
    "NUL in a title": (answer(note("a", title="x\x00y")), "answer_junk"),
    "a lone surrogate in a value": (answer(note("a", "x\ud800y")), "answer_junk"),
    "a lone surrogate in a title": (answer(note("a", title="x\ud800y")), "answer_junk"),
    "a value that is no JSON": (answer(note("a", inputs=[raw("note", "We come.")])), "answer_junk"),
    "ten thousand steps": (answer(*(note(f"s{n}") for n in range(10_000))), "answer_junk"),
    "a department that is a placeholder": (answer(letter("department:[NAME_1]")), "answer_unsafe"),
    "a department that does not exist": (answer(letter("department:mordor")), "answer_unsafe"),
    "a crew of a department that does not exist": (
        answer(
            step(
                "a", "dispatch_crew",
                inputs=given(department="mordor", address="x", instructions="x", urgency="high"),
            )
        ),
        "answer_unsafe",
    ),
}  # fmt: skip
"""What the playbooks take over from, and the code that says why."""

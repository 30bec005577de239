import itertools
import random
import re

import pytest
import yaml

from workflows.plan.compiler import compile_plan
from workflows.plan.problems import has_errors
from workflows.plan.scheduler import AskApproval, Context, Failure, StepState, StepStatus, decide
from workflows.plan.simulation import simulate
from workflows.plan.validation import validate
from workflows.planning.base import DraftRequest
from workflows.planning.city import shipped_categories, shipped_departments
from workflows.planning.playbooks import (
    PlaybookError,
    PlaybookPlanner,
    choose,
    load_playbooks,
    playbook_problems,
)

KINDS = sorted(load_playbooks().playbooks)
CREW_SAYS_DONE = {"water_leak"}
"""Where the crew's own word is enough: nobody else can see a mended pipe under a closed road."""
ISSUE = {
    "reference": "ISSUE-000001",
    "statement": "Something is broken",
    "address": "address not given",
    "urgency": "normal",
    "category": "other",
    "department": "service_center",
    "reporter": "reporter",
    "latitude": None,
    "longitude": None,
    "reported_at": "2026-01-05T08:00:00Z",
}
OUTPUTS = {
    "send_notification": {"notification_id": "n1", "channel": "email", "status": "sent"},
    "update_issue": {"status": "IN_PROGRESS", "updated_at": "2026-01-05T08:00:00Z"},
    "generate_report": {"document_id": "d1", "url": "/d1", "pages": 1, "sha256": "0" * 64},
    "dispatch_crew": {
        "crew": "Crew 7",
        "accepted_at": "2026-01-05T08:00:00Z",
        "completed_at": "2026-01-05T10:00:00Z",
        "notes": "",
        "photos": [],
    },
    "reserve_lane": {"reservation_id": "l1"},
    "release_lane": {"released_at": "2026-01-05T18:00:00Z"},
    "order_contractor": {"order_id": "o1"},
    "wait_until": {"ended_at": "2026-01-05T08:00:00Z"},
}


def plan_of(kind):
    return dict(load_playbooks().playbooks[kind].plan)


def test_there_is_a_playbook_for_every_category_and_only_for_those():
    assert {playbook.category for playbook in load_playbooks().playbooks.values()} == {
        category.code for category in shipped_categories()
    }
    assert len(KINDS) >= 20


def test_no_playbook_has_a_problem(offered_activities):
    assert playbook_problems(offered_activities) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_department_a_playbook_names_exists(kind):
    known = {department.code for department in shipped_departments() if department.active}
    named = set()
    for step in plan_of(kind)["steps"]:
        inputs = step["inputs"]
        named.update(re.findall(r"department:(\w+)", str(inputs.get("to", ""))))
        named.update([inputs["department"]] if "department" in inputs else [])
    assert named <= known


@pytest.mark.parametrize("kind", KINDS)
def test_the_reporter_hears_from_the_city(kind):
    told = [s for s in plan_of(kind)["steps"] if s["inputs"].get("to") == "{{ issue.reporter }}"]
    assert told


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_says_why_it_is_there(kind):
    assert all(step["title"].strip() and step["reason"].strip() for step in plan_of(kind)["steps"])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in CREW_SAYS_DONE])
def test_done_is_only_said_after_a_person_has_confirmed_it(kind):
    for step in plan_of(kind)["steps"]:
        says_done = step["inputs"].get("status") == "RESOLVED" or step["step_id"] == "tell_done"
        if says_done:
            assert step["when"] == {"eq": ["{{ steps.confirm.confirmed }}", True]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_reporter_hears_something_before_any_crew_has_done_its_work(kind, offered_activities):
    """A crew's step lasts until the work is done."""
    steps = {step["step_id"]: step for step in plan_of(kind)["steps"]}

    def waits_for_crew(step_id):
        needed = steps[step_id]["needs"]
        return any(steps[n]["activity_id"] == "dispatch_crew" or waits_for_crew(n) for n in needed)

    told = [name for name, step in steps.items() if step["inputs"].get("to") == "{{ issue.reporter }}"]
    assert any(not waits_for_crew(name) for name in told)


def test_the_water_leak_plan_needs_its_crew_only_and_says_repaired_when_the_crew_has_said_so(
    offered_activities,
):
    plan = plan_of("water_leak")
    activities = [step["activity_id"] for step in plan["steps"]]
    assert activities[0] == "update_issue"
    assert set(activities) == {"update_issue", "dispatch_crew", "send_notification", "generate_report"}
    assert not any("requires_approval" in step for step in plan["steps"])
    by_id = {step["step_id"]: step for step in plan["steps"]}
    assert by_id["resolve"]["inputs"]["status"] == "RESOLVED"
    assert "dispatch" in by_id["resolve"]["needs"] and "dispatch" in by_id["tell_repaired"]["needs"]
    assert "{{ steps.dispatch }}" in by_id["record"]["inputs"]["sections"]
    assert by_id["dispatch"]["needs"] == by_id["tell_reporter"]["needs"] == ["accept"]
    assert set(by_id["record"]["needs"]) == {"resolve", "tell_repaired"}
    assert validate(plan, offered_activities, category_target="P1D") == []


def answers_of(step):
    """Every answer to each question of an inspection, as lists to choose from."""
    choices = {
        "yes_no": lambda q: [True, False],
        "choice": lambda q: q["options"],
        "number": lambda q: [3],
        "text": lambda q: ["as agreed"],
    }
    return {name: choices[q["type"]](q) for name, q in step["inputs"]["questions"].items()}


def ways_through(plan, limit=60):
    """Combinations of inspection answers and confirmations: all of them, or a fixed sample when there are many."""
    dials = {}
    for step in plan["steps"]:
        if step["activity_id"] == "inspect_site":
            dials.update({(step["step_id"], name): values for name, values in answers_of(step).items()})
        if step["activity_id"] == "confirm_completion":
            dials[(step["step_id"], "confirmed")] = [True, False]
    combinations = itertools.islice(itertools.product(*dials.values()), 20_000)
    every = [dict(zip(dials, values, strict=True)) for values in combinations]
    return every if len(every) <= limit else random.Random(7).sample(every, limit)


def run(compiled, answers, *, approves=True):
    states = {step.step_id: StepState() for step in compiled.steps}
    by_id = {step.step_id: step for step in compiled.steps}
    for _ in range(10 * len(by_id)):
        decision = decide(compiled, Context(ISSUE, {}), states)
        states = dict(decision.states)
        if decision.finish:
            return decision.finish, states
        for move in decision.moves:
            if isinstance(move, AskApproval):
                refused = StepState(StepStatus.failed, failure=Failure("approval_rejected", "No."))
                states[move.step_id] = StepState(approved=True) if approves else refused
                continue
            activity = by_id[move.step_id].activity_id
            given = {name: value for (step_id, name), value in answers.items() if step_id == move.step_id}
            output = OUTPUTS.get(activity, given)
            states[move.step_id] = StepState(StepStatus.completed, output=output)
    raise AssertionError("the plan does not come to an end")


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_through_a_playbook_ends_well_and_every_step_happens_on_some_way(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    happened = set()
    for answers in ways_through(plan_of(kind), limit=300):
        finish, states = run(compiled, answers)
        assert finish.outcome == "completed", (answers, finish)
        happened |= {name for name, state in states.items() if state.status == StepStatus.completed}
        resolved = states.get("resolve")
        if resolved and resolved.status == StepStatus.completed and kind not in CREW_SAYS_DONE:
            assert answers[("confirm", "confirmed")] is True
    assert happened == {step.step_id for step in compiled.steps}


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_approval_stops_that_step_and_not_the_whole_plan(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    needs_approval = {step.step_id for step in compiled.steps if step.approval}
    for answers in ways_through(plan_of(kind)):
        finish, states = run(compiled, answers, approves=False)
        assert finish.outcome == "completed", (answers, finish)
        assert all(states[name].status in (StepStatus.failed, StepStatus.skipped) for name in needs_approval)
        assert states[compiled.steps[0].step_id].status == StepStatus.completed


def test_hostile_statements_get_a_valid_plan_and_harmless_facts(hostile_texts, offered_activities):
    planner = PlaybookPlanner()
    for text in hostile_texts:
        draft = planner.draft(DraftRequest(text, address=text))
        assert not has_errors(validate(draft.document, offered_activities))
        draft.facts.place.encode("utf-8")
        assert draft.facts.place.isprintable() and len(draft.facts.place) <= 200
        assert "mallory" not in str(draft.document)
        assert choose(text)


def write(folder, name, **changes):
    good = {
        "kind": name,
        "category": "other" if name == "other" else "noise",
        "title": "A title",
        "version": 1,
        "frequency": 0,
        "alike": [],
        "terms": {} if name == "other" else {"noise": 5},
        "urgency": {"default": "normal"},
        "plan": {"schema_version": 1},
    }
    text = yaml.safe_dump({**good, **changes})
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_broken_folder_is_reported_by_file_with_every_problem(tmp_path):
    write(tmp_path, "noise", terms={"loud": "very", "?!": 3}, version=0, urgency={"default": "soon"})
    write(tmp_path, "loud", frequency=9, alike="noise")
    write(tmp_path, "rats", kind="mice", category="moon")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "cut.yaml").write_text("kind: [")
    (tmp_path / "latin.yaml").write_bytes(b"kind: caf\xe9")
    (tmp_path / "twice.yaml").write_text("kind: twice\nkind: twice\n")
    with pytest.raises(PlaybookError) as caught:
        load_playbooks(tmp_path)
    said = "\n".join(caught.value.problems)
    for part in (
        "noise.yaml: version", "noise.yaml: the weight of term 'loud'", "noise.yaml: term '?!' holds no word",
        "noise.yaml: urgency.default", "loud.yaml: frequency is not", "loud.yaml: alike is not",
        "rats.yaml: kind 'mice'", "rats.yaml: category 'moon'",
        "list.yaml: not a mapping", "cut.yaml: ", "latin.yaml: ", "twice.yaml: ", "other.yaml: the general playbook",
    ):  # fmt: skip
        assert part in said
    assert playbook_problems(folder=tmp_path) == caught.value.problems


def test_a_playbook_says_each_word_once(tmp_path):
    write(tmp_path, "noise", terms={"barking": 5, "barks": 4})
    write(tmp_path, "other")
    assert playbook_problems(folder=tmp_path) == [
        "noise.yaml: terms 'barking' and 'barks' are the same words"
    ]


def test_a_playbook_can_only_be_like_another_one(tmp_path):
    write(tmp_path, "noise", alike=["moon", "noise", "other"])
    write(tmp_path, "other")
    assert playbook_problems(folder=tmp_path) == [
        "noise.yaml: alike: 'moon' is not another playbook",
        "noise.yaml: alike: 'noise' is not another playbook",
    ]


def test_examples_that_cannot_be_read_or_are_of_no_playbook_are_named(tmp_path):
    write(tmp_path, "other")
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "moon.txt").write_text("dust on the moon\n\n")
    assert playbook_problems(folder=tmp_path) == ["examples/moon.txt: there is no such playbook"]
    (tmp_path / "examples" / "noise.txt").write_bytes(b"a caf\xe9 plays music")
    load_playbooks.cache_clear()
    [problem] = playbook_problems(folder=tmp_path)
    assert problem.startswith("examples/noise.txt: 'utf-8' codec")


def test_a_playbook_whose_plan_does_not_validate_is_reported_with_its_pointer(tmp_path, offered_activities):
    step = {"step_id": "a", "activity_id": "fly_to_moon", "title": "Fly"}
    write(tmp_path, "other", plan={"schema_version": 1, "workflow_name": "x", "steps": [step]})
    problems = playbook_problems(offered_activities, tmp_path)
    assert any("other.yaml: plan/steps/0/activity_id: unknown_activity" in problem for problem in problems)


def last_word(kind, states):
    """The status that the report is left with."""
    said = [
        step["inputs"]["status"]
        for step in plan_of(kind)["steps"]
        if step["activity_id"] == "update_issue"
        and "status" in step["inputs"]
        and states[step["step_id"]].status == StepStatus.completed
    ]
    return said[-1] if said else "OPEN"


STAYS_OPEN = {
    "bridge": "structural damage is a project, and is closed by whoever ends it",
    "abandoned_vehicle": "a stolen vehicle waits for the police",
    "other": "the department that takes it over closes it",
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in STAYS_OPEN])
def test_a_report_is_never_left_in_progress_once_everybody_has_done_their_part(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    for answers in ways_through(plan_of(kind), limit=300):
        if answers.get(("confirm", "confirmed")) is False:
            continue
        _, states = run(compiled, answers)
        assert last_word(kind, states) in ("RESOLVED", "CLOSED"), answers


def needed_before(compiled, step_id):
    """All steps that have to end before ``step_id``, directly or through others."""
    by_id = {step.step_id: step for step in compiled.steps}
    found, todo = set(), list(by_id[step_id].needs)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += by_id[name].needs
    return [by_id[name] for name in found]


@pytest.mark.parametrize("kind", KINDS)
def test_every_playbook_plays_through_in_a_simulation_with_messages_that_a_person_can_read(
    kind, offered_activities
):
    compiled = compile_plan(plan_of(kind), offered_activities)
    for given in ways_through(plan_of(kind), limit=20):
        answers = {}
        for (step_id, name), value in given.items():
            answers.setdefault(step_id, {})[name] = value
        simulation = simulate(compiled, Context(ISSUE, {}), answers=answers)
        assert simulation.finish.outcome == "completed"
        assert simulation.total_cost > 0
        assert simulation.people
        for message in simulation.messages:
            said = f"{message.subject}\n{message.text}"
            # A letter's labels have their values in one column, so more than one space may follow them.
            said = re.sub(r"^(\w+:) +", r"\1 ", said, flags=re.MULTILINE)
            assert not re.search(r"\{\{|\}\}|\b(?i:none|true|false)\b|_|  ", said), message
            assert len(message.subject) <= 100


@pytest.mark.parametrize("kind", KINDS)
def test_work_of_people_that_is_late_is_noticed(kind):
    for step in plan_of(kind)["steps"]:
        if step["activity_id"] in ("dispatch_crew", "inspect_site", "confirm_completion"):
            assert "remind" in step["overdue"], step["step_id"]
            if step["inputs"].get("urgency") == "critical":
                assert step["due"] in ("PT2H", "PT4H")
                assert step["overdue"] == {"remind": "PT1H", "escalate_to": "supervisor"}


MAY_WAIT_FOR_A_SUPERVISOR = {
    ("bridge", "close"),
    ("flooding_storm_drain", "close_road"),
    ("code_enforcement", "secure"),
    ("abandoned_vehicle", "tow_now"),
}
"""Closing a road, entering a house, taking a car: something else keeps people safe until that is decided."""


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_stays_in_danger_while_an_approval_is_awaited(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    critical = [s["step_id"] for s in plan_of(kind)["steps"] if s["inputs"].get("urgency") == "critical"]
    approved = {step.step_id for step in compiled.steps if step.approval}
    for name in critical:
        if (kind, name) not in MAY_WAIT_FOR_A_SUPERVISOR:
            assert name not in approved
            assert not approved.intersection(step.step_id for step in needed_before(compiled, name))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_is_closed_with_approval_and_given_back(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    reserved = [step for step in compiled.steps if step.activity_id == "reserve_lane"]
    freed = [step for step in compiled.steps if step.activity_id == "release_lane"]
    assert len(reserved) == len(freed)
    for lane, release in zip(reserved, freed, strict=True):
        assert lane.approval.group == "supervisor"
        assert lane.compensate.activity_id == "release_lane"
        between = [step for step in needed_before(compiled, release.step_id) if lane.step_id in step.needs]
        assert [step.activity_id for step in between] == ["dispatch_crew"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "reserve_lane" in str(plan_of(kind))])
def test_nobody_works_in_a_lane_that_was_refused(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    (work,) = [s for s in compiled.steps if "lane" in s.needs and s.activity_id == "dispatch_crew"]
    for answers in ways_through(plan_of(kind)):
        _, states = run(compiled, answers, approves=False)
        assert states[work.step_id].status == StepStatus.skipped


def test_a_contractor_is_ordered_with_four_eyes(offered_activities):
    compiled = compile_plan(plan_of("illegal_dumping"), offered_activities)
    (order,) = [step for step in compiled.steps if step.activity_id == "order_contractor"]
    assert order.approval.group == "supervisor" and order.approval.four_eyes


@pytest.mark.parametrize("kind", KINDS)
def test_work_that_the_check_did_not_accept_goes_back(kind, offered_activities):
    compiled = compile_plan(plan_of(kind), offered_activities)
    if "confirm" not in {step.step_id for step in compiled.steps}:
        assert kind in CREW_SAYS_DONE | {"other"}
        return
    for answers in ways_through(plan_of(kind), limit=300):
        _, states = run(compiled, answers)
        happened = {name for name, state in states.items() if state.status == StepStatus.completed}
        if "confirm" in happened and not answers["confirm", "confirmed"]:
            assert happened & {"tell_not_done", "cite"}


def test_no_playbook_plans_beyond_the_target_of_its_category(offered_activities):
    targets = {category.code: category.target for category in shipped_categories()}
    for kind in KINDS:
        found = validate(plan_of(kind), offered_activities, category_target=targets[kind])
        assert {problem.code for problem in found} <= {"unused_output_of_costly_step"}, kind

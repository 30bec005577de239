"""What is known of an issue, who said it, and that people's words are final."""

import pytest

from issues.facts import Known, correct_facts, facts_of, known_facts, record_facts
from issues.models import Issue
from mudda import events
from mudda.errors import InvalidRequest, NotFound, PreconditionFailed
from workflows.planning.base import Facts


def understood(**changes):
    given = {
        "category": "water_leak",
        "confidence": 0.7,
        "place": "123 Main St",
        "urgency": "high",
        "people_affected": 40,
        "sure": {"place": 0.6, "urgency": 0.5, "people_affected": 0.4},
        **changes,
    }
    return Facts(**given)


def bare(report):
    return report("A pipe is broken at 123 Main St", category=None)


def fact(issue, name):
    return next(one for one in facts_of(issue) if one.name == name)


def test_what_a_planner_understood_is_kept_with_its_confidence_and_source(report):
    issue = bare(report)
    assert record_facts(issue, understood(), "playbooks") == (
        "category",
        "place",
        "urgency",
        "people_affected",
    )
    stored = Issue.objects.get(pk=issue.pk)
    assert (stored.category.code, stored.department.code) == ("water_leak", "water")
    assert (stored.address, stored.urgency, stored.people_affected) == ("123 Main St", "high", 40)
    assert [(one.name, one.confidence, one.source) for one in facts_of(stored)] == [
        ("category", 0.7, "playbooks"),
        ("place", 0.6, "playbooks"),
        ("urgency", 0.5, "playbooks"),
        ("people_affected", 0.4, "playbooks"),
    ]
    assert issue.category == stored.category
    assert issue.facts == stored.facts


def test_recording_the_same_facts_again_changes_nothing_and_says_nothing(report):
    issue = bare(report)
    record_facts(issue, understood(), "playbooks")
    told = len(events.of(issue))
    assert record_facts(issue, understood(), "playbooks") == ()
    assert len(events.of(issue)) == told


def test_a_draft_that_is_surer_replaces_a_guess_and_a_less_sure_one_does_not(report):
    issue = bare(report)
    record_facts(issue, understood(), "playbooks")
    assert record_facts(issue, understood(category="sewer", confidence=0.6), "openai") == ()
    assert record_facts(issue, understood(category="sewer", confidence=0.95), "openai") == ("category",)
    assert issue.department.code == "wastewater"
    assert fact(issue, "category").source == "openai"


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("category", "sewer", {"category": "tree", "confidence": 1.0}),
        ("place", "5 Elm St", {"place": "9 Oak St", "sure": {"place": 1.0}}),
        ("place", "", {"place": "9 Oak St", "sure": {"place": 1.0}}),
        ("urgency", "low", {"urgency": "critical", "sure": {"urgency": 1.0}}),
        ("people_affected", 3, {"people_affected": 900, "sure": {"people_affected": 1.0}}),
        ("people_affected", None, {"people_affected": 900, "sure": {"people_affected": 1.0}}),
    ],
)
def test_what_staff_have_set_is_never_overwritten_by_a_later_draft(report, chief, name, value, guess):
    issue = bare(report)
    record_facts(issue, understood(), "playbooks")
    assert correct_facts(issue, by=chief, **{name: value}) == (name,)
    assert record_facts(issue, understood(**guess), "openai") == ()
    kept = fact(Issue.objects.get(pk=issue.pk), name)
    assert (kept.value, kept.confidence, kept.source, kept.by) == (value, 1.0, "staff", chief.pk)


def test_what_an_issue_was_recorded_with_is_final_too(report):
    issue = report("Something at the corner", category="water_leak", address="5 Elm St", urgency="low")
    assert record_facts(issue, understood(category="tree", confidence=1.0), "openai") == ("people_affected",)
    assert (issue.category.code, issue.address, issue.urgency) == ("water_leak", "5 Elm St", "low")
    assert fact(issue, "category").source == "recorded"


def test_a_draft_that_repeats_what_was_recorded_does_not_make_it_a_guess(report):
    issue = report("A leak", category="water_leak", address="123 Main St")
    record_facts(issue, understood(), "playbooks")
    assert fact(issue, "place").source == "recorded"
    record_facts(issue, understood(place="9 Oak St", sure={"place": 1.0}), "openai")
    assert issue.address == "123 Main St"


def test_staff_confirm_a_guess_by_repeating_it(report, chief):
    issue = bare(report)
    record_facts(issue, understood(), "playbooks")
    assert correct_facts(issue, by=chief, category="water_leak") == ("category",)
    assert fact(issue, "category").source == "staff"
    assert correct_facts(issue, by=chief, category="water_leak") == ()


def test_later_drafts_build_on_what_people_said_and_on_what_an_earlier_one_was_sure_of(report, chief):
    issue = bare(report)
    assert known_facts(issue) == Known()
    record_facts(issue, understood(sure={"place": 0.9, "urgency": 0.5}), "openai")
    assert known_facts(issue) == Known(place="123 Main St")
    correct_facts(issue, by=chief, urgency="normal", category="sewer")
    assert known_facts(issue) == Known(category="sewer", place="123 Main St", urgency="normal")


def test_the_events_name_the_facts_and_no_value(report, chief):
    issue = bare(report)
    record_facts(issue, understood(place="4 Secret Close"), "playbooks")
    correct_facts(issue, by=chief, place="5 Hidden Lane", people_affected=7)
    *_, recorded, corrected = events.of(issue)
    assert recorded.data == {
        "facts": ["category", "place", "urgency", "people_affected"],
        "source": "playbooks",
    }
    assert (corrected.type, corrected.actor, corrected.data) == (
        "issue.facts_corrected",
        chief,
        {"facts": ["place", "people_affected"]},
    )


def test_a_planner_cannot_store_what_is_not_a_fact(report):
    issue = bare(report)
    nonsense = understood(
        category="no_such_kind",
        place="x" * 5_000,
        urgency="apocalyptic",
        people_affected=-3,
        sure={"place": 7},
    )
    assert record_facts(issue, nonsense, "openai") == ("place",)
    assert len(issue.address) == 200
    assert fact(issue, "place").confidence == 1.0
    assert (issue.urgency, issue.people_affected, issue.category) == ("normal", None, None)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"category": "no_such_kind"}, "unknown_category"),
        ({"category": None}, "unknown_category"),
        ({"category": 7}, "unknown_category"),
        ({"urgency": "now"}, "invalid"),
        ({"place": None}, "invalid"),
        ({"place": "x" * 201}, "invalid"),
        ({"place": "a\x00b"}, "invalid"),
        ({"people_affected": -1}, "invalid"),
        ({"people_affected": True}, "invalid"),
        ({"people_affected": 10**12}, "invalid"),
        ({"colour": "red"}, "unknown_field"),
    ],
)
def test_a_value_that_a_fact_cannot_have_is_refused_and_nothing_changes(report, chief, given, code):
    issue = bare(report)
    with pytest.raises(InvalidRequest) as refused:
        correct_facts(issue, by=chief, **given)
    assert refused.value.errors[0]["code"] == code
    assert Issue.objects.get(pk=issue.pk).facts == {}


def test_a_correction_of_what_was_changed_meanwhile_is_refused(report, chief):
    issue = bare(report)
    read = issue.event_seq
    correct_facts(issue, by=chief, urgency="high")
    with pytest.raises(PreconditionFailed):
        correct_facts(issue, by=chief, expected_version=read, urgency="low")
    assert Issue.objects.get(pk=issue.pk).urgency == "high"


def test_people_of_another_department_find_no_such_issue(report, outsider):
    with pytest.raises(NotFound):
        correct_facts(report(), by=outsider, urgency="low")

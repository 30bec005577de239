"""Writing policies: versions that stay, one of them in force, and who may."""

import pytest
from django.db import IntegrityError, transaction

from issues.models import Department
from mudda import events
from mudda.errors import NotFound, PreconditionFailed
from tests import factories
from workflows.policies.errors import (
    LanguageInForce,
    NotYourPolicy,
    PolicyEmpty,
    PolicyNotPublished,
    PolicyTooLong,
    UnknownVersion,
)
from workflows.policies.models import PolicyDocument, PolicyPassage, PolicyVersion
from workflows.policies.search import find_passages
from workflows.policies.services import (
    LONGEST_TEXT,
    create_policy,
    publish_policy,
    revise_policy,
    withdraw_policy,
)


def revise(document, by, text="Lamps are repaired within eight days.", expected=None, **given):
    return revise_policy(
        policy_id=document.pk, heading="Street lighting", text=text, expected_version=expected, by=by, **given
    )


def texts(words="lamp"):
    return [passage.text for passage in find_passages(words, department="lighting")]


def test_a_new_policy_is_a_draft_that_no_search_finds(lamps):
    assert (lamps.status, lamps.current.number, lamps.heading) == ("DRAFT", 1, "Street lighting")
    assert [p.heading for p in lamps.current.passages.all()] == [
        "Street lighting > Repair times",
        "Street lighting > Danger",
    ]
    assert texts() == []


def test_a_published_policy_is_found_and_a_withdrawn_one_is_not(lamps, lighter):
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    assert len(texts()) == 2
    withdraw_policy(policy_id=lamps.pk, by=lighter)
    assert texts() == []
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    assert len(texts()) == 2


def test_a_new_version_of_a_policy_in_force_waits_until_it_is_published(lamps, lighter):
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    changed = revise(lamps, lighter, expected=1)
    assert (changed.status, changed.current.number) == ("PUBLISHED", 1)
    assert "ten working days" in " ".join(texts())
    publish_policy(policy_id=lamps.pk, version=2, by=lighter)
    assert texts() == ["Lamps are repaired within eight days."]


def test_an_older_version_can_be_put_in_force_again(lamps, lighter):
    revise(lamps, lighter)
    publish_policy(policy_id=lamps.pk, version=2, by=lighter)
    publish_policy(policy_id=lamps.pk, version=1, by=lighter)
    assert "ten working days" in " ".join(texts())


def test_who_read_an_older_version_writes_nothing_and_is_told_the_newest(lamps, lighter):
    revise(lamps, lighter, expected=1)
    with pytest.raises(PreconditionFailed) as refused:
        revise(lamps, lighter, text="Something else.", expected=1)
    assert refused.value.extra == {"version": 2, "etag": '"2-draft-2"'}
    assert lamps.versions.count() == 2


def test_the_same_text_makes_no_new_version(lamps, lighter):
    revise(lamps, lighter)
    revise(lamps, lighter)
    assert lamps.versions.count() == 2


def test_versions_and_passages_are_never_changed_or_deleted(lamps):
    for rows in (PolicyVersion.objects.all(), PolicyPassage.objects.all()):
        for change in (
            lambda rows=rows: rows.update(heading="Another"),
            lambda rows=rows: rows._raw_delete("default"),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                change()


def test_every_change_is_an_event_with_its_actor_and_without_words(lamps, lighter):
    revise(lamps, lighter)
    publish_policy(policy_id=lamps.pk, version=2, by=lighter)
    publish_policy(policy_id=lamps.pk, version=2, by=lighter)
    withdraw_policy(policy_id=lamps.pk, by=lighter)
    found = events.of(lamps)
    assert [(event.type, event.data) for event in found] == [
        ("policy.created", {"version": 1}),
        ("policy.revised", {"version": 2}),
        ("policy.published", {"version": 2}),
        ("policy.withdrawn", {"version": 2}),
    ]
    assert {event.actor_id for event in found} == {lighter.pk}


def test_the_author_of_each_version_is_kept(lamps, lighter, supervisor):
    revise(lamps, supervisor)
    assert list(lamps.versions.values_list("author", flat=True)) == [lighter.pk, supervisor.pk]


def test_an_unknown_version_is_not_published(lamps, lighter):
    with pytest.raises(UnknownVersion):
        publish_policy(policy_id=lamps.pk, version=2, by=lighter)


def test_what_is_not_in_force_cannot_be_withdrawn(lamps, lighter):
    with pytest.raises(PolicyNotPublished):
        withdraw_policy(policy_id=lamps.pk, by=lighter)


def test_the_language_changes_only_while_nothing_was_published(lamps, lighter):
    assert revise(lamps, lighter, language="german").language == "german"
    publish_policy(policy_id=lamps.pk, version=2, by=lighter)
    with pytest.raises(LanguageInForce):
        revise(lamps, lighter, language="french")


@pytest.mark.parametrize(
    ("heading", "text", "error", "pointer"),
    [
        ("", "Text.", PolicyEmpty, "/heading"),
        (" \u200b", "Text.", PolicyEmpty, "/heading"),
        ("Heading", "\n\t", PolicyEmpty, "/text"),
        ("a" * 201, "Text.", PolicyTooLong, "/heading"),
        ("Heading", "a" * (LONGEST_TEXT + 1), PolicyTooLong, "/text"),
    ],
)
def test_a_policy_without_words_or_with_too_many_is_refused(city, heading, text, error, pointer):
    with pytest.raises(error) as refused:
        create_policy(heading=heading, text=text)
    assert refused.value.errors[0]["pointer"] == pointer
    assert not PolicyDocument.objects.exists()


def test_the_longest_policy_is_cut_and_found(city):
    text = ("One sentence about the hydrant. " * 10_000)[:LONGEST_TEXT]
    document = create_policy(heading="Long", text=text)
    publish_policy(policy_id=document.pk, version=1, by=None)
    assert find_passages("hydrants", department=None)


# --- whose ------------------------------------------------------------------------------------------


def test_a_department_sees_its_own_policies_and_the_whole_citys(lamps, lighter, gardener, supervisor):
    whole = create_policy(heading="Notices", text="Tell everybody.", by=supervisor)
    assert set(PolicyDocument.objects.visible_to(lighter)) == {lamps, whole}
    assert set(PolicyDocument.objects.visible_to(gardener)) == {whole}
    assert set(PolicyDocument.objects.visible_to(supervisor)) == {lamps, whole}


@pytest.mark.parametrize(
    "work",
    [
        lambda document, by: revise(document, by),
        lambda document, by: publish_policy(policy_id=document.pk, version=1, by=by),
        lambda document, by: withdraw_policy(policy_id=document.pk, by=by),
    ],
)
def test_nobody_writes_the_policies_of_another_department_or_of_the_whole_city(
    lamps, gardener, supervisor, work
):
    with pytest.raises(NotFound):
        work(lamps, gardener)
    whole = create_policy(heading="Notices", text="Tell everybody.", by=supervisor)
    with pytest.raises(NotYourPolicy):
        work(whole, gardener)


def test_somebody_limited_to_a_department_makes_policies_for_that_one_only(city, gardener):
    parks, water = (Department.objects.get(code=code) for code in ("parks", "water"))
    create_policy(heading="Trees", text="Keep them.", department=parks, by=gardener)
    for other in (water, None):
        with pytest.raises(NotYourPolicy):
            create_policy(heading="Trees", text="Keep them.", department=other, by=gardener)


def test_supervisors_and_administrators_manage_policies_and_all_staff_read_them(city):
    for group in ("viewer", "dispatcher", "planner", "approver", "supervisor", "administrator"):
        user = factories.make_user(group)
        manages = group in {"supervisor", "administrator"}
        assert user.has_perm("workflows.view_policydocument")
        assert user.has_perm("workflows.add_policydocument") is manages
        assert user.has_perm("workflows.change_policydocument") is manages

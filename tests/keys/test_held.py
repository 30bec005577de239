"""A filter is held against a row that was read already as the database holds it: what a caller may see is said once."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q

from issues.models import Department, Issue
from mudda import reach
from mudda.models import Sandbox
from tests import factories
from workflows.models import PlanStatus, WorkflowPlan, plans_seen_by


@pytest.fixture
def plans(db):
    """Plans of two departments, of none, and one that is still being written; and who has asked for it."""
    factories.load_city()
    asker = factories.make_user("supervisor", departments=("lighting",))
    issues = [
        Issue.objects.create(statement=code or "?", department=Department.objects.filter(code=code).first())
        for code in ("water", "parks", None)
    ]
    for issue in issues:
        WorkflowPlan.objects.create(issue=issue)
    WorkflowPlan.objects.create(issue=issues[2], status=PlanStatus.DRAFTING, created_by=asker)
    sandbox = Sandbox.objects.create(owner=asker)
    for issue in issues[:2]:
        WorkflowPlan.objects.create(issue=issue, sandbox=sandbox)
    return asker


def narrowed(user, **limits):
    """The user as a key speaks for them that reaches no further."""
    reach.narrow(user, reach.Reach(**limits))
    return user


def tied(user, *codes):
    return narrowed(user, departments=frozenset(codes))


def test_whoever_calls_sees_the_same_plans_either_way(plans):
    callers = {
        "nobody": AnonymousUser(),
        "root": User.objects.create_superuser("root"),
        "of the whole city": factories.make_user("supervisor"),
        "of one department": factories.make_user("supervisor", departments=("water",)),
        "of two": factories.make_user("supervisor", departments=("water", "parks")),
        "who asked": plans,
        "a key of two": tied(factories.make_user("supervisor"), "water", "parks"),
        "a key beyond its owner": tied(factories.make_user("supervisor", departments=("water",)), "parks"),
        "a sandbox": narrowed(factories.make_user("supervisor"), sandbox=Sandbox.objects.get().pk),
        "a part of a sandbox": narrowed(
            factories.make_user("supervisor"),
            departments=frozenset(["water"]),
            sandbox=Sandbox.objects.get().pk,
        ),
        "the console": narrowed(factories.make_user("supervisor"), sandboxes_too=True),
        "a key of what is gone": tied(factories.make_user("supervisor"), "gone"),
    }
    seen = {}
    for name, user in callers.items():
        seen[name] = set(WorkflowPlan.objects.visible_to(user).values_list("pk", flat=True))
        held = {plan.pk for plan in WorkflowPlan.objects.all() if reach.holds(plans_seen_by(user), plan)}
        assert held == seen[name], name
    assert [len(seen[name]) for name in callers] == [0, 4, 4, 1, 2, 1, 2, 0, 2, 1, 6, 0]


@pytest.mark.parametrize(
    "condition",
    [
        Q(),
        Q(status="DRAFT"),
        Q(status__exact="DRAFTING"),
        Q(issue__department=None, status="DRAFT"),
        Q(issue__department__isnull=True),
        Q(issue__department__isnull=False) | Q(created_by__isnull=False),
        Q(created_by__in=[]),
        Q(issue__department__code="water"),
        Q(issue__department__code__in=["parks", "water"]) & Q(status="DRAFT"),
    ],
    ids=str,
)
def test_a_condition_keeps_the_same_rows_either_way(plans, condition):
    kept = set(WorkflowPlan.objects.filter(condition).values_list("pk", flat=True))
    assert {plan.pk for plan in WorkflowPlan.objects.all() if reach.holds(condition, plan)} == kept


@pytest.mark.parametrize("condition", [~Q(status="DRAFT"), Q(status="DRAFT") ^ Q(title="")], ids=str)
def test_what_is_not_understood_keeps_nobody_in(plans, condition):
    with pytest.raises(ValueError, match="not understood"):
        reach.holds(condition, WorkflowPlan.objects.first())


@pytest.mark.parametrize("lookup", ["title__icontains", "created_at__lt"])
def test_a_lookup_that_is_not_understood_keeps_nobody_in(plans, lookup):
    with pytest.raises(ValueError, match="not understood"):
        reach.holds(Q(**{lookup: "x"}), WorkflowPlan.objects.first())

"""Ordering a contractor: one order, one letter, and never more money than was approved."""

from decimal import Decimal

import pytest
from django.core import mail

from executions.activities.contractors import order_contractor
from executions.activities.registry import StepFailed
from executions.models import ContractorOrder, Effect
from issues.models import Department
from tests.activities.attempts import attempt, launch, order

pytestmark = pytest.mark.django_db

WHAT = {"department": "water", "scope": "Dig up the main.\nClose it again.", "cost_limit": 4200.5}


@pytest.fixture
def run(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return launch(order())


def test_an_order_is_kept_and_the_department_told_of_it(run):
    output = order_contractor(attempt(run, "order", **WHAT))
    row = ContractorOrder.objects.get()
    assert output == {"order_id": str(row.pk)}
    assert (row.execution, row.department.code, row.scope) == (run, "water", WHAT["scope"])
    assert row.cost_limit == Decimal("4200.50")
    (letter,) = mail.outbox
    assert letter.to == ["water@city.example.org"]
    assert letter.subject == f"Order: {run.plan.issue.reference}: Order a digger"
    for part in (letter.body, letter.alternatives[0][0]):
        assert "4,200.50" in part
        assert str(row.pk)[:8].upper() in part
        assert "Close it again." in part


def test_a_second_attempt_orders_nothing_more_and_sends_no_second_letter(run):
    assert order_contractor(attempt(run, "order", **WHAT)) == order_contractor(attempt(run, "order", **WHAT))
    assert ContractorOrder.objects.count() == 1
    assert len(mail.outbox) == 1
    assert [effect.effect_class for effect in Effect.objects.all()] == ["at_most_once"]


@pytest.mark.parametrize(
    ("asked", "kept"), [(0, "0.00"), (99.999, "99.99"), (0.1 + 0.2, "0.30"), (9_999_999_999, "9999999999.00")]
)
def test_the_limit_is_kept_to_the_cent_and_never_above_what_was_approved(run, asked, kept):
    order_contractor(attempt(run, "order", **{**WHAT, "cost_limit": asked}))
    assert ContractorOrder.objects.get().cost_limit == Decimal(kept)


def test_nothing_is_ordered_through_a_department_that_cannot_be_told(run):
    Department.objects.update(email="")
    with pytest.raises(StepFailed) as failure:
        order_contractor(attempt(run, "order", **WHAT))
    assert (failure.value.code, failure.value.permanent) == ("no_address", True)
    assert not ContractorOrder.objects.exists()


def test_markup_in_the_scope_stays_text(run):
    order_contractor(attempt(run, "order", **{**WHAT, "scope": "<script>alert(1)</script>"}))
    assert "<script>" not in mail.outbox[0].alternatives[0][0]
    assert "<script>alert(1)</script>" in mail.outbox[0].body


def test_a_supervisor_has_to_approve_with_four_eyes_even_if_the_plan_does_not_ask():
    (compiled,) = launch(order()).compiled["steps"]
    assert (compiled["approval"]["group"], compiled["approval"]["four_eyes"]) == ("supervisor", True)

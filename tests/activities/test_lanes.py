"""Reserving and releasing a lane: rows of our own, each once."""

import uuid
from decimal import Decimal

import pytest

from executions.activities.lanes import release_lane, reserve_lane
from executions.activities.registry import StepFailed
from executions.models import LaneReservation
from tests.activities.attempts import attempt, lane, launch, release

UNKNOWN = uuid.UUID(int=7)  # always the same: the names of tests may not differ between processes

pytestmark = pytest.mark.django_db

WHERE = {"address": "123 Main St", "hours": 6}


@pytest.fixture
def run():
    return launch(lane(), release())


def test_a_lane_is_reserved_for_the_run_at_the_address(run):
    output = reserve_lane(attempt(run, "lane", **WHERE))
    row = LaneReservation.objects.get()
    assert output == {"reservation_id": str(row.pk)}
    assert (row.execution, row.address, row.hours, row.released_at) == (run, "123 Main St", 6, None)


def test_a_second_attempt_finds_the_same_reservation(run):
    assert reserve_lane(attempt(run, "lane", **WHERE)) == reserve_lane(attempt(run, "lane", **WHERE))
    assert LaneReservation.objects.count() == 1


def test_two_steps_reserve_two_lanes_even_at_one_address():
    run = launch(lane("north"), lane("south"))
    reserve_lane(attempt(run, "north", **WHERE))
    reserve_lane(attempt(run, "south", **WHERE))
    assert LaneReservation.objects.count() == 2


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(0.001, "0.01"), (1.5, "1.50"), (2.333, "2.34"), (8760, "8760.00"), (0.1 + 0.2, "0.31")],
)
def test_hours_are_kept_to_the_hundredth_and_never_shorter_than_asked(run, asked, kept):
    reserve_lane(attempt(run, "lane", address="123 Main St", hours=asked))
    assert LaneReservation.objects.get().hours == Decimal(kept)


def test_a_lane_is_released_once_and_a_second_attempt_says_when_that_was(run):
    reserved = reserve_lane(attempt(run, "lane", **WHERE))
    first = release_lane(attempt(run, "release_lane", **reserved))
    assert release_lane(attempt(run, "release_lane", **reserved)) == first
    assert LaneReservation.objects.get().released_at.isoformat() == first["released_at"]


@pytest.mark.parametrize("given", [str(UNKNOWN), "lane", "' OR 1=1 --", "💧"])
def test_what_no_reservation_is_called_cannot_be_released_and_is_not_tried_again(run, given):
    with pytest.raises(StepFailed) as failure:
        release_lane(attempt(run, "release_lane", reservation_id=given))
    assert (failure.value.code, failure.value.permanent) == ("unknown_reservation", True)


def test_a_run_cannot_release_another_runs_lane(run):
    reserved = reserve_lane(attempt(run, "lane", **WHERE))
    other = launch(lane(), release())
    with pytest.raises(StepFailed, match="reserved no such lane"):
        release_lane(attempt(other, "release_lane", **reserved))
    assert LaneReservation.objects.get().released_at is None

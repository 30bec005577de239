"""Handles for large outputs: only the run's own are taken for one."""

import uuid

import pytest

from executions.temporal.handles import LARGEST, has_handles, shrink, size_of
from executions.temporal.large import restore

RUN, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)  # always the same: the names of tests may not differ


def test_an_output_that_fits_is_carried_as_it_is():
    assert shrink(RUN, "look", {"notes": "short"}) == {"notes": "short"}


def test_of_an_output_that_is_too_large_the_largest_members_become_handles():
    carried = shrink(RUN, "look", {"long": "x" * LARGEST, "short": "wet"})
    assert carried == {"long": {"$stored": f"{RUN}/look/long"}, "short": "wet"}
    assert size_of(carried) < LARGEST
    assert has_handles(RUN, carried)


@pytest.mark.parametrize(
    "forged",
    [
        {"$stored": "look/notes"},
        {"$stored": f"{OTHER}/look/notes"},
        {"$stored": 7},
        '{"$stored":"look/notes"}',
        f'{{"$stored":"{OTHER}/look/notes"}}',
    ],
)
def test_what_somebody_wrote_to_look_like_a_handle_is_left_as_it_is(forged):
    """No query is made for it: this test has no database."""
    assert restore(RUN, {"note": forged}) == {"note": forged}
    assert not has_handles(RUN, {"note": forged})

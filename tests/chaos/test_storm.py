"""A short storm of what ``make chaos`` does: everything breaks once, and no promise with it."""

from tests.chaos.running import running_city, weather


def test_every_promise_is_kept_while_everything_breaks():
    with running_city() as city:
        outcome = weather(city, 40, 1, rate=0.7)
    assert not outcome.faults, "\n".join(outcome.faults)
    assert len(outcome.book.accepted) == 40

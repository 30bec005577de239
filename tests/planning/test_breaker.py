import threading

import pytest

from workflows.planning.breaker import LONGEST_REST, Breaker, Down, Resting


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(failures=3, rest=60.0, clock=clock)


def fail(breaker, rest=None):
    down = Down()
    down.rest = rest
    with pytest.raises(Down), breaker.guard():
        raise down


def answer(breaker):
    with breaker.guard():
        pass


def is_resting(breaker):
    try:
        answer(breaker)
    except Resting:
        return True
    return False


def test_failures_in_a_row_open_it_and_an_answer_in_between_does_not(breaker):
    fail(breaker), fail(breaker), answer(breaker), fail(breaker), fail(breaker)
    assert not is_resting(breaker)
    fail(breaker), fail(breaker), fail(breaker)
    assert is_resting(breaker)


def test_an_answer_that_is_of_no_use_shows_that_the_service_is_there(breaker):
    fail(breaker), fail(breaker)
    with pytest.raises(ValueError), breaker.guard():
        raise ValueError("junk")
    fail(breaker)
    assert not is_resting(breaker)


def test_after_its_rest_one_failure_opens_it_again_and_one_answer_closes_it(breaker, clock):
    fail(breaker), fail(breaker), fail(breaker)
    clock.now = 59.0
    assert is_resting(breaker)
    clock.now = 61.0
    fail(breaker)
    assert is_resting(breaker)
    clock.now = 122.0
    answer(breaker)
    fail(breaker), fail(breaker)
    assert not is_resting(breaker)


def test_while_one_tries_after_the_rest_the_others_stay_out(breaker, clock):
    fail(breaker), fail(breaker), fail(breaker)
    clock.now = 61.0
    with breaker.guard():
        assert is_resting(breaker)
    assert not is_resting(breaker)


def test_calls_of_a_service_that_works_run_side_by_side(breaker):
    both_in = threading.Barrier(2, timeout=10)

    def call():
        with breaker.guard():
            both_in.wait()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both_in.broken


@pytest.mark.parametrize(("asked", "rest"), [(300.0, 300.0), (1.0, 60.0), (float("inf"), LONGEST_REST)])
def test_it_rests_as_long_as_the_service_asks_within_bounds(breaker, clock, asked, rest):
    fail(breaker), fail(breaker), fail(breaker, asked)
    clock.now = rest - 1
    assert is_resting(breaker)
    clock.now = rest + 1
    assert not is_resting(breaker)


def test_somebody_who_gives_up_in_the_middle_of_a_trial_does_not_block_the_next(breaker, clock):
    fail(breaker), fail(breaker), fail(breaker)
    clock.now = 61.0
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert not is_resting(breaker)

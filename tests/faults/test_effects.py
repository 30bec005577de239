"""What is done outside is of the class that the catalogue entry declares, and is asked about where it can be."""

import pytest

from executions.adapters.errors import AdapterError
from executions.effects import Effects, WrongEffect
from executions.models import Effect, EffectStatus
from tests.faults.city import letter
from tests.time.runs import launch

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker dies in the middle: nothing more is written."""


@pytest.fixture
def step():
    return launch(letter()).steps.get(step_id="tell")


def effects(step, declared):
    """Those of one more attempt, whose lease ends with it."""
    return Effects(step, lease_seconds=0, declared=declared)


class Depot:
    """Does what it is told under a key, and says what came of one."""

    def __init__(self, *then):
        self.done, self.asked, self.then = [], [], list(then)

    def perform(self, key):
        happens, error = self.then.pop(0) if self.then else (True, None)
        if happens:
            self.done.append(key)
        if error is not None:
            raise error
        return {"number": len(self.done)}

    def ask(self, key):
        self.asked.append(key)
        return {"number": self.done.index(key) + 1} if key in self.done else None


UNKNOWN = AdapterError("It was cut off.", code="outcome_unknown", permanent=False)


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize(
    "error", [Killed(), UNKNOWN, RuntimeError("A defect.")], ids=["killed", "unknown", "defect"]
)
def test_a_queryable_effect_that_was_begun_is_asked_about_and_done_only_if_it_had_not_happened(
    step, happens, error
):
    depot = Depot((happens, error))
    with pytest.raises(type(error)):
        effects(step, "queryable").once("order", depot.perform, ask=depot.ask)
    assert depot.asked == []
    receipt = effects(step, "queryable").once("order", depot.perform, ask=depot.ask)
    assert (receipt, len(depot.done), len(depot.asked)) == ({"number": 1}, 1, 1)
    assert effects(step, "queryable").once("order", depot.perform, ask=depot.ask) == receipt
    assert (len(depot.done), len(depot.asked)) == (1, 1), "what is done is neither done again nor asked about"
    assert Effect.objects.get().status == EffectStatus.DONE


def test_the_other_side_that_cannot_be_asked_is_asked_again_before_anything_is_done(step):
    depot = Depot((True, Killed()))
    with pytest.raises(Killed):
        effects(step, "queryable").once("order", depot.perform, ask=depot.ask)

    def away(key):
        raise AdapterError("It is away.", code="unavailable", permanent=False)

    with pytest.raises(AdapterError, match="away"):
        effects(step, "queryable").once("order", depot.perform, ask=away)
    assert effects(step, "queryable").once("order", depot.perform, ask=depot.ask) == {"number": 1}
    assert len(depot.done) == 1


@pytest.mark.parametrize(
    ("declared", "said", "asks"),
    [
        ("none", None, False),
        ("none", "idempotent", False),
        ("idempotent", "at_most_once", False),
        ("at_most_once", "idempotent", False),
        ("queryable", None, False),
        ("idempotent", None, True),
        (None, None, False),
    ],
)
def test_what_the_catalogue_entry_does_not_say_is_not_done(step, declared, said, asks):
    depot = Depot()
    with pytest.raises(WrongEffect):
        effects(step, declared).once("order", depot.perform, said, ask=depot.ask if asks else None)
    assert depot.done == []
    assert not Effect.objects.exists()


@pytest.mark.parametrize("declared", ["idempotent", "at_most_once"])
def test_an_effect_is_of_the_class_that_is_declared(step, declared):
    effects(step, declared).once("order", Depot().perform)
    assert Effect.objects.get().effect_class == declared

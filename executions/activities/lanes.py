"""``reserve_lane`` and ``release_lane``: rows of our own, so that doing either twice finds what is there."""

from decimal import ROUND_CEILING, Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from executions.activities.registry import StepContext, StepFailed, implements
from executions.models import LaneReservation
from workflows.plan.core import RELEASE_LANE, RESERVE_LANE

HUNDREDTH = Decimal("0.01")


@implements(RESERVE_LANE)
def reserve_lane(step: StepContext) -> dict[str, Any]:
    reservation, _ = LaneReservation.objects.get_or_create(
        effect_key=step.effects.key("lane"),
        defaults={
            "execution": step.execution,
            "address": step.inputs["address"],
            "hours": Decimal(str(step.inputs["hours"])).quantize(HUNDREDTH, ROUND_CEILING),
        },
    )
    return {"reservation_id": str(reservation.pk)}


@implements(RELEASE_LANE)
@transaction.atomic
def release_lane(step: StepContext) -> dict[str, Any]:
    reservation = _find(step)
    if reservation.released_at is None:
        reservation.released_at = timezone.now()
        reservation.save(update_fields=["released_at"])
    return {"released_at": reservation.released_at.isoformat()}


def _find(step: StepContext) -> LaneReservation:
    """The reservation, locked. A run can release only what it has reserved itself.

    Raises:
        StepFailed: ``unknown_reservation``.
    """
    given = step.inputs["reservation_id"]
    ours = LaneReservation.objects.select_for_update().filter(execution=step.execution)
    try:
        found = ours.filter(pk=UUID(given)).first()
    except ValueError:
        found = None
    if found is None:
        raise StepFailed("unknown_reservation", "This run has reserved no such lane.", permanent=True)
    return found

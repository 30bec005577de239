"""Doing something outside exactly once, or knowing that one doesn't know.

The Effect row is committed as ``started`` before anything is tried and as ``done`` after. What is found
``started`` by a later attempt depends on the effect's class: an ``idempotent`` one is done again under the
same key; of a ``queryable`` one the other side is asked first whether it has happened; an ``at_most_once`` one
becomes ``uncertain`` and is never repeated blindly.
"""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone

from executions.adapters.errors import AdapterError
from executions.models import Effect, EffectStatus, StepRun

EffectClass = Literal["idempotent", "queryable", "at_most_once"]
Receipt = dict[str, Any]

OUTCOME_UNKNOWN = "outcome_unknown"
"""The adapters' code for: it may have happened."""


class WrongEffect(TypeError):
    """An activity does what its catalogue entry doesn't say: a plan was approved on another understanding of it."""


class LeaseHeld(Exception):
    """Another attempt of the same step is alive; this one has to wait for it."""


class UncertainEffect(Exception):
    """Nobody can know whether it happened: a person has to be asked."""

    def __init__(self, effect: Effect) -> None:
        super().__init__(f"It is not known whether {effect.key} happened.")
        self.effect = effect


class Effects:
    """The effects of one attempt of one step; ``declared`` is the class that the activity's catalogue entry says."""

    def __init__(
        self, step: StepRun, *, lease_seconds: int, prefix: str = "", declared: str | None = None
    ) -> None:
        self.step = step
        self.prefix = prefix
        self.declared = declared
        self.lease = timedelta(seconds=lease_seconds)
        self.holder = uuid.uuid4()

    def key(self, name: str) -> str:
        return f"{self.step.execution_id}:{self.step.step_id}:{self.prefix}{name}"

    def once(
        self,
        name: str,
        perform: Callable[[str], Receipt],
        effect_class: EffectClass | None = None,
        *,
        ask: Callable[[str], Receipt | None] | None = None,
        withheld: Callable[[str], Receipt] | None = None,
        inside: bool = False,
    ) -> Receipt:
        """Perform something outside under its key, unless it was done before; returns its receipt.

        In a sandbox it is not performed: what ``withheld`` returns is its receipt.

        Args:
            effect_class: what the catalogue entry declares, where that is known; it may be left out then.
            ask: for a ``queryable`` effect, and only for one: asks the other side what came of the key. A receipt
                means that it happened, None that it did not.
            withheld: from the key to what would be done, and has no effect outside: by it a sandbox shows it.
            inside: it stays in our own house (a file in our storage), so that a sandbox may do it.

        Raises:
            LeaseHeld: another attempt is at it right now.
            UncertainEffect: it may have happened, and doing it twice would be wrong.
            AdapterError: it did not happen; ``not_withheld`` in a sandbox, where nothing says what it would have been.
            WrongEffect: the class is not the declared one, or ``ask`` doesn't go with it.
        """
        effect, begun_before = self._claim(self.key(name), self._class_of(name, effect_class, ask))
        if effect.status in {EffectStatus.DONE, EffectStatus.WITHHELD}:
            return effect.receipt or {}
        if effect.status == EffectStatus.UNCERTAIN:
            raise UncertainEffect(effect)
        withholding = self.step.execution.is_sandbox and not inside
        try:
            receipt = ask(effect.key) if ask is not None and begun_before and not withholding else None
            if withholding:
                receipt = self._withhold(name, effect.key, withheld)
            elif receipt is None:
                receipt = perform(effect.key)
        except AdapterError as error:
            self._record_error(effect, error)
            if effect.status == EffectStatus.UNCERTAIN:
                raise UncertainEffect(effect) from error
            raise
        except Exception as error:
            self._record_defect(effect, error)
            raise
        self._record_done(effect, receipt, EffectStatus.WITHHELD if withholding else EffectStatus.DONE)
        return receipt

    @staticmethod
    def _withhold(name: str, key: str, withheld: Callable[[str], Receipt] | None) -> Receipt:
        if withheld is None:
            message = f"A sandbox does nothing outside, and the activity doesn't say what {name} would be."
            raise AdapterError(message, code="not_withheld", permanent=True)
        return withheld(key)

    def _class_of(self, name: str, said: str | None, ask: object) -> str:
        declared = said if self.declared is None else self.declared
        if declared is None or declared == "none" or said not in {None, declared}:
            raise WrongEffect(f"{name} is {said or 'an effect'}, but the catalogue entry says {declared}")
        if (declared == "queryable") != (ask is not None):
            raise WrongEffect(f"{name} is {declared}: ask belongs to what is queryable, and to nothing else")
        return declared

    @transaction.atomic
    def _claim(self, key: str, effect_class: str) -> tuple[Effect, bool]:
        """The row, locked by a lease of ours; or done, or uncertain. And whether an attempt before had begun it."""
        now = timezone.now()
        fresh = {
            "execution_id": self.step.execution_id,
            "step_id": self.step.step_id,
            "effect_class": effect_class,
            "holder": self.holder,
            "lease_until": now + self.lease,
        }
        effect, made = Effect.objects.select_for_update().get_or_create(key=key, defaults=fresh)
        if made or effect.status in {EffectStatus.DONE, EffectStatus.WITHHELD, EffectStatus.UNCERTAIN}:
            return effect, not made
        if effect.status == EffectStatus.STARTED:
            if effect.lease_until > now:
                raise LeaseHeld(f"Another attempt holds {key} until {effect.lease_until.isoformat()}.")
            if effect.effect_class == "at_most_once":
                effect.status = EffectStatus.UNCERTAIN
                effect.save(update_fields=["status"])
                return effect, True
        effect.status, effect.holder, effect.lease_until = EffectStatus.STARTED, self.holder, now + self.lease
        effect.started_at, effect.ended_at, effect.error = now, None, ""
        effect.save(update_fields=["status", "holder", "lease_until", "started_at", "ended_at", "error"])
        return effect, True

    def _record_error(self, effect: Effect, error: AdapterError) -> None:
        """Write how it failed, unless another attempt has taken the effect over: then it is that one's to tell."""
        unknown = error.code == OUTCOME_UNKNOWN
        if unknown and effect.effect_class == "at_most_once":
            effect.status = EffectStatus.UNCERTAIN
        else:
            effect.status = EffectStatus.FAILED
        effect.error, effect.ended_at = f"{error.code}: {error.detail}"[:2_000], timezone.now()
        Effect.objects.filter(pk=effect.pk, holder=self.holder, status=EffectStatus.STARTED).update(
            status=effect.status, error=effect.error, ended_at=effect.ended_at
        )

    def _record_defect(self, effect: Effect, error: Exception) -> None:
        """Give back at once what can be repeated, or asked about; of an ``at_most_once`` effect nobody knows, and its
        lease says so."""
        if effect.effect_class != "at_most_once":
            Effect.objects.filter(pk=effect.pk, holder=self.holder, status=EffectStatus.STARTED).update(
                status=EffectStatus.FAILED, error=f"A defect: {type(error).__name__}", ended_at=timezone.now()
            )

    def _record_done(self, effect: Effect, receipt: Receipt, status: EffectStatus) -> None:
        """Write what we know has happened, for as long as the lease is ours, also while the database is away."""
        effect.status, effect.receipt, effect.ended_at = status, receipt, timezone.now()
        while True:
            try:
                effect.save(update_fields=["status", "receipt", "ended_at"])
                return
            except (OperationalError, InterfaceError):
                if timezone.now() + timedelta(seconds=1) > effect.lease_until:
                    raise
                time.sleep(0.5)
                close_old_connections()

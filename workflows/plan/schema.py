"""A plan as data: frozen dataclasses, the saved form of a document; ``digest`` is of that form.

What each field means is in the plan language's specification. Three forms of a plan exist:

- the *document*, a JSON value as a person or a planner wrote it, possibly wrong;
- the *normalised* document, with ``needs`` written out and other defaults left out: what is stored;
- ``Plan``, typed, which exists only for a document without errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.plan.canonical import NotCanonical as NotCanonical
from workflows.plan.canonical import canonical_text as canonical_text
from workflows.plan.canonical import digest as digest
from workflows.plan.durations import parse_seconds

if TYPE_CHECKING:
    from workflows.plan.activity import ActivitySpec

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

SCHEMA_VERSION = 1
MAX_STEPS = 200
MAX_CANONICAL_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_STRING = 10_000
MAX_NAME = 120

PLAN_FIELDS = ("schema_version", "workflow_name", "description", "due", "steps")
STEP_FIELDS = (
    "step_id", "activity_id", "title", "reason", "policies", "inputs", "needs", "when", "requires_approval",
    "due", "overdue", "timeout", "retry", "on_failure", "compensate",
)  # fmt: skip

APPROVAL_FIELDS = ("group", "reason", "four_eyes", "due", "overdue")
OVERDUE_FIELDS = ("remind", "escalate_to", "then")
RETRY_FIELDS = ("max_attempts", "initial", "backoff", "max_interval")
COMPENSATE_FIELDS = ("activity_id", "inputs")

GROUPS = ("viewer", "dispatcher", "planner", "approver", "supervisor", "administrator")
"""The groups of city staff, each with more say than the one before."""

DEFAULT_APPROVAL_GROUP = "supervisor"
"""Who decides when a plan says ``requires_approval: true`` and the catalogue names nobody."""


def approving_group(asked: str, required: str) -> str:
    """The group with more say of two (each may be ""), and the default one where neither is named."""
    return max(asked, required, key=("", *GROUPS).index) or DEFAULT_APPROVAL_GROUP


@dataclass(frozen=True)
class Overdue:
    """What happens when a person has not answered in time.

    Attributes:
        remind: Working-time duration from one reminder to the next; None for one reminder, at due.
        escalate_to: The group that gets the task, "" for nobody else.
        then: ``wait``, ``fail`` or ``answer``.
        answer: The step's output, for ``answer``; never for an approval, which only a person gives.
    """

    remind: str | None = None
    escalate_to: str = ""
    then: str = "wait"
    answer: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        return {
            "remind": self.remind, "escalate_to": self.escalate_to, "then": self.then, "answer": self.answer
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Overdue:
        """From ``to_json`` or from a plan's object; unknown fields are ignored."""
        then: Any = data.get("then") or "wait"
        answer = data.get("answer")
        if isinstance(then, Mapping):
            then, answer = "answer", then["answer"]
        return cls(data.get("remind"), data.get("escalate_to") or "", then, answer)


@dataclass(frozen=True)
class Approval:
    """A person decides before the step starts.

    Attributes:
        group: One of ``GROUPS``; "" where the plan leaves it to the catalogue.
        reason: Why it is asked, for the one who decides.
        four_eyes: Nobody who generated, edited or approved the plan may decide.
        due: Working-time duration for the decision, or None for the category's target.
        overdue: What happens when it isn't decided in time; None to remind at due and wait.
    """

    group: str = ""
    reason: str = ""
    four_eyes: bool = False
    due: str | None = None
    overdue: Overdue | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field; ``overdue``, which came later, only when there is one, so that
        the digest of a catalogue that has none stays what it was."""
        data: dict[str, Any] = {
            "group": self.group, "reason": self.reason, "four_eyes": self.four_eyes, "due": self.due
        }  # fmt: skip
        if self.overdue is not None:
            data["overdue"] = self.overdue.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Approval:
        """From ``to_json`` or from a plan's object; unknown fields are ignored."""
        overdue = data.get("overdue")
        return cls(
            data.get("group") or "",
            data.get("reason") or "",
            bool(data.get("four_eyes", False)),
            data.get("due"),
            None if overdue is None else Overdue.from_json(overdue),
        )


@dataclass(frozen=True)
class Retry:
    """How often and when a step is tried again; attempts are the step's own failures.

    Attributes:
        max_attempts: The first attempt included.
        initial_seconds: Wait before the second attempt.
        backoff: Factor from one wait to the next, 1 or more.
        max_interval_seconds: Longest wait between two attempts.
    """

    max_attempts: int = 3
    initial_seconds: int = 1
    backoff: float = 2.0
    max_interval_seconds: int = 60

    @property
    def waits_seconds(self) -> float:
        """How long the waits between all attempts are together."""
        total, wait = 0.0, float(self.initial_seconds)
        for _ in range(1, int(self.max_attempts)):
            total += wait
            wait = min(wait * self.backoff, self.max_interval_seconds)
        return total

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with every field."""
        return {
            "max_attempts": self.max_attempts,
            "initial_seconds": self.initial_seconds,
            "backoff": self.backoff,
            "max_interval_seconds": self.max_interval_seconds,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Retry:
        """From ``to_json``; unknown fields are ignored, missing ones take the default."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**known)


@dataclass(frozen=True)
class RetryWish:
    """What a plan says about retries; None leaves it to the catalogue. Units as in ``Retry``."""

    max_attempts: int | None = None
    initial_seconds: int | None = None
    backoff: float | None = None
    max_interval_seconds: int | None = None

    def applied_to(self, default: Retry) -> Retry:
        """The catalogue's retry with this plan's changes."""
        initial = self.initial_seconds or default.initial_seconds
        return Retry(
            self.max_attempts or default.max_attempts,
            initial,
            self.backoff or default.backoff,
            max(self.max_interval_seconds or default.max_interval_seconds, initial),
        )


@dataclass(frozen=True)
class OnFailure:
    """What happens when the step has finally failed.

    Attributes:
        action: ``fail``, ``continue`` or ``escalate``.
        group: Who is asked, for ``escalate``.
    """

    action: str = "fail"
    group: str = ""


@dataclass(frozen=True)
class Compensation:
    """What undoes a completed step."""

    activity_id: str
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of a plan; the fields are those of the document, with durations in seconds where a clock
    counts them and as text where a department's working time does (``due``)."""

    step_id: str
    activity_id: str
    title: str
    reason: str = ""
    policies: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    when: dict[str, Any] | None = None
    requires_approval: Approval | None = None
    due: str | None = None
    overdue: Overdue | None = None
    timeout_seconds: int | None = None
    retry: RetryWish | None = None
    on_failure: OnFailure = OnFailure()
    compensate: Compensation | None = None


@dataclass(frozen=True)
class Plan:
    """A plan without errors."""

    workflow_name: str
    steps: tuple[Step, ...]
    description: str = ""
    due: str | None = None
    schema_version: int = SCHEMA_VERSION


# --- the saved form ---------------------------------------------------------------------------------

_REQUIRED_PLAN = ("schema_version", "workflow_name", "steps")
_REQUIRED_STEP = ("step_id", "activity_id", "title")
_STEP_DEFAULTS: dict[str, object] = {
    "reason": "", "policies": [], "inputs": {}, "on_failure": "fail",
}  # fmt: skip


def normalise(document: object, catalogue: Mapping[str, ActivitySpec] | None = None) -> object:
    """The document as it is saved: ``needs`` written out, other defaults left out, also those of ``overdue``,
    ``retry``, ``compensate`` and ``requires_approval``. Values of ``inputs`` and ``when`` stay as they are.

    An optional field that is null counts as left out (models under a strict schema must write every
    field). Whatever is not understood is returned unchanged, for the validation to name. The argument
    isn't changed. Idempotent.

    Args:
        catalogue: The activities offered. Only with it is known whether ``four_eyes: false``, or an ``overdue`` or
            ``retry`` that says nothing, is a default or an error of this step, for the validation to name.
    """
    if not isinstance(document, dict):
        return document
    plan = _without_defaults(document, PLAN_FIELDS, _REQUIRED_PLAN, {"description": ""})
    steps = plan.get("steps")
    if isinstance(steps, list):
        plan["steps"] = [
            _normalised_step(step, steps[max(i - 1, 0) : i], catalogue or {}) for i, step in enumerate(steps)
        ]
    return plan


def default_needs(before: list[Any]) -> list[str] | None:
    """The ``needs`` of a step that doesn't say: ``before`` is the list of at most one step listed before
    it. None when that step has no usable id."""
    if not before:
        return []
    step_id = before[0].get("step_id") if isinstance(before[0], dict) else None
    return [step_id] if isinstance(step_id, str) else None


def _normalised_step(step: Any, before: list[Any], catalogue: Mapping[str, ActivitySpec]) -> Any:
    if not isinstance(step, dict):
        return step
    result = _without_defaults(step, STEP_FIELDS, _REQUIRED_STEP, _STEP_DEFAULTS)
    activity_id = result.get("activity_id")
    spec = catalogue.get(activity_id) if isinstance(activity_id, str) else None
    for name, normalised in _PARTS.items():
        if isinstance(result.get(name), dict):
            result[name] = normalised(result[name], spec)
            if result[name] == {} and spec is not None and spec.done_by == _SAYS_NOTHING.get(name):
                del result[name]
    if "needs" not in result:
        needs = default_needs(before)
        if needs is not None:
            result["needs"] = needs
    return result


def _normalised_approval(asked: dict[str, Any], spec: ActivitySpec | None) -> dict[str, Any] | bool:
    """True where nothing is left. An ``overdue`` without any field stays: it takes the place of the catalogue's."""
    needs_four_eyes = spec is None or (spec.approval is not None and spec.approval.four_eyes)
    defaults = {"reason": "", **({} if needs_four_eyes else {"four_eyes": False})}
    result = _without_defaults(asked, APPROVAL_FIELDS, (), defaults)
    if isinstance(result.get("overdue"), dict):
        result["overdue"] = _normalised_overdue(result["overdue"], spec)
    return result or True


def _normalised_overdue(overdue: dict[str, Any], spec: ActivitySpec | None) -> dict[str, Any]:
    return _without_defaults(overdue, OVERDUE_FIELDS, (), {"then": "wait"})


def _normalised_retry(retry: dict[str, Any], spec: ActivitySpec | None) -> dict[str, Any]:
    return _without_defaults(retry, RETRY_FIELDS, (), {})


def _normalised_compensate(compensate: dict[str, Any], spec: ActivitySpec | None) -> dict[str, Any]:
    return _without_defaults(compensate, COMPENSATE_FIELDS, ("activity_id",), {"inputs": {}})


_PARTS: dict[str, Callable[[dict[str, Any], ActivitySpec | None], dict[str, Any] | bool]] = {
    "requires_approval": _normalised_approval,
    "overdue": _normalised_overdue,
    "retry": _normalised_retry,
    "compensate": _normalised_compensate,
}
"""The objects in a step that are of the language."""
_SAYS_NOTHING = {"overdue": "person", "retry": "program"}
"""By whom a step has to be done so that this field, without anything in it, is the default. Else it is an error."""


def _without_defaults(
    data: dict[str, Any], known: tuple[str, ...], required: tuple[str, ...], defaults: dict[str, object]
) -> dict[str, Any]:
    return {
        key: value
        for key, value in data.items()
        if key in required
        or key not in known
        or not (value is None or (key in defaults and _same(value, defaults[key])))
    }


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


# --- typed ------------------------------------------------------------------------------------------


def parse_plan(document: object) -> Plan:
    """The typed plan of a document that validates without errors (normalised or not).

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the document has errors; validate it first.
    """
    data: Any = normalise(document)
    return Plan(
        workflow_name=data["workflow_name"],
        steps=tuple(_parse_step(step) for step in data["steps"]),
        description=data.get("description", ""),
        due=data.get("due"),
        schema_version=data["schema_version"],
    )


def _parse_step(data: dict[str, Any]) -> Step:
    timeout, retry, compensate = data.get("timeout"), data.get("retry"), data.get("compensate")
    overdue = data.get("overdue")
    return Step(
        step_id=data["step_id"],
        activity_id=data["activity_id"],
        title=data["title"],
        reason=data.get("reason", ""),
        policies=tuple(data.get("policies", ())),
        inputs=data.get("inputs", {}),
        needs=tuple(data["needs"]),
        when=data.get("when"),
        requires_approval=_parse_approval(data.get("requires_approval")),
        due=data.get("due"),
        overdue=None if overdue is None else Overdue.from_json(overdue),
        timeout_seconds=None if timeout is None else parse_seconds(timeout),
        retry=None if retry is None else parse_retry(retry),
        on_failure=_parse_on_failure(data.get("on_failure", "fail")),
        compensate=None
        if compensate is None
        else Compensation(compensate["activity_id"], compensate.get("inputs") or {}),
    )


def _parse_approval(value: Any) -> Approval | None:
    if value is None:
        return None
    return Approval() if value is True else Approval.from_json(value)


def parse_retry(data: Mapping[str, Any]) -> RetryWish:
    """What a plan's ``retry`` says. Raises as ``parse_plan``."""
    initial, longest = data.get("initial"), data.get("max_interval")
    return RetryWish(
        max_attempts=data.get("max_attempts"),
        initial_seconds=None if initial is None else parse_seconds(initial),
        backoff=data.get("backoff"),
        max_interval_seconds=None if longest is None else parse_seconds(longest),
    )


def _parse_on_failure(value: Any) -> OnFailure:
    return OnFailure("escalate", value["escalate"]) if isinstance(value, dict) else OnFailure(value)

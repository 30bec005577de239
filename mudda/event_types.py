"""The catalogue of events: every type that can happen, what it says, and what its data holds.

Rooms register theirs in their ``event_types`` modules; ``docs/events.md`` and ``GET /webhooks/event-types`` list them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class EventType:
    """``fields`` are the members of the event's data, in words; ``optional`` those that are left out where they say
    nothing. One that isn't ``offered`` cannot be subscribed to."""

    name: str
    description: str
    fields: Mapping[str, str]
    offered: bool = True
    optional: frozenset[str] = frozenset()

    @property
    def family(self) -> str:
        """What comes before the dot: ``plan`` of ``plan.approved``."""
        return self.name.partition(".")[0]

    @property
    def required(self) -> frozenset[str]:
        """The members that the data of every such event have."""
        return frozenset(self.fields) - self.optional


_types: dict[str, EventType] = {}


def register_type(
    name: str,
    description: str,
    fields: Mapping[str, str] | None = None,
    *,
    offered: bool = True,
    optional: Iterable[str] = (),
) -> None:
    """Make ``name`` (``<what>.<happened>``) a type that ``mudda.events.append`` accepts, with these members alone, and
    with all of them but the ``optional`` ones.

    Raises:
        RuntimeError: a member is optional that there is no word about.
    """
    if unknown := set(optional) - set(fields or {}):
        raise RuntimeError(f"{name} makes optional what it doesn't have: {', '.join(sorted(unknown))}.")
    _types[name] = EventType(name, description, dict(fields or {}), offered, frozenset(optional))


def known() -> dict[str, EventType]:
    """Every type by its name, in alphabetical order."""
    return dict(sorted(_types.items()))


def ensure_known(name: str) -> EventType:
    """The type with this name.

    Raises:
        RuntimeError: nobody has registered it, so nobody could read about it.
    """
    if name not in _types:
        raise RuntimeError(f"There is no type {name!r} of events: its room's event_types has to register it.")
    return _types[name]


def ensure_documented(kind: EventType, data: Mapping[str, object]) -> None:
    """Raises:
    RuntimeError: there are members in the data that nobody could read about, or one is missing that isn't optional.
    """
    if unknown := data.keys() - kind.fields.keys():
        named = ", ".join(sorted(unknown))
        raise RuntimeError(
            f"The type {kind.name!r} of events has no {named}: its event_types have to say so."
        )
    if missing := kind.required - data.keys():
        named = ", ".join(sorted(missing))
        raise RuntimeError(
            f"An event of the type {kind.name!r} has to have its {named}, which isn't optional."
        )


def patterns_of(kind: EventType) -> list[str]:
    """What a subscription to ``kind`` may say: its name, its family, or everything; nothing where it isn't offered."""
    return [kind.name, f"{kind.family}.*", "*"] if kind.offered else []


def is_pattern(text: str) -> bool:
    """Whether ``text`` is something that can be subscribed to."""
    return any(text in patterns_of(kind) for kind in _types.values())

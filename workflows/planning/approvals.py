"""Approvals that a model cannot lower: those of a plan that it revises, and those that the playbooks ask for.

What the catalogue asks for holds whatever a plan says (``workflows.plan.compiler``). This is about the rest: a
report, a policy or an earlier case may talk a model into leaving out what a playbook or staff wrote. Nobody can tell
that from what the instruction asks for, so a model never takes an approval away; staff do, by editing the plan.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workflows.plan.catalogue import GROUPS, Catalogue
from workflows.plan.compiler import stronger
from workflows.plan.schema import Approval, approving_group
from workflows.planning.shelf import PlaybookError, load_playbooks
from workflows.planning.text import clean

ALWAYS_ASKED = "The city's playbooks never do this without approval"
_TITLE = 120  # characters of a step's title that are told

Steps = Sequence[dict[str, Any]]


def keep_approvals(
    document: dict[str, Any], before: Any, catalogue: Catalogue
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give a revised plan back the approvals that it has lost or lowered.

    A step is the one of ``before`` with the same id and activity. One that is not there is taken for a step of the
    same id or activity that has gone; and what ``before`` never does without approval, new steps don't either.

    Returns:
        The plan, and a sentence for each approval that was put back.
    """
    old, new = _steps(before), _steps(document)
    staying = [_identity(step) for step in new]

    def asked(step: dict[str, Any]) -> Any:
        return _strongest(_stood_for(step, old, staying), catalogue)

    return _asking(
        document, asked, catalogue, "The approval of “{}” was kept: only staff take approvals away."
    )


def ask_as_playbooks_do(
    document: dict[str, Any], category: str, catalogue: Catalogue
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Have a model's draft ask for approval where the playbooks always do.

    That is what the category's playbook never does without approval, or, where it does not do it at all, no
    playbook. Of what the category's playbook does in some steps with approval and in others without, nobody can say
    which of them a step of the draft is: then a sentence says so.

    Returns:
        The plan, and a sentence for each approval that was added, and for each that may be missing.
    """
    own = [step for playbook, step in _playbook_steps() if playbook == category]
    every = [step for _, step in _playbook_steps()]

    def asked(step: dict[str, Any]) -> Any:
        activity = step.get("activity_id")
        if _of(activity, own):
            return _strongest(_never_without(activity, own), catalogue)
        approval = _strongest(_never_without(activity, every), catalogue)
        if approval is None:
            return None
        return {"group": _effect(approval, step, catalogue).group, "reason": ALWAYS_ASKED}

    added = "The approval of “{}” was added: the city's playbooks never do this without."
    changed, told = _asking(document, asked, catalogue, added)
    return changed, (*told, *_maybe_missing(_steps(document), own))


def _maybe_missing(steps: Steps, own: Steps) -> Iterable[str]:
    asking = {step["activity_id"] for step in own if _asks(step)}
    for activity in sorted(asking):
        drafted = _of(activity, steps)
        if drafted and not any(map(_asks, drafted)) and not _never_without(activity, own):
            titles = ", ".join(f"“{step['title']}”" for step in _of(activity, own) if _asks(step))
            yield f"The city's playbook asks for approval of {titles}; no step of this kind here does."


# --- which approval -----------------------------------------------------------------------------------


def _stood_for(step: dict[str, Any], old: Steps, staying: Sequence[tuple[Any, Any]]) -> Steps:
    """The steps of the plan before that ``step`` is, or may be under another name."""
    same = [one for one in old if _identity(one) == _identity(step)]
    if same:
        return same
    gone = [one for one in old if _identity(one) not in staying]
    renamed = [one for one in gone if step.get("step_id") == one.get("step_id")]
    return [*renamed, *_of(step.get("activity_id"), gone), *_never_without(step.get("activity_id"), old)]


def _never_without(activity: Any, steps: Steps) -> Steps:
    """The steps of ``activity``, if each of them asks for approval; else none."""
    found = _of(activity, steps)
    return found if all(map(_asks, found)) else []


def _strongest(steps: Steps, catalogue: Catalogue) -> Any:
    """The approval by whoever has most say of those that ``steps`` ask for, or None; with four eyes if any has."""
    asking = [step for step in steps if _asks(step)]
    if not asking:
        return None
    most = max(
        asking, key=lambda step: GROUPS.index(_effect(step["requires_approval"], step, catalogue).group)
    )
    wants_four = any(_members(step["requires_approval"]).get("four_eyes") is True for step in asking)
    return {**_members(most["requires_approval"]), **({"four_eyes": True} if wants_four else {})} or True


def _asking(
    document: dict[str, Any], asked: Callable[[dict[str, Any]], Any], catalogue: Catalogue, sentence: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The plan in which no step asks for less than ``asked(step)``, and ``sentence`` of each that did."""
    steps = document.get("steps")
    if not isinstance(steps, list):
        return document, ()
    changed, told = [], []
    for step in steps:
        least = asked(step) if isinstance(step, dict) else None
        if least is not None and not _is_enough(step.get("requires_approval"), least, step, catalogue):
            step = {
                **step,
                "requires_approval": _raised(step.get("requires_approval"), least, step, catalogue),
            }
            told.append(sentence.format(clean(str(step.get("title") or step.get("step_id")), _TITLE)))
        changed.append(step)
    return {**document, "steps": changed}, tuple(told)


def _is_enough(approval: Any, least: Any, step: dict[str, Any], catalogue: Catalogue) -> bool:
    if approval is not True and not isinstance(approval, dict):
        return False
    now, needed = _effect(approval, step, catalogue), _effect(least, step, catalogue)
    has_group = _members(approval).get("group") in (None, *GROUPS)
    has_say = approving_group(now.group, needed.group) == now.group
    return has_group and has_say and (now.four_eyes or not needed.four_eyes)


def _raised(approval: Any, least: Any, step: dict[str, Any], catalogue: Catalogue) -> Any:
    """``approval`` with what it lacks; ``least`` itself where there is none."""
    if not isinstance(approval, dict):
        return copy.deepcopy(least)
    now, needed = _effect(approval, step, catalogue), _effect(least, step, catalogue)
    four_eyes = {"four_eyes": True} if needed.four_eyes else {}
    return {**approval, "group": approving_group(now.group, needed.group), **four_eyes}


def _effect(approval: Any, step: dict[str, Any], catalogue: Catalogue) -> Approval:
    """What comes of an approval together with the catalogue's: the group and the four eyes."""
    members, activity = _members(approval), step.get("activity_id")
    spec = catalogue.get(activity) if isinstance(activity, str) else None
    group = members.get("group")
    written = Approval(group if group in GROUPS else "", four_eyes=members.get("four_eyes") is True)
    return stronger(written, spec.approval if spec else None) or written


# --- reading ------------------------------------------------------------------------------------------


def _playbook_steps() -> list[tuple[str, dict[str, Any]]]:
    """Each step of each playbook with its category; none where they cannot be used, which start-up names."""
    try:
        playbooks = load_playbooks().playbooks.values()
    except PlaybookError:
        return []
    return [(playbook.category, step) for playbook in playbooks for step in _steps(playbook.plan)]


def _steps(document: Any) -> list[dict[str, Any]]:
    steps = document.get("steps") if hasattr(document, "get") else None
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _of(activity: Any, steps: Steps) -> list[dict[str, Any]]:
    return [step for step in steps if step.get("activity_id") == activity]


def _asks(step: dict[str, Any]) -> bool:
    return step.get("requires_approval") is True or isinstance(step.get("requires_approval"), dict)


def _members(approval: Any) -> dict[str, Any]:
    return approval if isinstance(approval, dict) else {}


def _identity(step: dict[str, Any]) -> tuple[Any, Any]:
    return step.get("step_id"), step.get("activity_id")

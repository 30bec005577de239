"""The form in which the model writes a plan, and how it is read.

Strict structured output asks that every property is required and no object is open. A plan's ``inputs``
(free names, any JSON value) and ``when`` (a tree of any depth) do not fit that, so the model writes
``inputs`` as a list of ``{name, value_json}`` and the condition as JSON text. One object type a activity
with typed inputs was turned down: references such as ``{{ issue.address }}`` may stand where numbers and
booleans do, questions have free names, and a city's own activities bring schemas that the strict subset
cannot express. What the form cannot hold, validation finds, and its problems go back to the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mudda import strictjson
from workflows.plan.catalogue import GROUPS, Catalogue
from workflows.plan.problems import Problem
from workflows.plan.schema import normalise
from workflows.planning.base import Passage, citation_text

ANSWER_NAME = "plan_draft"
REVISION_NAME = "plan_revision"

_TEXT = {"type": "string"}
_ESCALATE = "escalate:"
_KEPT = ("timeout", "retry")
"""Fields of a step that the form does not have: a revision keeps them as they were."""


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


_OVERDUE = {"remind": or_null(_TEXT), "escalate_to": or_null(one_of(GROUPS))}
_APPROVAL = closed(
    {
        "group": or_null(one_of(GROUPS)),
        "reason": _TEXT,
        "due": or_null(_TEXT),
        "four_eyes": {"type": "boolean"},
        "overdue": or_null(closed({**_OVERDUE, "then": or_null(one_of(("wait", "fail")))})),
    }
)


def passage_ids(passages: Sequence[Passage]) -> dict[str, Any]:
    """The schema of a list of ids of these passages."""
    return {"type": "array", "items": {"type": "integer", "enum": [passage.id for passage in passages]}}


def answer_schema(catalogue: Catalogue, passages: Sequence[Passage] = ()) -> dict[str, Any]:
    """Return the JSON Schema of a plan: only activities, groups and passages that are offered can be named."""
    return closed({"plan": _plan_schema(catalogue, passages)})


def revision_schema(catalogue: Catalogue, passages: Sequence[Passage] = ()) -> dict[str, Any]:
    """The same with the model's account of what it changed, one sentence for each change."""
    account = {"type": "array", "items": _TEXT}
    return closed({"plan": _plan_schema(catalogue, passages), "account": account})


def _plan_schema(catalogue: Catalogue, passages: Sequence[Passage]) -> dict[str, Any]:
    inputs = {"type": "array", "items": closed({"name": _TEXT, "value_json": _TEXT})}
    step = {
        "step_id": _TEXT,
        "activity_id": one_of(list(catalogue)),
        "title": _TEXT,
        "reason": _TEXT,
        "needs": {"type": "array", "items": _TEXT},
        "when_json": or_null(_TEXT),
        "requires_approval": or_null(_APPROVAL),
        "due": or_null(_TEXT),
        "overdue": or_null(closed({**_OVERDUE, "then_json": or_null(_TEXT)})),
        "on_failure": one_of(["fail", "continue", *(_ESCALATE + name for name in GROUPS)]),
        "inputs": inputs,
    }
    undoing = [name for name, spec in catalogue.items() if spec.done_by == "program"]
    if undoing:
        step["compensate"] = or_null(closed({"activity_id": one_of(undoing), "inputs": inputs}))
    if passages:
        step["cites"] = passage_ids(passages)
    return closed(
        {"workflow_name": _TEXT, "description": _TEXT, "steps": {"type": "array", "items": closed(step)}}
    )


# --- reading ----------------------------------------------------------------------------------------


def read_plan(
    answered: dict[str, Any], passages: Sequence[Passage] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Turn the ``plan`` of an answer into a plan document.

    Tolerant of whatever a server that does not enforce the schema lets through: what is not of the expected
    form is passed on as it is, for validation to name. Only passages that were offered can be cited; they become
    the step's ``policies``, whatever else the model may have written there.

    Returns:
        The document, and the problems of the JSON texts in it, with pointers into the document.
    """
    problems: list[Problem] = []
    known = {passage.id: citation_text(passage.document, passage.version) for passage in passages}
    document = {"schema_version": 1, **{key: value for key, value in answered.items() if key != "steps"}}
    steps = answered.get("steps")
    if isinstance(steps, list):
        document["steps"] = [
            _step(step, f"/steps/{index}", known, problems) for index, step in enumerate(steps)
        ]
    elif steps is not None:
        document["steps"] = steps
    return document, problems


def cited_by(answered: dict[str, Any]) -> dict[int, list[str]]:
    """The ids of the steps that cite a passage, by the passage's id."""
    found: dict[int, list[str]] = {}
    steps = answered.get("steps")
    for step in steps if isinstance(steps, list) else []:
        step_id = step.get("step_id") if isinstance(step, dict) else None
        for passage in _cites(step) if isinstance(step_id, str) else ():
            found.setdefault(passage, []).append(str(step_id)[:63])
    return found


def _cites(step: dict[str, Any]) -> list[int]:
    cites = step.get("cites")
    numbers = [n for n in cites if type(n) is int] if isinstance(cites, list) else []
    return list(dict.fromkeys(numbers))


def _step(answered: object, pointer: str, known: Mapping[int, str], problems: list[Problem]) -> object:
    if not isinstance(answered, dict):
        return answered
    step = {
        key: value
        for key, value in answered.items()
        if key not in ("when_json", "inputs", "cites", "policies", "compensate", "overdue")
    }
    for absent in ("requires_approval", "due"):
        if step.get(absent, "") is None:
            del step[absent]
    failing = step.get("on_failure")
    if failing == "fail":
        del step["on_failure"]  # the default
    elif isinstance(failing, str) and failing.startswith(_ESCALATE):
        step["on_failure"] = {"escalate": failing.removeprefix(_ESCALATE)}
    if isinstance(step.get("requires_approval"), dict):
        step["requires_approval"] = _approval(step["requires_approval"])
    condition = answered.get("when_json")
    if condition is not None:
        step["when"] = _json(condition, f"{pointer}/when", problems)
    if "inputs" in answered:
        step["inputs"] = _inputs(answered["inputs"], f"{pointer}/inputs", problems)
    if answered.get("overdue") is not None:
        step["overdue"] = _overdue(answered["overdue"], f"{pointer}/overdue", problems)
    if answered.get("compensate") is not None:
        step["compensate"] = _compensate(answered["compensate"], f"{pointer}/compensate", problems)
    policies = list(dict.fromkeys(known[number] for number in _cites(answered) if number in known))
    return {**step, "policies": policies} if policies else step


def _approval(answered: dict[str, Any]) -> object:
    """Without what only the form has to say. No four eyes is the default, and where the catalogue asks for them
    it gets them whatever is written."""
    approval = _given(answered)
    if approval.get("four_eyes") is False:
        del approval["four_eyes"]
    if approval.get("reason") == "":
        del approval["reason"]
    overdue = approval.get("overdue")
    if isinstance(overdue, dict):
        approval["overdue"] = _given(overdue)
    return approval or True


def _overdue(answered: object, pointer: str, problems: list[Problem]) -> object:
    if not isinstance(answered, dict):
        return answered
    overdue = _given({key: value for key, value in answered.items() if key != "then_json"})
    if answered.get("then_json") is not None:
        overdue["then"] = _json(answered["then_json"], f"{pointer}/then", problems)
    return overdue


def _compensate(answered: object, pointer: str, problems: list[Problem]) -> object:
    if not isinstance(answered, dict) or "inputs" not in answered:
        return answered
    inputs = _inputs(answered["inputs"], f"{pointer}/inputs", problems)
    rest = {key: value for key, value in answered.items() if key != "inputs"}
    return {**rest, "inputs": inputs} if inputs != {} else rest


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _inputs(answered: object, pointer: str, problems: list[Problem]) -> object:
    if not isinstance(answered, list):
        return answered
    inputs: dict[str, Any] = {}
    for item in answered:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or "value_json" not in item:
            problems.append(Problem(pointer, "wrong_type", "An input is not a name with a value_json."))
        elif name in inputs:
            problems.append(
                Problem(below(pointer, name), "duplicate_key", f"The input {name[:60]!r} is given twice.")
            )
            # Both, so that validation refuses it: no choice between the two is made for the model.
            inputs[name] = [inputs[name], item["value_json"]]
        else:
            inputs[name] = _json(item["value_json"], below(pointer, name), problems)
    return inputs


def _json(text: object, pointer: str, problems: list[Problem]) -> Any:
    """Read a JSON text. One that is none stays the text that it is: read as nothing, a broken condition would
    leave a step without one."""
    if not isinstance(text, str):
        return text
    value, found = strictjson.loads(text)
    problems += [
        Problem(pointer + problem.pointer, problem.code, problem.message, "Write the value as JSON.")
        for problem in found
    ]
    return text if found else value


def below(pointer: str, name: str) -> str:
    """Return the JSON pointer of the member ``name`` of what ``pointer`` points at."""
    return f"{pointer}/" + name.replace("~", "~0").replace("/", "~1")


# --- showing a plan, to be revised ------------------------------------------------------------------


def show_plan(document: Any, passages: Sequence[Passage] = ()) -> Any:
    """Return a plan document in the form of an answer: what ``read_plan`` would make it of.

    A sound plan of activities that are offered fits the schema that is sent with it, and read again it has the
    digest that it had. A document with errors is shown too; what is not as it should be stays as it is.

    Args:
        passages: those that are offered; a step that cites one of them is shown to do so.
    """
    if not isinstance(document, dict):
        return document
    plan: Any = normalise(document)
    steps = plan.get("steps")
    ids = {citation_text(passage.document, passage.version): passage.id for passage in passages}
    shown = {name: plan.get(name, "") for name in ("workflow_name", "description")}
    return {**shown, "steps": [_shown(step, ids) for step in steps] if isinstance(steps, list) else steps}


_FORM = (
    "step_id", "activity_id", "title", "reason", "needs", "when_json", "requires_approval", "due", "overdue",
    "on_failure", "inputs", "compensate", "cites",
)  # fmt: skip
_BLANK = {"reason": "", "requires_approval": None, "due": None, "overdue": None, "compensate": None}
_BLANK_APPROVAL = {"group": None, "reason": "", "due": None, "four_eyes": False, "overdue": None}
_BLANK_OVERDUE = {"remind": None, "escalate_to": None}
_UNSHOWN = ("when", "inputs", "policies", *_KEPT)


def _shown(step: Any, ids: Mapping[str, int]) -> Any:
    if not isinstance(step, dict):
        return step
    shown = _BLANK | {key: value for key, value in step.items() if key not in _UNSHOWN}
    failing = step.get("on_failure", "fail")
    if isinstance(failing, dict) and isinstance(failing.get("escalate"), str):
        failing = _ESCALATE + failing["escalate"]
    shown |= {"when_json": _text(step.get("when")), "inputs": _listed(step.get("inputs", {}))}
    shown["on_failure"] = failing
    shown["requires_approval"] = _shown_approval(shown["requires_approval"])
    overdue, compensate = step.get("overdue"), step.get("compensate")
    if isinstance(overdue, dict):
        rest = {key: value for key, value in overdue.items() if key != "then"}
        shown["overdue"] = {**_BLANK_OVERDUE, **rest, "then_json": _text(overdue.get("then"))}
    if isinstance(compensate, dict):
        shown["compensate"] = {**compensate, "inputs": _listed(compensate.get("inputs") or {})}
    if ids:
        shown["cites"] = [ids[policy] for policy in _policies(step) if policy in ids]
    return {name: shown[name] for name in (*_FORM, *shown) if name in shown}


def _shown_approval(approval: Any) -> Any:
    given = {} if approval is True else approval
    if not isinstance(given, dict):
        return approval
    shown = {**_BLANK_APPROVAL, **given}
    if isinstance(shown["overdue"], dict):
        shown["overdue"] = {**_BLANK_OVERDUE, "then": None, **shown["overdue"]}
    return shown


def _policies(step: dict[str, Any]) -> list[str]:
    policies = step.get("policies")
    return [policy for policy in policies if isinstance(policy, str)] if isinstance(policies, list) else []


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _listed(inputs: Any) -> Any:
    if not isinstance(inputs, dict):
        return inputs
    return [{"name": name, "value_json": _text(value) or "null"} for name, value in inputs.items()]


def keep_unshown(document: dict[str, Any], before: Any) -> dict[str, Any]:
    """Give a revised plan what the form of an answer cannot hold, from the plan that it revises.

    That is the plan's ``due``, a step's ``timeout`` and ``retry``, and the policies it cites already: of the step
    of the same id, as long as it is the same activity.
    """
    if not isinstance(before, dict):
        return document
    given = {key: before[key] for key in ("due",) if key in before and key not in document}
    steps, old = document.get("steps"), before.get("steps")
    if not isinstance(steps, list) or not isinstance(old, list):
        return {**document, **given}
    known = {_identity(step): step for step in old if _identity(step) is not None}
    kept = [_kept(step, known.get(_identity(step))) for step in steps]
    return {**document, **given, "steps": kept}


def _kept(step: Any, before: Any) -> Any:
    if before is None:
        return step
    kept = {key: before[key] for key in _KEPT if key in before and key not in step}
    policies = list(dict.fromkeys([*_policies(before), *_policies(step)]))
    return {**step, **kept, **({"policies": policies} if policies else {})}


def _identity(step: Any) -> tuple[str, str] | None:
    names = (step.get("step_id"), step.get("activity_id")) if isinstance(step, dict) else (None, None)
    return (str(names[0]), str(names[1])) if all(isinstance(name, str) for name in names) else None

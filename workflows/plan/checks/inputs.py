"""Do a step's inputs satisfy the activity's schema, as far as that is known before the run?

Literal parts are checked with ``jsonschema``; a reference is checked by what the schema of its source says.
Recipients and departments are roles: nothing else is taken there, whoever wrote the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from mudda.strictjson import child, quoted
from workflows.plan.activity import DEPARTMENT_CODE, ROLE_TEXT, Schema
from workflows.plan.checks.flow import Flow, schema_of
from workflows.plan.checks.quick import surely_good
from workflows.plan.checks.report import Report, did_you_mean
from workflows.plan.comparing import kinds_of_schema, same, timestamp
from workflows.plan.durations import BadDuration, parse_seconds
from workflows.plan.references import BadReference, Reference, find, has_reference, parse, whole
from workflows.plan.schema import GROUPS

_HANDLED = {
    "type", "properties", "required", "additionalProperties", "minProperties", "title", "description",
    "$schema", "$id", "$comment",
}  # fmt: skip
_ROLE_HINT = (
    "Recipients come from the city's records: "
    "{{ issue.reporter }}, {{ issue.department }} or department:<code>."
)
_DEPARTMENT_HINT = "Write a department's code such as water, or {{ issue.department }}."

_formats = FormatChecker(formats=())


@_formats.checks("date-time")
def _is_timestamp(value: object) -> bool:
    return not isinstance(value, str) or timestamp(value) is not None


@_formats.checks("duration", raises=BadDuration)
def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or bool(parse_seconds(value))


class _Known(NamedTuple):
    """What is worked out once for a schema."""

    schema: Schema
    validator: Draft202012Validator
    has_roles: bool


_known: dict[int, _Known] = {}


def _about(schema: Schema) -> _Known:
    # By identity, because schemas can't be hashed; keeping the schema keeps its identity its own.
    known = _known.get(id(schema))
    if known is None:
        if len(_known) > 2000:
            _known.clear()
        known = _Known(schema, Draft202012Validator(schema, format_checker=_formats), _has_roles(schema))
        _known[id(schema)] = known
    return known


def check_inputs(inputs: dict[str, Any], schema: Schema, pointer: str, flow: Flow, report: Report) -> None:
    """``missing_input``, ``unknown_input``, ``bad_input`` and their special cases for one step."""
    before = len(report.problems)
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in inputs:
            report.error(child(pointer, name), "missing_input", f"The input {name} is missing.")
    _check_counts(inputs, schema, pointer, report)
    additional = schema.get("additionalProperties", True)
    for name, value in inputs.items():
        if name in properties:
            _check_value(value, properties[name], child(pointer, name), flow, report)
        elif additional is False:
            message = f"This activity has no input {quoted(name)}."
            report.error(child(pointer, name), "unknown_input", message, did_you_mean(name, properties))
        else:
            _check_value(value, additional, child(pointer, name), flow, report)
    unusual = set(schema) - _HANDLED - {"oneOf"}
    if unusual and len(report.problems) == before and not has_reference(inputs):
        _check_literal(inputs, schema, pointer, report)


def _check_counts(inputs: dict[str, Any], schema: Schema, pointer: str, report: Report) -> None:
    choices = [tuple(one["required"]) for one in schema.get("oneOf", ()) if set(one) == {"required"}]
    chosen = [choice for choice in choices if all(name in inputs for name in choice)]
    listed = " or ".join(" and ".join(choice) for choice in choices)
    if choices and not chosen:
        report.error(child(pointer, choices[0][0]), "missing_input", f"Give one of: {listed}.")
    if len(chosen) > 1:
        report.error(pointer, "bad_input", f"Give only one of: {listed}.")
    least = schema.get("minProperties", 0)
    if len(inputs) < least:
        known = ", ".join(schema.get("properties", {}))
        report.error(pointer, "missing_input", f"Give at least {least} of: {known}.")


def _check_value(value: Any, schema: Any, pointer: str, flow: Flow, report: Report) -> None:
    if not isinstance(schema, dict):
        if schema is False:
            report.error(pointer, "bad_input", "Nothing may be given here.")
        elif has_reference(value):
            _check_value(value, {}, pointer, flow, report)
        return
    if schema.get("x-literal") and has_reference(value):
        for where, _, _ in find(value, pointer):
            message = "This must be written out, because later steps are checked against it."
            report.error(where, "bad_reference", message, "Write the text without {{ }}.")
    elif isinstance(value, str):
        _check_text(value, schema, pointer, flow, report)
    elif isinstance(value, dict | list) and (has_reference(value) or _about(schema).has_roles):
        _check_inside(value, schema, pointer, flow, report)
    else:
        _check_literal(value, schema, pointer, report)


def _check_text(text: str, schema: Schema, pointer: str, flow: Flow, report: Report) -> None:
    try:
        reference = whole(text)
        parts = parse(text)
    except BadReference:
        return  # reported with all other references
    if schema.get("x-role"):
        _check_role(text, reference, schema["x-role"], pointer, report)
    elif reference is not None:
        _check_reference(reference, schema, pointer, flow, report)
    elif len(parts) == 1:
        _check_literal(parts[0], schema, pointer, report)
    else:
        kinds = kinds_of_schema(schema)
        if kinds is not None and "text" not in kinds:
            report.error(pointer, "bad_input", f"This must be {_kinds(kinds)}, not text.")


def _check_role(text: str, reference: Reference | None, role: str, pointer: str, report: Report) -> None:
    if reference is not None:
        allowed = {"issue.department"} if role == "department" else {"issue.department", "issue.reporter"}
        good = str(reference) in allowed
    else:
        bare = role == "department" and DEPARTMENT_CODE.fullmatch(text)
        good = bool(bare or ROLE_TEXT.fullmatch(text))
    if not good:
        what = "a department" if role == "department" else "a role"
        hint = _DEPARTMENT_HINT if role == "department" else _ROLE_HINT
        report.error(pointer, "bad_input", f"{quoted(text)} is not {what}.", hint)


def _check_reference(reference: Reference, schema: Schema, pointer: str, flow: Flow, report: Report) -> None:
    source = schema_of(reference, flow)
    if source is None:
        return
    if "x-role" in source:
        message = f"{reference} is a role; this takes a value."
        report.error(
            pointer,
            "bad_reference",
            message,
            "A role goes only where a recipient or department is asked for.",
        )
        return
    if "anyOf" in schema or "oneOf" in schema:
        return
    given, asked = kinds_of_schema(source), kinds_of_schema(schema)
    if given is not None and asked is not None and not (given - {"null"}) & asked:
        report.error(pointer, "bad_input", f"{reference} is {_kinds(given)}; this must be {_kinds(asked)}.")
        return
    options, allowed = source.get("enum"), schema.get("enum")
    if isinstance(options, list) and isinstance(allowed, list):
        outside = [option for option in options if not any(same(option, one) for one in allowed)]
        if outside:
            message = f"{reference} may be {_listed(outside)}; this must be one of {_listed(allowed)}."
            report.error(pointer, "bad_input", message)


def _check_inside(value: Any, schema: Schema, pointer: str, flow: Flow, report: Report) -> None:
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        _check_alternatives(value, alternatives, pointer, flow, report)
    kinds = kinds_of_schema(schema)
    here = "list" if isinstance(value, list) else "object"
    if kinds is not None and here not in kinds:
        report.error(pointer, "bad_input", f"This must be {_kinds(kinds)}, not {_kinds(frozenset({here}))}.")
        return
    if isinstance(value, list):
        # How many there are doesn't depend on what the references give.
        count: Schema = {key: schema[key] for key in ("minItems", "maxItems") if key in schema}
        if count:
            _check_literal(value, count, pointer, report)
        for index, item in enumerate(value):
            _check_value(item, schema.get("items", {}), child(pointer, index), flow, report)
        return
    properties, additional = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            report.error(child(pointer, name), "bad_input", f"{name} is missing here.")
    for name, item in value.items():
        _check_value(item, properties.get(name, additional), child(pointer, name), flow, report)


def _check_alternatives(
    value: Any, alternatives: list[Any], pointer: str, flow: Flow, report: Report
) -> None:
    for alternative in alternatives:
        trial = Report()
        _check_value(value, alternative, pointer, flow, trial)
        if not trial.problems:
            return
    report.error(pointer, "bad_input", "This has none of the forms that are allowed here.")


def _has_roles(schema: object) -> bool:
    if isinstance(schema, dict):
        return "x-role" in schema or any(_has_roles(part) for part in schema.values())
    return isinstance(schema, list) and any(_has_roles(part) for part in schema)


# --- literal values ---------------------------------------------------------------------------------


def _check_literal(value: Any, schema: Schema, pointer: str, report: Report) -> None:
    for where, code, message in schema_problems(value, schema, pointer):
        report.error(where, code, message)


def schema_problems(value: Any, schema: Schema, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """What a literal value violates in a schema, as (pointer, code, message); codes are ``bad_input``,
    ``bad_duration`` and ``unknown_group``. Also fit for checking resolved inputs and outputs at run time."""
    if surely_good(value, schema):
        return
    for error in _about(schema).validator.iter_errors(value):
        where = pointer
        for part in error.absolute_path:
            where = child(where, part)
        yield from _told(error, where)


def _told(error: ValidationError, where: str) -> Iterator[tuple[str, str, str]]:
    kind: Any = error.validator
    instance: Any = error.instance
    wanted: Any = error.validator_value
    schema = error.schema if isinstance(error.schema, dict) else {}
    if kind == "required":
        for name in wanted:
            if name not in instance and _is_about(error.message, name):
                yield child(where, name), "bad_input", f"{name} is missing here."
    elif kind == "additionalProperties":
        for name in instance:
            if name not in schema.get("properties", {}):
                yield child(where, name), "bad_input", f"There is no {quoted(name)} here."
    elif "propertyNames" in error.absolute_schema_path:
        yield child(where, str(instance)), "bad_input", f"{quoted(str(instance))} is not a name allowed here."
    elif kind == "format" and wanted == "duration":
        yield (
            where,
            "bad_duration",
            f"{quoted(instance)} is not a duration. Write one like P2D, PT4H or PT30S.",
        )
    elif kind == "enum" and schema.get("x-group"):
        if not isinstance(instance, str) and schema.get("type") == "string":
            return  # that is told already
        yield where, "unknown_group", f"There is no group {_shown(instance)}. Known: {', '.join(GROUPS)}."
    elif kind == "anyOf" and "x-any-of" in schema:
        yield where, "bad_input", schema["x-any-of"]
    else:
        yield where, "bad_input", _sentence(kind, instance, wanted)


def _is_about(message: str, name: str) -> bool:
    """Whether jsonschema's message (one error for each missing name) is about this name."""
    return message.startswith(repr(name))


_SENTENCES = {
    "enum": "{given} is not one of {listed}.",
    "const": "This must be {wanted}.",
    "type": "This must be {kinds}.",
    "minLength": "At least {wanted} characters must be given.",
    "maxLength": "{count} characters; at most {wanted} are allowed.",
    "minItems": "At least {wanted} must be given.",
    "maxItems": "{count} are given; at most {wanted} are allowed.",
    "minProperties": "At least {wanted} must be given.",
    "maxProperties": "{count} are given; at most {wanted} are allowed.",
    "minimum": "This must be at least {wanted}.",
    "maximum": "This must be at most {wanted}.",
    "exclusiveMinimum": "This must be more than {wanted}.",
    "exclusiveMaximum": "This must be less than {wanted}.",
    "uniqueItems": "The same is given twice.",
    "not": "This may not be given here.",
    "pattern": "{given} does not have the form {wanted}.",
}


def _sentence(kind: str | None, instance: Any, wanted: Any) -> str:
    if kind is None:
        return "Nothing may be given here."
    if kind == "format":
        what = "timestamp such as 2026-05-01T09:00:00Z" if wanted == "date-time" else wanted
        return f"{_shown(instance)} is not a {what}."
    template = _SENTENCES.get(kind, f"This does not satisfy {kind} of the activity's schema.")
    return template.format(
        given=_shown(instance),
        wanted=_shown(wanted),
        listed=_listed(wanted) if isinstance(wanted, list) else "",
        kinds=_kinds(kinds_of_schema({"type": wanted})) if kind == "type" else "",
        count=len(instance) if isinstance(instance, str | list | dict) else 0,
    )


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else quoted(repr(value))[1:-1]


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_shown(value) for value in values[:12])
    return shown + (" …" if len(values) > 12 else "")


def _kinds(kinds: frozenset[str] | None) -> str:
    articles = {"object": "an object", "text": "text", "null": "null", "boolean": "true or false"}
    known = sorted((kinds or frozenset()) - {"null"}) or ["null"]
    return " or ".join(articles.get(kind, f"a {kind}") for kind in known)

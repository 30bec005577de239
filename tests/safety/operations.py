"""Every operation of the API with every field, parameter and header in which it takes text: as its OpenAPI document
says, so that a new field is tested without being named."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from mudda.openapi import TEXT, WORDS

BASE: dict[str, dict[str, Any]] = {
    "change_issue": {"note": "It is worse."},
    "correct_issue_facts": {"urgency": "high"},
    "change_category": {"name": "Leaks"},
    "change_department": {"name": "Water"},
    "reassign_task": {"reason": "Because.", "group": "supervisor"},
    "decide_task": {"outcome": "done", "answer": {"confirmed": True}},
    "complete_task": {"answer": {"confirmed": True}},
    "answer_step": {"reason": "Because.", "answer": {}},
    "accept_task": {"crew": "Crew 7"},
}
"""What a call needs besides what the document calls required, by operation."""
BEFORE = {"release_task": ("claim", {}), "resume_execution": ("pause", {"reason": "Because."})}
"""What has to be done first, at the same thing: the last part of its path, and the body."""
VALUES = {"arrival_at": "soon", "types": ["plan.*"], "answer": {}, "version": 1}
ANY_TEXT = {"type": "string"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    body: dict[str, Any] | None
    media_type: str
    parameters: tuple[dict[str, Any], ...]

    def of(self, place: str) -> list[dict[str, Any]]:
        """The parameters in the ``query`` or the ``header`` that are not numbers by themselves."""
        return [one for one in self.parameters if one["in"] == place]


@cache
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def every_operation() -> list[Operation]:
    found = []
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {})
            media_type = next(iter(content), "")
            body = resolved(content[media_type]["schema"]) if content else None
            parameters = tuple(told.get("parameters", ()))
            found.append(Operation(told["operationId"], method.upper(), path, body, media_type, parameters))
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to in its place, at its top."""
    if "$ref" in schema:
        return resolved(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if len(schema.get("allOf", ())) == 1:
        return {**resolved(schema["allOf"][0]), **{k: v for k, v in schema.items() if k != "allOf"}}
    return schema


def text_fields(schema: dict[str, Any], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Pointers at which text may stand, each with its schema. Where anything may stand, text may too, also as a key."""
    schema = resolved(schema)
    for one in schema.get("oneOf", ()):
        yield from list(text_fields(one, pointer))[:1]
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "string" in kinds and schema.get("format") != "binary":
        yield pointer, schema
    if kind is None and "oneOf" not in schema:
        yield pointer, ANY_TEXT
        return
    for name, below in schema.get("properties", {}).items():
        yield from text_fields(below, f"{pointer}/{name}")
    if schema.get("additionalProperties"):
        yield f"{pointer}/*", ANY_TEXT
        yield from text_fields(schema["additionalProperties"], f"{pointer}/a")
    if "items" in schema:
        yield from text_fields(schema["items"], f"{pointer}/0")


def base_of(operation: Operation) -> Any:
    """A body that is good, as far as the document can say."""
    if operation.body is None:
        return None
    needed = {
        name: example(operation.body["properties"][name], name) for name in operation.body.get("required", ())
    }
    return {**needed, **BASE.get(operation.name, {})}


def example(schema: dict[str, Any], name: str = "") -> Any:
    schema = resolved(schema)
    if name in VALUES:
        return VALUES[name]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    return {"string": "Words", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}.get(
        str(kind), {}
    )


def put_at(body: Any, pointer: str, text: str) -> Any:
    """``body`` with ``text`` at a pointer; ``*`` for a member that is called so."""
    if not pointer:
        return text
    first, _, rest = pointer[1:].partition("/")
    if first == "*":
        return {**body, text: "x"} if isinstance(body, dict) else {text: "x"}
    if first == "0":
        return [put_at(None, f"/{rest}" if rest else "", text)]
    inner = body if isinstance(body, dict) else {}
    return {**inner, first: put_at(inner.get(first), f"/{rest}" if rest else "", text)}


def as_sent(body: Any) -> bytes:
    """In ASCII: NUL and lone surrogates travel as escapes, as an attacker sends them."""
    return json.dumps(body, ensure_ascii=True).encode()


def is_free(schema: dict[str, Any]) -> bool:
    """Whether a text may say whatever it wants."""
    told = {"enum", "format"} & set(schema) or schema.get("pattern", TEXT) not in {TEXT, WORDS}
    return not told and schema.get("type") in ("string", ["string", "null"])


def names_in(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)

"""What breaks a client that was written by an older OpenAPI document.

What is added breaks nobody who ignores what they don't know, as docs/api.md asks of clients: operations, optional
parameters and fields of requests, fields of answers, values of an answer's enumerations, further statuses.
"""

from collections.abc import Iterator
from typing import Any, Literal

Json = dict[str, Any]
Way = Literal["request", "answer"]
"""A request may not be narrowed: what was taken has to be taken still. An answer may not be widened."""

METHODS = ("get", "post", "put", "patch", "delete")
LOWERED = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
RAISED = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
CHANGED = ("format", "pattern", "const", "contentMediaType")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """What of ``old`` a client cannot rely on in ``new``, each in a sentence that begins with the operation.

    Args:
        old, new: OpenAPI 3.1 documents.
    """
    return [words for place, words in _Comparison(old, new).of_documents()]


class _Comparison:
    """Of two documents. Each part yields (place, sentence)."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new
        self.under_way: set[tuple[str, str, Way]] = set()

    def of_documents(self) -> Iterator[tuple[str, str]]:
        for place, old, new in self._operations():
            if new is None:
                yield place, f"{place}: the operation is gone."
                continue
            for words in self._of_operations(old, new):
                yield place, f"{place}: {words}"

    def _operations(self) -> Iterator[tuple[str, Json, Json | None]]:
        for path, item in self.old["paths"].items():
            for method in METHODS:
                if method in item:
                    yield (
                        f"{method.upper()} {path}",
                        item[method],
                        self.new["paths"].get(path, {}).get(method),
                    )

    def _of_operations(self, old: Json, new: Json) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"its operationId was {old['operationId']} and is {new['operationId']}."
        yield from self._of_security(old.get("security", []), new.get("security", []))
        yield from self._of_parameters(_parameters(old), _parameters(new))
        yield from self._of_bodies(old.get("requestBody"), new.get("requestBody"))
        yield from self._of_responses(old["responses"], new["responses"])

    def _of_security(self, old: list[Json], new: list[Json]) -> Iterator[str]:
        for way in old:
            [(scheme, scopes)] = way.items() or [("nothing", [])]
            now = [found[scheme] for found in new if scheme in found]
            if way not in new:
                words = f"now {now[0] or 'nothing'}" if now else "and is no way in any more"
                yield f"{scheme} needed {scopes or 'nothing'} {words}."

    def _of_parameters(
        self, old: dict[tuple[str, str], Json], new: dict[tuple[str, str], Json]
    ) -> Iterator[str]:
        for (place, name), parameter in old.items():
            if (place, name) not in new:
                yield f"the {place} parameter {name} is gone."
                continue
            now = new[place, name]
            if now.get("required") and not parameter.get("required"):
                yield f"the {place} parameter {name} is required now."
            yield from self._of_schemas(
                parameter.get("schema", {}), now.get("schema", {}), f"the {place} parameter {name}", "request"
            )
        for (place, name), parameter in new.items():
            if parameter.get("required") and (place, name) not in old:
                yield f"the {place} parameter {name} is new and required."

    def _of_bodies(self, old: Json | None, new: Json | None) -> Iterator[str]:
        if old is None or new is None:
            if old is not None:
                yield "it takes no body any more."
            elif new is not None and new.get("required"):
                yield "a body is required now."
            return
        if new.get("required") and not old.get("required"):
            yield "a body is required now."
        yield from self._of_contents(old["content"], new["content"], "the request", "request")

    def _of_responses(self, old: Json, new: Json) -> Iterator[str]:
        for status, response in old.items():
            if status not in new:
                yield f"the answer {status} is gone."
                continue
            for name in response.get("headers", {}):
                if name not in new[status].get("headers", {}):
                    yield f"the answer {status} has no header {name} any more."
            yield from self._of_contents(
                response.get("content", {}), new[status].get("content", {}), f"the answer {status}", "answer"
            )

    def _of_contents(self, old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
        for kind, content in old.items():
            if kind not in new:
                yield f"{place} is {kind} no more."
                continue
            yield from self._of_schemas(content.get("schema", {}), new[kind].get("schema", {}), place, way)

    # --- schemas ------------------------------------------------------------------------------------

    def _of_schemas(self, old: Json | bool, new: Json | bool, place: str, way: Way) -> Iterator[str]:
        pair = (str(old), str(new), way)
        if pair in self.under_way:  # a schema that contains itself
            return
        self.under_way.add(pair)
        try:
            older, newer = _resolved(self.old, old), _resolved(self.new, new)
            yield from _of_types(older, newer, place, way)
            yield from _of_values(older, newer, place, way)
            yield from self._of_branches(older, newer, place, way)
            yield from self._of_members(older, newer, place, way)
            yield from self._of_items(older, newer, place, way)
        finally:
            self.under_way.remove(pair)

    def _of_branches(self, old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
        before, after = _branches(old), _branches(new)
        if len(before) > len(after) and way == "request":
            yield f"{place} may be fewer things than before."
        if len(before) < len(after) and way == "answer":
            yield f"{place} may be something else than before."
        for older, newer in zip(before, after, strict=False):
            yield from self._of_schemas(older, newer, place, way)

    def _of_members(self, old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", [])), set(new.get("required", []))
        for name, schema in before.items():
            inner = f"{place}, {name}" if ", " not in place else f"{place}/{name}"
            if name not in after:
                yield f"{inner}: the field is gone."
                continue
            if way == "request" and name in needs - needed:
                yield f"{inner}: the field is required now."
            if way == "answer" and name in needed - needs:
                yield f"{inner}: the field may be left out now."
            yield from self._of_schemas(schema, after[name], inner, way)
        if way == "request":
            for name in sorted(needs - set(before)):
                yield f"{place}, {name}: the field is new and required."
        yield from self._of_others(old, new, place, way)

    def _of_others(self, old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
        """Of the fields that have no name in the schema."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if way == "request" and before is not False and after is False and before != after:
            yield f"{place}: fields of any name were taken, and are no more."
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self._of_schemas(before, after, f"{place}, *", way)

    def _of_items(self, old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
        if "items" in old and "items" in new:
            yield from self._of_schemas(old["items"], new["items"], f"{place}[]", way)
        elif way == "request" and "items" in new and old:
            yield f"{place}: the items of the list were any, and are no more."


def _of_types(old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
    before, after = _types(old), _types(new)
    lost = before - after if way == "request" else after - before
    if lost:
        yield f"{place}: it was {_listed(before)}, and is {_listed(after)}."


def _of_values(old: Json, new: Json, place: str, way: Way) -> Iterator[str]:
    if "enum" in old:
        gone = [
            value for value in old["enum"] if value not in new.get("enum", old["enum"]) and value is not None
        ]
        if gone:
            yield f"{place}: the value {', '.join(map(str, gone))} is gone."
    elif "enum" in new and way == "request":
        yield f"{place}: it was free, and is one of {', '.join(map(str, new['enum']))}."
    for name in CHANGED:
        strays = name in new if way == "request" else name in old
        if strays and old.get(name) != new.get(name):
            yield f"{place}: {name} was {old.get(name)}, and is {new.get(name)}."
    if way == "request":
        yield from _of_limits(old, new, place)


def _of_limits(old: Json, new: Json, place: str) -> Iterator[str]:
    for name in (*LOWERED, *RAISED):
        if name not in new:
            continue
        was, now = old.get(name), new[name]
        if was is None or (now < was if name in LOWERED else now > was):
            yield f"{place}: {name} was {'not limited' if was is None else was}, and is {now}."


def _parameters(operation: Json) -> dict[tuple[str, str], Json]:
    return {(found["in"], found["name"]): found for found in operation.get("parameters", [])}


ANYTHING = {"string", "number", "boolean", "object", "array", "null"}


def _types(schema: Json) -> set[str]:
    """The JSON types that a schema allows; an integer is a narrower number."""
    if "type" not in schema:
        return {"object"} if "properties" in schema else ANYTHING | {"integer"}
    found = schema["type"]
    types = {found} if isinstance(found, str) else set(found)
    return types | {"integer"} if "number" in types else types


def _listed(types: set[str]) -> str:
    shown = types - {"integer"} if "number" in types else types
    return "anything" if shown == ANYTHING else " or ".join(sorted(shown))


def _branches(schema: Json) -> list[Json]:
    return [branch for name in ("oneOf", "anyOf") for branch in schema.get(name, [])]


def _resolved(document: Json, schema: Json | bool) -> Json:
    """A schema without ``$ref``, ``allOf`` and "this, or null" at its top."""
    if isinstance(schema, bool):
        return {}
    found = dict(schema)
    if reference := found.pop("$ref", None):
        target: Any = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
        found = {**_resolved(document, target), **found}
    for part in found.pop("allOf", []):
        inner = _resolved(document, part)
        found = {
            **inner,
            **found,
            "properties": {**inner.get("properties", {}), **found.get("properties", {})},
            "required": [*inner.get("required", []), *found.get("required", [])],
        }
    filled = [branch for branch in _branches(found) if branch.get("type") != "null"]
    if len(filled) == 1 and len(_branches(found)) == 2:
        inner = _resolved(document, filled[0])
        found = {name: value for name, value in found.items() if name not in {"oneOf", "anyOf"}}
        found = {**found, **inner, "type": sorted(_types(inner) | {"null"})}
    return found

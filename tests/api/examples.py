"""Examples of the OpenAPI document beside what really comes: shapes, and how an example is brought up to date."""

from collections.abc import Iterator
from typing import Any

EXCERPTS = ("request", "response")
"""Members that hold what was said to a model and by it, as its API has it: an example has some of that."""


def differences(example: Any, found: Any, place: str = "") -> Iterator[str]:
    """Where ``found`` hasn't the example's shape: other fields, or another type. A list may be an excerpt, but an empty
    one only of an empty one."""
    if _kind(example) != _kind(found):
        yield f"{place or '/'}: {_kind(example)} in the example, {_kind(found)} in the answer"
    elif isinstance(example, dict):
        for name in sorted(example.keys() - found.keys()):
            yield f"{place}/{name}: only in the example"
        for name in sorted(found.keys() - example.keys()):
            yield f"{place}/{name}: only in the answer"
        for name in example.keys() & found.keys():
            yield from differences(example[name], _excerpt(name, example, found), f"{place}/{name}")
    elif isinstance(example, list):
        yield from _of_lists(example, found, place)


def _of_lists(example: list[Any], found: list[Any], place: str) -> Iterator[str]:
    if bool(example) != bool(found):
        yield f"{place}: one list is empty, the other is not"
    for at, item in enumerate(example):
        closest = min((list(differences(item, row, f"{place}/{at}")) for row in found), key=len, default=[])
        yield from closest


def updated(example: Any, found: Any) -> Any:
    """The example in the shape of ``found``, with its own values wherever they still fit."""
    if isinstance(example, dict) and isinstance(found, dict):
        return {name: updated(example.get(name), _excerpt(name, example, found)) for name in found}
    if isinstance(example, list) and isinstance(found, list) and example and found:
        return [_updated_item(item, found) for item in example]
    if isinstance(found, list):
        return found[:2]
    return example if _kind(example) == _kind(found) else found


def _updated_item(item: Any, rows: list[Any]) -> Any:
    return updated(item, min(rows, key=lambda row: len(list(differences(item, row)))))


def _excerpt(name: str, example: dict[str, Any], found: dict[str, Any]) -> Any:
    """What there is under a name; where the example has an excerpt, the same part of it."""
    if name in EXCERPTS and isinstance(example.get(name), dict) and isinstance(found[name], dict):
        return {inner: found[name][inner] for inner in example[name] if inner in found[name]}
    return found[name]


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
    return "object"

"""The examples of the OpenAPI document: for each operation one call as an integrator would make it, and its answer.

Each room has its own beside its views, in ``examples.yaml``, by the operation's id:

| member | what |
| --- | --- |
| ``path``, ``query``, ``header`` | the values of parameters, by name |
| ``body`` | what is sent; of an upload, the names of its files instead of what is in them |
| ``status`` | of the answer; without it, the first success that the operation documents |
| ``answer`` | what comes back as JSON. A list may be an excerpt |

They tell of one water leak in one town. ``tests/api/test_examples.py`` carries out every one of them.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps

FILE = "examples.yaml"
KEY = "7d0e6a52-leak-at-mill-lane"
"""The ``Idempotency-Key`` of every example that has one."""


@cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """Every example by the id of its operation."""
    return {name: told for file in files() for name, told in yaml.safe_load(file.read_text()).items()}


def files() -> list[Path]:
    """The files of examples, of rooms and of parts of them."""
    places = [Path(app.path) for app in apps.get_app_configs()]
    return sorted(file for place in places for file in (*place.glob(FILE), *place.glob(f"*/{FILE}")))


def add_to(operation: dict[str, Any]) -> None:
    """Put the example of an operation where the OpenAPI document has it; nothing where there is none."""
    told = known().get(operation["operationId"])
    if told is None:
        return
    given = {"header": {"Idempotency-Key": KEY, **told.get("header", {})}, **_of(told, "path", "query")}
    for parameter in operation.get("parameters", []):
        if parameter["name"] in given[parameter["in"]]:
            parameter["example"] = given[parameter["in"]][parameter["name"]]
    if "body" in told:
        for content in operation["requestBody"]["content"].values():
            content["example"] = told["body"]
    if "answer" in told:
        status = str(told.get("status") or min(operation["responses"]))
        operation["responses"][status]["content"]["application/json"]["example"] = told["answer"]


def _of(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: told.get(name, {}) for name in names}

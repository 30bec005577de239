"""How a log line looks: JSON for machines in production, a line for people in development.

A line has ids, codes and names of ours. The text of an exception is left out, for it may quote anything: what somebody
wrote, a row of the database, a secret. Its type and where it was raised stay.
"""

import json
import logging
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from mudda.environment import BASE_DIR, SECRETS
from mudda.monitoring import tracing
from mudda.monitoring.about import ids

EXTRAS = frozenset(
    {
        "activity",
        "attempt",
        "code",
        "execution_id",
        "method",
        "outcome",
        "plan",
        "route",
        "seconds",
        "status",
        "user_id",
        "workflow_id",
    }
)
"""What of a call's ``extra`` is written: ids, codes and numbers. Others may have anything in them."""

SHORTEST_SECRET = 6
"""Characters: a shorter one would be found in ordinary words."""

DEEPEST = 30
"""Frames of an exception that are told."""


class Ids(logging.Filter):
    """Puts the ids of the work at hand on a record, where the handler's thread may be another."""

    def filter(self, record: logging.LogRecord) -> bool:
        found = ids(of=getattr(record, "request", None))
        record.ids, record.request_id = found, found.get("request", "-")
        return True


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
            **tracing.ids(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name in EXTRAS}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = [_told(error) for error in _causes(record.exc_info[1])]
        return without_secrets(json.dumps(line, default=str, ensure_ascii=False))


class Line(logging.Formatter):
    """A line for people. Where ``texts`` is on, as in development, exceptions are shown with their texts."""

    def __init__(self, *, texts: bool, **named: Any) -> None:
        super().__init__(**named)
        self.texts = texts

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        if self.texts:
            return super().formatException(ei)
        told = [_told(error) for error in _causes(ei[1])] if ei[1] is not None else []
        return "\n".join(f"{one['type']}\n  " + "\n  ".join(one["where"]) for one in told)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it, the last one first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _told(error: BaseException) -> dict[str, Any]:
    # No file is read: a line may come from a workflow, in whose sandbox nothing may be.
    frames = list(traceback.walk_tb(error.__traceback__))[-DEEPEST:]
    where = [f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in frames]
    return {"type": f"{type(error).__module__}.{type(error).__qualname__}", "where": where}


def _short(filename: str) -> str:
    """A file without the folders that it is installed in."""
    return filename.rpartition("site-packages/")[2].removeprefix(f"{BASE_DIR}/")


def without_secrets(text: str) -> str:
    """``text`` with every secret of this process's settings blotted out, whoever has let it in."""
    for secret in _secrets():
        if secret in text:
            text = text.replace(secret, "[secret]")
    return text


@cache
def _secrets() -> tuple[str, ...]:
    """What must not be read by anybody: the secret settings, and of addresses the passwords in them."""
    found: set[str] = set()
    for name in SECRETS:
        value = os.environ.get(name, "")
        if name.endswith("_URL"):
            password = _password(value)
            found |= {password, unquote(password)}
        else:
            found |= {value, *value.split(",")}
    return tuple(sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True))


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""

"""The way to a service: the SDK's client, whose every answer has an end in time and in size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import httpx2
import openai

from workflows.planning.calls import junk
from workflows.planning.config import PlannerSettings
from workflows.planning.line import Line

LONGEST_BODY = 4 * 1024 * 1024  # bytes of an answer, before it is read as JSON

T = TypeVar("T")


class Transport:
    """Holds a connection for one draft, until it is closed.

    The SDK's own retries are off. It sleeps for as long as ``Retry-After`` says, up to two minutes, whatever a draft
    may take; its timeouts are for each read, so an answer that drips has no end (``line`` cuts it); and a breaker
    would see nothing of the attempts.
    """

    def __init__(self, settings: PlannerSettings) -> None:
        self._line = Line()
        self._until = float("inf")
        http = openai.DefaultHttpxClient(event_hooks={"request": [self._follow], "response": [self._bound]})
        self.sdk = openai.OpenAI(
            api_key=settings.api_key, base_url=settings.base_url, max_retries=0, http_client=http
        )

    def within(self, seconds: float, act: Callable[[], T]) -> T:
        """Return what ``act``, which asks by ``sdk``, returns or raises.

        Raises:
            Late: it took longer than ``seconds``.
        """
        self._until = time.monotonic() + seconds
        self.sdk.timeout = seconds
        return self._line.within(seconds, act)

    def close(self) -> None:
        self.sdk.close()
        self._line.close()

    def _follow(self, request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._line.trace()}

    def _bound(self, response: httpx2.Response) -> None:
        response.stream = _Bounded(cast(httpx2.SyncByteStream, response.stream), self._until)


class _Bounded(httpx2.SyncByteStream):
    """A body that ends with an error when it is too late or too large."""

    def __init__(self, body: httpx2.SyncByteStream, until: float) -> None:
        self._body, self._until = body, until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._body:
            size += len(chunk)
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer did not end in time")
            if size > LONGEST_BODY:
                raise junk(f"The service's answer has more than {LONGEST_BODY} bytes.")
            yield chunk

    def close(self) -> None:
        self._body.close()

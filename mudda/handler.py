"""Django behind ASGI: each request is answered on one thread, which is used again afterwards.

Django's own handler hops to a thread for most of a request's middlewares, for its view and for each of its signals, and
it starts two threads a request. All our views are synchronous, so the whole way is: one hop to a thread that waits, and
one back with the answer. A request still has a thread of its own for as long as it takes, however many there are.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import ThreadSensitiveContext
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

T = TypeVar("T")

KEPT = 40
"""Threads that wait for the next request; those beyond end with theirs."""


class Lane(ThreadPoolExecutor):
    """One thread."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="request")
        self._last: Future[Any] | None = None

    def submit(self, *args: Any, **named: Any) -> "Future[Any]":
        self._last = super().submit(*args, **named)
        return self._last

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do any more; a view goes on when its caller has hung up."""
        return self._last is None or self._last.done()


class Handler(ASGIHandler):
    """The ASGI application; Django has to be set up."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Lane] = []

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(f"Django takes HTTP only, not {scope['type']}.")
        with contextlib.suppress(RequestAborted):
            body = await self.read_body(receive)
            with self._lane() as lane:
                response = await _run(lane, lambda: self._answer(scope, body))
                if response.streaming:
                    await self._stream(lane, response, receive, send)
                else:
                    await self.send_response(response, send)

    @contextlib.contextmanager
    def _lane(self) -> Iterator[Lane]:
        lane = self._waiting.pop() if self._waiting else Lane()
        try:
            yield lane
        finally:
            if lane.is_idle and len(self._waiting) < KEPT:
                self._waiting.append(lane)
            else:
                lane.shutdown(wait=False)

    def _answer(self, scope: Any, body: Any) -> Any:
        """The whole chain of middleware and the view, and what comes before and after them, on the request's thread."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        response._resource_closers.append(body.close)
        if not response.streaming:  # the whole content is there: what the request has used can be given back
            response.close()
        return response

    async def _stream(self, lane: Lane, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send what comes piece by piece, until it ends or the caller hangs up."""
        async with ThreadSensitiveContext(executor=lane):
            tasks = [asyncio.ensure_future(work) for work in (self.send_response(response, send), receive())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if tasks[0].done():
                    tasks[0].result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await _run(lane, response.close)


def _run(lane: Lane, work: Callable[[], T]) -> Awaitable[T]:
    """Do something on a request's thread, in the context of whoever awaits it."""
    return asyncio.get_running_loop().run_in_executor(lane, contextvars.copy_context().run, work)

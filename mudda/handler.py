"""Django behind ASGI: each request is answered on one thread, which is used again afterwards.

Django's own handler runs every middleware of a request as a coroutine and hops to a thread for most of them and for
the view, and it starts two threads a request. All our views are synchronous, so the whole way is: one hop to a thread
that waits, and one back. A request still has a thread of its own for as long as it takes, however many there are.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

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
        lane = self._waiting.pop() if self._waiting else Lane()
        try:
            async with ThreadSensitiveContext(executor=lane):
                await self.handle(scope, receive, send)
        finally:
            if lane.is_idle and len(self._waiting) < KEPT:
                self._waiting.append(lane)
            else:
                lane.shutdown(wait=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The whole chain of middleware and the view, on the request's thread."""
        return await sync_to_async(self.get_response)(request)

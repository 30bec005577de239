"""The connection of a client, to be cut from outside when an answer takes too long.

The timeouts of the HTTP client are for each read: headers that drip have no end. Nor has the lookup of a host's name
any that could be set. A deadline has one.
"""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

WAKING = 1.0  # seconds that whoever reads from a connection may take to notice that it was cut


class Late(Exception):
    """The answer did not end in time, and the connection was cut. ``is_sent``: there was one to send over."""

    def __init__(self, *, is_sent: bool) -> None:
        super().__init__()
        self.is_sent = is_sent


class Line:
    """Knows the connection through ``trace``, an extension of each request; cuts it at the deadline.

    It holds a second descriptor of the socket: whatever wraps the first one by then (TLS), shutting this one down
    ends the connection and wakes whoever reads from it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._until = float("inf")

    def trace(self) -> Callable[[str, Mapping[str, Any]], None]:
        """The ``trace`` extension of one request, to be made as it begins."""
        until = self._until

        def follow(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(".connect_tcp.complete"):
                connected = info["return_value"].get_extra_info("socket")
                if time.monotonic() > until:  # nobody waits for it any more: nothing is to be sent
                    _shut(connected)
                else:
                    self._hold(connected.dup())

        return follow

    def within(self, seconds: float, act: Callable[[], T]) -> T:
        """Return what ``act`` returns or raises; cut the connection when it takes longer.

        It has a thread of its own, which is left alone when not even that ends it: while a name is looked up there
        is no connection yet.

        Raises:
            Late: it took longer, and failed or is not over.
        """
        self._until = time.monotonic() + seconds
        done: Future[T] = Future()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(_carry_out, act, done), daemon=True).start()
        if not wait([done], seconds).done:
            self._cut()
            wait([done], WAKING)
        if not done.done():
            raise Late(is_sent=self._socket is not None)
        error = done.exception()
        if error is not None and time.monotonic() >= self._until:
            raise Late(is_sent=self._socket is not None) from error
        return done.result()

    def close(self) -> None:
        self._hold(None)

    def _hold(self, connected: socket.socket | None) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = connected

    def _cut(self) -> None:
        with self._lock:
            if self._socket is not None:
                _shut(self._socket)


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connected.shutdown(socket.SHUT_RDWR)


def _carry_out(act: Callable[[], T], done: Future[T]) -> None:
    try:
        done.set_result(act())
    except BaseException as error:  # whoever waits for the thread raises it
        done.set_exception(error)

"""The connection of a client, to be cut from outside when an answer takes too long.

The timeouts of the HTTP client are for each read: headers that drip have no end. A deadline has one.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


class Late(Exception):
    """The answer did not end in time, and the connection was cut."""


class Line:
    """Knows the connection through ``trace``, an extension of each request; cuts it at the deadline.

    It holds a second descriptor of the socket: whatever wraps the first one by then (TLS), shutting this one down
    ends the connection and wakes whoever reads from it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._until = float("inf")

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """To be given as the ``trace`` extension of a request."""
        if not event.endswith(".connect_tcp.complete"):
            return
        connected = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._close()
            self._socket = connected.dup()
        if time.monotonic() > self._until:
            self._cut()

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Cut the connection when what is done within takes longer.

        Raises:
            Late: it did, and failed.
        """
        self._until = time.monotonic() + seconds
        watchdog = threading.Timer(seconds, self._cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        except Exception as error:
            if time.monotonic() >= self._until:
                raise Late from error
            raise
        finally:
            watchdog.cancel()
            self._until = float("inf")

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _cut(self) -> None:
        with self._lock, suppress(OSError):  # it is closed already
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

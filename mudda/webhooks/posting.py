"""One POST to an address that was looked at: pinned, without redirects or proxies, and over after ten seconds."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping

from mudda.webhooks.addresses import Target

CONNECT_SECONDS = 5.0
DEADLINE_SECONDS = 10.0
MOST_BYTES = 64 * 1024
"""Of the answer that are read. Nothing of it is kept but the status."""


class NotPosted(Exception):
    """No answer came; says why in a word or two."""


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """Send ``body`` and return the status of the answer.

    Raises:
        NotPosted: there was no whole answer in time.
    """
    connection = _Pinned(target)
    watch = threading.Timer(DEADLINE_SECONDS, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        answer.read(MOST_BYTES)
        if connection.is_late:
            raise NotPosted("timeout")
        return answer.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotPosted("timeout" if connection.is_late else _words(error)) from error
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """Connects to the addresses that were looked at, under the name that they were looked up by."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 443 if target.secure else 80  # for the Host header
        self._target = target
        self._until = time.monotonic() + DEADLINE_SECONDS

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._until

    def connect(self) -> None:
        sock = self._first_that_answers(time.monotonic() + CONNECT_SECONDS)
        sock.settimeout(max(self._until - time.monotonic(), 0.01))
        if self._target.secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self._target.host)
        self.sock = sock

    def cut(self) -> None:
        """End it from another thread: a receiver that dribbles never lets a read time out."""
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _first_that_answers(self, until: float) -> socket.socket:
        error: OSError = TimeoutError()
        for address in self._target.addresses:
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            sock.settimeout(max(until - time.monotonic(), 0.01))
            try:
                sock.connect((address, self._target.port))
                return sock
            except OSError as failed:
                sock.close()
                error = failed
        raise error


def _words(error: Exception) -> str:
    """Short, and nothing that the receiver has written."""
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLCertVerificationError():
            return f"certificate: {error.verify_message}"
        case ssl.SSLError():
            return "tls"
        case ConnectionRefusedError():
            return "connection_refused"
        case http.client.RemoteDisconnected() | ConnectionError():
            return "connection_lost"
        case OSError():
            return "connection_failed"
    return "not_http"

"""``/metrics``, on a port of its own: this process's figures and, below them, those of Temporal's SDK."""

import logging
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest

logger = logging.getLogger(__name__)

SDK_SECONDS = 2.0
"""How long Temporal's SDK may take to tell its metrics, on this machine."""

sdk_up = Gauge(
    "mudda_temporal_sdk_metrics_up", "Whether Temporal's SDK has told its metrics, which follow these."
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """In place of the library's traceback on standard error. Whoever hangs up before the answer is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("metrics could not be told")


def serve(host: str, port: int, sdk_port: Callable[[], int]) -> ThreadingHTTPServer:
    """Answer ``/metrics`` from now on.

    Args:
        sdk_port: where Temporal's SDK tells its own on this machine; 0: nowhere yet.

    Raises:
        ImproperlyConfigured: the port is not to be had.
    """
    try:
        server = _Server((host, port), _handler(sdk_port))
    except OSError as error:
        raise ImproperlyConfigured(
            f"METRICS_PORT={port} cannot be listened on ({error.strerror}): each process needs one of its own."
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def metrics(sdk_port: int) -> bytes:
    """All metrics, in Prometheus' text format."""
    sdk = _of_the_sdk(sdk_port) if sdk_port else None
    sdk_up.set(sdk is not None)
    return generate_latest(REGISTRY) + (sdk or b"")


def _of_the_sdk(port: int) -> bytes | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=SDK_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read() if answer.status == HTTPStatus.OK else None
    except (OSError, HTTPException) as error:
        logger.warning("the metrics of Temporal's SDK cannot be read: %s", type(error).__name__)
        return None
    finally:
        connection.close()


def _handler(sdk_port: Callable[[], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds, for the request to come in

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = metrics(sdk_port())
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Prometheus asks every few seconds: that is no news."""

    return Handler

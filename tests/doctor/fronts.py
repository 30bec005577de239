"""What stands between a site and its servers: a proxy, a pooler, a server that ends TLS, one that never answers."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ELSEWHERE = "127.0.0.2"
"""This machine, under an address that nobody takes for it: as a server elsewhere would be."""

POSTGRES_TLS = (80877103).to_bytes(4, "big")

Address = str | tuple[str, int]
"""A Unix socket's path, or host and port."""


class Front:
    """Passes on what comes in, both ways.

    Args:
        behind: the server.
        host: the address that it listens on.
        tls: ends TLS by PostgreSQL's protocol: the request for it first, then the handshake.
        asked, answered: bytes that are sent on as others of the same length, to the server and from it.
    """

    def __init__(
        self,
        behind: Address,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        asked: Mapping[bytes, bytes] | None = None,
        answered: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.behind, self.host, self.tls = behind, host, tls
        self.asked, self.answered = dict(asked or {}), dict(answered or {})
        self._listening = socket.create_server((host, 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Front":
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread that accepts, which closing alone does not.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            if self.tls is not None:
                assert near.recv(8)[4:] == POSTGRES_TLS
                near.sendall(b"S")
                near = self.tls.wrap_socket(near, server_side=True)
            with near, self._server() as far:
                back = threading.Thread(target=_pass, args=(far, near, self.answered), daemon=True)
                back.start()
                _pass(near, far, self.asked)
                back.join(5)

    def _server(self) -> socket.socket:
        if isinstance(self.behind, tuple):
            return socket.create_connection(self.behind)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.behind)
        return far


def _pass(source: socket.socket, target: socket.socket, instead: Mapping[bytes, bytes]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            for before, after in instead.items():
                data = data.replace(before, after)
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def answering(status: int) -> Iterator[str]:
    """The address of a service with OpenAI's errors: everything is answered with ``status``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"error": {"message": "no", "type": "error", "code": null}}'
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()

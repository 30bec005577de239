"""Server-sent events, outside Django: a listener costs a task and a socket, no thread and no database connection.

The application stands before Django's. It asks Django for the first page of a stream as JSON, so that who may read
what, and every error, is decided and worded in one place; then it lets the request go and follows the stream: woken
by ``mudda.listening``, which has one connection for the whole process, it reads what is new. Listeners of one stream
share that reading.
"""

import asyncio
import json
import logging
import random
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from mudda.event_views import PAGE, STREAM_HEADER, events_after
from mudda.listening import hub
from mudda.monitoring import process

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Reading = asyncio.Task[tuple[bytes, int, bool]]

HEARTBEAT = 15.0
"""Seconds: proxies give up silent connections after 30 to 60."""
LIFE = 600.0
"""Seconds that a stream lasts, give or take a fifth: a key that was revoked reads on for no longer, and listeners
spread over replicas anew."""
RECONNECT_MS = 2_000
"""What clients are told to wait before they connect again."""
AT_ONCE = 8
"""Listeners whose first page Django is asked for at the same time; the others queue."""
READERS = 2
"""Threads that read what is new, for all listeners of the process."""
AWAY = 2.0
"""Seconds until a stream that could not be read, because the database is away, is tried again."""

OWN_HEADERS = {b"content-type", b"content-length", b"cache-control", b"etag", STREAM_HEADER.lower().encode()}


@dataclass
class _Answer:
    """What Django answered."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @property
    def stream(self) -> str:
        """The stream that it is a page of; empty for an error."""
        named = dict(self.headers).get(STREAM_HEADER.lower().encode(), b"")
        return named.decode() if self.status == 200 else ""


class EventStreams:
    """An ASGI application that answers ``GET .../events`` with server-sent events and leaves the rest to another."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="event-reader")
        self._queued: dict[tuple[str, int], Reading] = {}
        self._running: dict[tuple[str, int], Reading] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and wants_stream(scope):
            async with self._asking:
                answer = await self._ask(scope)
            if answer.stream:
                await self._follow(answer, receive, send)
            else:
                await send(
                    {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
                )
                await send({"type": "http.response.body", "body": answer.body})
        else:
            await self.application(scope, receive, send)

    async def _ask(self, scope: Message) -> _Answer:
        """The same request, asking for JSON."""
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept"]
        answer, asked = _Answer(), False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # until Django has answered and stops listening
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            else:
                answer.body += message.get("body", b"")

        asking = {**scope, "headers": [*headers, (b"accept", b"application/json")]}
        await self.application(asking, receive, send)
        return answer

    async def _follow(self, answer: _Answer, receive: Receive, send: Send) -> None:
        loop, grown = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(grown.set)

        page = json.loads(answer.body)
        unsubscribe = hub.subscribe(answer.stream, wake)
        gone = loop.create_task(_disconnected(receive, grown))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _headers(answer.headers)})
            await _write(send, f"retry: {RECONNECT_MS}\n\n".encode() + as_text(page["events"]))
            await self._go_on(answer.stream, page["last"], grown, gone, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            unsubscribe()
            gone.cancel()

    async def _go_on(
        self, stream: str, last: int, grown: asyncio.Event, gone: "asyncio.Task[None]", send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + LIFE * random.uniform(0.8, 1.2)  # noqa: S311 (spreads, hides nothing)
        grown.set()  # what came between the first page and the subscription
        while not (gone.done() or hub.stopping or loop.time() > ends_at):
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await grown.wait()
            except TimeoutError:
                await _write(send, b": beat\n\n")
                continue
            grown.clear()
            if gone.done() or hub.stopping:
                break
            try:
                text, last, more = await self._read(stream, last)
            except (OperationalError, InterfaceError):
                loop.call_later(AWAY * random.uniform(0.5, 1.5), grown.set)  # noqa: S311
                continue
            if text:
                await _write(send, text)
            if more:
                grown.set()

    async def _read(self, stream: str, after: int) -> tuple[bytes, int, bool]:
        """What came after ``after`` as text, the last number in it, and whether there is more.

        Read once for all who ask before the reading begins. Who asks while one is under way waits for the next: what
        they were woken for may be newer than what that one sees.
        """
        key = (stream, after)
        if (queued := self._queued.get(key)) is None:
            queued = asyncio.get_running_loop().create_task(self._read_behind(self._running.get(key), key))
            self._queued[key] = queued
        return await asyncio.shield(queued)

    async def _read_behind(self, running: Reading | None, key: tuple[str, int]) -> tuple[bytes, int, bool]:
        if running is not None:
            await asyncio.wait([running])
        self._running[key] = reading = self._queued.pop(key)
        try:
            return await self._read_now(*key)
        finally:
            if self._running.get(key) is reading:
                del self._running[key]

    async def _read_now(self, stream: str, after: int) -> tuple[bytes, int, bool]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._readers, _read_events, stream, after)
        return as_text(found), found[-1]["seq"] if found else after, len(found) == PAGE


def wants_stream(scope: Message) -> bool:
    """Whether a request is for server-sent events: the form of ``.../events`` unless JSON is asked for."""
    if scope["method"] != "GET" or not scope["path"].endswith("/events"):
        return False
    accept = ",".join(
        value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"accept"
    )
    wanted = _wanted(accept or "*/*")
    stream = max(wanted.get("text/event-stream", 0.0), wanted.get("text/*", 0.0))
    as_json = max(wanted.get("application/json", 0.0), wanted.get("application/*", 0.0))
    return stream > 0 and stream >= as_json or not as_json and wanted.get("*/*", 0.0) > 0


def _wanted(accept: str) -> dict[str, float]:
    """The media types of an ``Accept`` header with their weights."""
    found = {}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            found[kind] = float(weight)
        except ValueError:
            found[kind] = 0.0
    return found


def as_text(events: list[dict[str, Any]]) -> bytes:
    """Events as server-sent ones. JSON has no line breaks, so each is one line of data."""
    return "".join(
        f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n"
        for event in events
    ).encode()


def _read_events(stream: str, after: int) -> list[dict[str, Any]]:
    try:
        return events_after(stream, after)
    finally:
        connection.close()  # back to the pool: who waits needs none


def _headers(answered: Headers) -> Headers:
    """The headers of Django's answer that hold for the stream too, and the stream's own."""
    kept = [(name, value) for name, value in answered if name not in OWN_HEADERS]
    own = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}
    return [*kept, *((name.encode(), value.encode()) for name, value in own.items())]


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive, grown: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    grown.set()


# --- the process ------------------------------------------------------------------------------------


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan. A server that is told to stop waits for its connections to end, so the streams have to end
    then and not at the lifespan's shutdown, which comes after."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _stop_streams_on_sigterm(asyncio.get_running_loop())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(hub.close)
            await asyncio.to_thread(process.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return


def _stop_streams_on_sigterm(loop: asyncio.AbstractEventLoop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        servers_own = signal.getsignal(number)

        def stop(received: int, frame: FrameType | None, servers_own: Any = servers_own) -> None:
            loop.call_soon_threadsafe(hub.stop)
            if callable(servers_own):
                servers_own(received, frame)

        try:
            signal.signal(number, stop)
        except ValueError:  # not on the main thread: whoever runs the server so ends it without signals
            return

"""How long a request's body may be, held before anything of it is kept.

Under ASGI Django writes a whole body to disk before its first middleware sees the request: without a ceiling in
front of it anybody, without a key, could fill the disk.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from mudda.errors import BodyTooLarge
from mudda.monitoring.about import about_request
from mudda.problems import problem_response

PATIENCE = 2
"""A body of up to so many times what is allowed is taken to its end, and thrown away: many clients read no answer
before they have sent everything. On whoever would send more it is hung up."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def most_bytes(path: str) -> int:
    """The most bytes that any request to this path may have. Django's own limits hold for the admin's forms."""
    if path.startswith("/admin"):
        return max(settings.MAX_BODY_BYTES, *settings.UPLOAD_PATHS.values())
    uploads = (most for pattern, most in settings.UPLOAD_PATHS.items() if re.fullmatch(pattern, path))
    return next(uploads, settings.MAX_BODY_BYTES)


class BodyCeiling:
    """An ASGI application that answers 413 instead of reading on."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        most = most_bytes(scope["path"])
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > most:
            await _refuse(scope["path"], most, send, hang_up=int(announced) > most * PATIENCE)
            return
        read, answered = 0, False

        async def count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return {"type": "http.disconnect"} if read > most else message  # Django then drops what it has

        async def note(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self.application(scope, count, note)
        if read > most and not answered:
            await _refuse(scope["path"], most, send, hang_up=True)  # nobody knows how much more would come


async def _refuse(path: str, most: int, send: Send, *, hang_up: bool) -> None:
    request = HttpRequest()
    request.path, request.request_id = path, str(uuid.uuid4())  # type: ignore[attr-defined]
    with about_request(request):
        response = problem_response(request, BodyTooLarge.than(most))
    headers = {
        **response.headers,
        "Content-Length": str(len(response.content)),
        "X-Request-ID": request.request_id,  # type: ignore[attr-defined]
        **({"Connection": "close"} if hang_up else {}),  # else the server takes the rest, to throw it away
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 413, "headers": encoded})
    await send({"type": "http.response.body", "body": response.content})

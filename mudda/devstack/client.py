"""The demo's HTTP client: it shows what it sends and what comes back."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from mudda.devstack import paper

TIMEOUT_SECONDS = 30.0


class DemoError(Exception):
    """The API answered otherwise than it should, or something is missing at the end."""


class Client:
    """Calls to one site with one API key. No proxy is asked.

    Args:
        url: of the site, without a final slash.
        key: an API key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(
        self, method: str, path: str, body: Mapping[str, Any], expected: int, *, shown: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Send ``body`` as JSON, print the request and the answer, and return the answer's JSON.

        Args:
            shown: of a good answer only these members are printed; all where none is named.

        Raises:
            DemoError: the answer's status is not ``expected``, or it is no JSON object.
        """
        paper.request(method, path, body)
        begun = time.monotonic()
        status, content = self._send(method, path, json.dumps(body).encode())
        answer = _as_json(content)
        kept = shown if shown and status == expected else answer
        paper.answer(status, {name: answer[name] for name in kept}, seconds=time.monotonic() - begun)
        if status != expected:
            raise DemoError(f"{method} {path} answered {status} instead of {expected}")
        return answer

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at ``path``, without printing it.

        Raises:
            DemoError: the answer's status is not 200, or it is no JSON object.
        """
        status, content = self._send("GET", path)
        if status != HTTPStatus.OK:
            raise DemoError(f"GET {path} answered {status}: {content.decode(errors='replace')}")
        return _as_json(content)

    def download(self, url: str, content_type: str) -> bytes:
        """The file at ``url``, which may be a path.

        Raises:
            DemoError: the answer's status is not 200, or its type is not ``content_type``.
        """
        status, content = self._send("GET", url, wanted=content_type)
        if status != HTTPStatus.OK:
            raise DemoError(f"GET {url} answered {status}: {content.decode(errors='replace')}")
        return content

    def _send(self, method: str, path: str, body: bytes | None = None, wanted: str = "") -> tuple[int, bytes]:
        headers = {"Authorization": f"Api-Key {self._key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310
            urljoin(self._url, path), data=body, method=method, headers=headers
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                found = answer.headers.get_content_type()
                if wanted and found != wanted:
                    raise DemoError(f"{path} is {found}, not {wanted}")
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()
        except OSError as problem:
            raise DemoError(f"{method} {path}: {problem}") from problem


def _as_json(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError as problem:
        raise DemoError(f"the answer is not JSON: {content[:2000].decode(errors='replace')}") from problem
    if not isinstance(answer, dict):
        raise DemoError(f"the answer is not a JSON object: {answer!r}")
    return answer

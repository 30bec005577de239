"""A client for the API."""

import json
from typing import Any

from django.test import Client


class Api:
    """``api.post("/workflows/generate", {...})``; the answer's JSON is ``response.json()``."""

    def __init__(self, key: str | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.key = key

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if self.key is not None:
            headers = {"Authorization": f"Api-Key {self.key}", **headers}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, path, content, content_type="application/json", headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

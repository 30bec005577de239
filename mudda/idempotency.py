"""``Idempotency-Key``: the same key and the same body get the same answer, once given.

The answer is stored in the transaction of the work itself, so that a crash leaves either both or neither; a
concurrent duplicate waits at the unique index for the first to commit. Scope: caller, method, path, key. An answer
that tells of an error is not kept: nothing was done, and the same call may succeed later.

``mudda.views.Door`` does this for every POST; views whose work may not be done while a transaction is held call
``find`` and ``claim`` by themselves.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError
from django.utils import timezone
from psycopg.errors import LockNotAvailable
from rest_framework.request import Request
from rest_framework.response import Response

from mudda import prepared
from mudda.errors import Conflict, InvalidRequest, Unprocessable
from mudda.models import ApiKey, IdempotencyRecord
from mudda.sealing import seal, unseal
from mudda.transactions import whole

KEPT = timedelta(hours=24)
WAIT_SECONDS = 5
LONGEST_KEY = 255
REPLAYED_HEADERS = ("ETag", "Location", "Cache-Control")
"""What is kept of an answer's headers; the others are made anew for every answer."""
PURPOSE = "answers"
"""What kept answers that show a secret are sealed for."""

CLAIM = """
    WITH before AS MATERIALIZED (SELECT current_setting('lock_timeout') AS lock_timeout),
    claimed AS (
        INSERT INTO mudda_idempotencyrecord AS kept
            (caller, method, path, key, body_sha256, headers, sealed, created_at)
        SELECT %(caller)s::text, %(method)s::text, %(path)s::text, %(key)s::text, %(body)s::text, '{}'::jsonb, false,
            %(now)s::timestamptz
        FROM before
        WHERE set_config('lock_timeout', %(wait)s::text, true) IS NOT NULL
        ON CONFLICT (caller, method, path, key) DO UPDATE SET
            body_sha256 = excluded.body_sha256, status = NULL, body = NULL, headers = '{}', sealed = false,
            created_at = excluded.created_at
        WHERE kept.created_at <= %(expired)s::timestamptz
        RETURNING id
    )
    SELECT claimed.id, set_config('lock_timeout', before.lock_timeout, true) FROM before LEFT JOIN claimed ON true
"""
"""Claims a key in one round trip: no id where somebody has it already. Waits for whoever is at it for as long as
``wait``, which holds for this statement alone: what was set before is set again."""
KEEP = """
    UPDATE mudda_idempotencyrecord
    SET status = %(status)s::smallint, body = %(body)s::jsonb, headers = %(headers)s::jsonb, sealed = %(sealed)s::bool
    WHERE id = %(id)s::bigint
"""


class KeyReused(Unprocessable):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used with another body."


class StillInProgress(Conflict):
    code = "idempotency_in_progress"
    title = "A request with this Idempotency-Key is still being worked on."
    retryable = True
    retry_after = WAIT_SECONDS


class BadIdempotencyKey(InvalidRequest):
    code = "bad_idempotency_key"
    title = f"An Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters."


class Claim:
    """The right to answer a request. ``answer`` is what was answered before, or None."""

    def __init__(self, key: int | None = None, answer: Response | None = None) -> None:
        """``key`` is that of the record that the answer goes into; None where nothing is kept."""
        self._key = key
        self.answer = answer

    def keep(self, response: Response, *, sealed: bool = False) -> Response:
        """Remember a successful response with the work that it tells about, and return it.

        Args:
            sealed: it shows a secret, and is encrypted where it is kept.
        """
        if self._key is not None:
            kept = _kept(response, sealed)
            texts = {name: json.dumps(kept[name], cls=DjangoJSONEncoder) for name in ("body", "headers")}
            prepared.execute(KEEP, {**kept, **texts, "id": self._key})
        return response


def find(request: Request, *, body: bytes | None = None) -> Response | None:
    """The answer that this request got before, if any: looked up before any costly work.

    Args:
        body: what says the same as the body, for uploads: their bodies are long, and have another boundary each time.

    Raises:
        KeyReused: the key was used with another body.
    """
    scope = _scope(request)
    if scope is None:
        return None
    record = IdempotencyRecord.objects.filter(**scope, created_at__gt=timezone.now() - KEPT).first()
    if record is None:
        return None
    _ensure_same_body(record, request, body)
    return _replay(record)


def keep_instead(request: Request, response: Response) -> Response:
    """Remember ``response`` instead of the 202 that was kept while the work went on, and return it."""
    scope = _scope(request)
    if scope is not None:
        IdempotencyRecord.objects.filter(**scope, status=202).update(**_kept(response, sealed=False))
    return response


@contextmanager
def claim(request: Request, *, body: bytes | None = None) -> Iterator[Claim]:
    """A transaction in which the work is done and its answer kept. ``body`` is as for ``find``.

    Raises:
        KeyReused: the key was used with another body.
        StillInProgress: a duplicate did not finish within five seconds.
    """
    scope = _scope(request)
    with whole():
        yield _claim(scope, request, body) if scope is not None else Claim()


def answer_once(
    answer: Callable[..., Response], request: Request, /, *args: Any, sealed: bool = False, **named: Any
) -> Response:
    """What ``answer(request, ...)`` answers, or has answered to the same key before.

    Args:
        sealed: as for ``Claim.keep``.

    Raises:
        KeyReused, StillInProgress: as for ``claim``.
    """
    if "Idempotency-Key" not in request.headers:
        return answer(request, *args, **named)
    with claim(request) as claimed:
        return claimed.answer or claimed.keep(answer(request, *args, **named), sealed=sealed)


def fingerprint(file: "File[Any]", fields: Mapping[str, Any] | None = None) -> bytes:
    """What says the same as the body of an upload: its file, read piece by piece, and the fields beside it."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    beside = json.dumps({**(fields or {}), "name": file.name}, sort_keys=True)
    return beside.encode() + b"\n" + digest.digest()


def forget_old() -> None:
    """Delete the records that are older than 24 hours."""
    IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _claim(scope: dict[str, str], request: Request, body: bytes | None) -> Claim:
    now = timezone.now()
    given = {"body": _body_hash(request, body), "now": now, "expired": now - KEPT, "wait": f"{WAIT_SECONDS}s"}
    try:
        [(key, _)] = prepared.fetch(CLAIM, {**scope, **given})
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise StillInProgress from error
        raise
    if key is not None:
        return Claim(key=key)
    record = IdempotencyRecord.objects.get(**scope)
    _ensure_same_body(record, request, body)
    return Claim(answer=_replay(record))


def _scope(request: Request) -> dict[str, str] | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadIdempotencyKey
    caller = f"key:{request.auth.pk}" if isinstance(request.auth, ApiKey) else f"user:{request.user.pk}"
    return {"caller": caller, "method": str(request.method), "path": request.path[:200], "key": key}


def _body_hash(request: Request, body: bytes | None) -> str:
    return hashlib.sha256(request._request.body if body is None else body).hexdigest()


def _ensure_same_body(record: IdempotencyRecord, request: Request, body: bytes | None) -> None:
    if record.body_sha256 != _body_hash(request, body):
        raise KeyReused


def _kept(response: Response, sealed: bool) -> dict[str, Any]:
    """The columns that remember an answer."""
    body: Any = response.data
    if sealed:
        body = seal(json.dumps(body, cls=DjangoJSONEncoder), purpose=PURPOSE)
    headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    return {"status": response.status_code, "body": body, "headers": headers, "sealed": sealed}


def _replay(record: IdempotencyRecord) -> Response:
    data: Any = json.loads(unseal(str(record.body), purpose=PURPOSE)) if record.sealed else record.body
    headers = {**record.headers, "Idempotency-Replayed": "true"}
    return Response(data, status=record.status, headers=headers)

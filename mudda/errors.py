"""What can go wrong, each with a stable code, an HTTP status, and whether trying again can help."""

from collections.abc import Mapping, Sequence
from typing import Any


class MuddaError(Exception):
    """The root of mudda's own errors.

    Attributes:
        code: stable, machine-readable, snake_case.
        status: the HTTP status that a door answers with.
        title: one short sentence about the kind of error.
        retryable: whether the same call may succeed later.
        errors: field problems, each ``{"pointer": RFC 6901, "code": str, "message": str, ...}``.
        extra: further members of the problem document (RFC 9457, section 3.2).
    """

    code = "error"
    status = 400
    title = "The request could not be carried out."
    retryable = False

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = [dict(error) for error in errors]
        self.extra = dict(extra or {})


class InvalidRequest(MuddaError):
    code = "invalid_request"
    title = "The request is not valid."


class NotFound(MuddaError):
    code = "not_found"
    status = 404
    title = "There is no such thing, or you may not see it."


class Forbidden(MuddaError):
    code = "forbidden"
    status = 403
    title = "You may not do this."


class Conflict(MuddaError):
    code = "conflict"
    status = 409
    title = "The state of things does not allow this."


class PreconditionFailed(MuddaError):
    code = "precondition_failed"
    status = 412
    title = "It was changed since you read it."


class Unprocessable(MuddaError):
    code = "unprocessable"
    status = 422
    title = "The request is well-formed, but cannot be carried out."


class Unavailable(MuddaError):
    """Something mudda stands on is away; carries ``retry_after`` in seconds."""

    code = "unavailable"
    status = 503
    title = "A part of the service is away for the moment."
    retryable = True
    retry_after = 5


class AdapterError(MuddaError):
    """An outside service, or what was asked of it, failed.

    Attributes:
        code: what went wrong, snake_case and stable.
        permanent: whether the same call is bound to fail again. One place turns that into Temporal's
            non-retryable error.

    The message is for the operator and must name no person: no address, no name, no text of a letter.
    """

    status = 502
    title = "An outside service did not do what was asked."

    def __init__(self, message: str, *, code: str, permanent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent
        self.retryable = not permanent

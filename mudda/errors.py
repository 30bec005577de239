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


class MalformedRequest(MuddaError):
    code = "malformed_request"
    title = "The request cannot be read."


class UnreadableBody(MuddaError):
    code = "unreadable_body"
    title = "The body ended before it was complete."


class NotAuthenticated(MuddaError):
    code = "not_authenticated"
    status = 401
    title = "Say who calls, with a key or a token that is good."


class NotFound(MuddaError):
    code = "not_found"
    status = 404
    title = "There is no such thing, or you may not see it."


class Forbidden(MuddaError):
    code = "forbidden"
    status = 403
    title = "You may not do this."


class MethodNotAllowed(MuddaError):
    code = "method_not_allowed"
    status = 405
    title = "This address does not know this method; `Allow` names those that it knows."


class NotAcceptable(MuddaError):
    code = "not_acceptable"
    status = 406
    title = "None of the media types in `Accept` is one that can be answered in."


class NotInSandbox(Forbidden):
    code = "not_in_sandbox"
    title = "A sandbox key changes nothing that is real."


class Conflict(MuddaError):
    code = "conflict"
    status = 409
    title = "The state of things does not allow this."


class SandboxWiped(Conflict):
    """What a call was about has gone while it was being worked on."""

    code = "sandbox_wiped"
    title = "The sandbox was wiped meanwhile."
    retryable = True
    retry_after = 1


class PreconditionFailed(MuddaError):
    code = "precondition_failed"
    status = 412
    title = "It was changed since you read it."


class LengthRequired(MuddaError):
    code = "length_required"
    status = 411
    title = "Send a Content-Length with files."


class BodyTooLarge(MuddaError):
    code = "body_too_large"
    status = 413
    title = "The body is larger than may be sent here."

    @classmethod
    def than(cls, most: int) -> "BodyTooLarge":
        """The error that says how many bytes a body may have."""
        return cls(f"A body may have at most {most:,} bytes here.")


class UnsupportedMediaType(MuddaError):
    code = "unsupported_media_type"
    status = 415
    title = "Bodies of this media type, or in this charset, are not read here."


class Unprocessable(MuddaError):
    code = "unprocessable"
    status = 422
    title = "The request is well-formed, but cannot be carried out."


class RateLimited(MuddaError):
    """No call is left in this minute; ``retry_after`` is in seconds."""

    code = "rate_limited"
    status = 429
    title = "There were too many calls in a minute."
    retryable = True
    retry_after = 60


class InternalError(MuddaError):
    """A defect of ours. What it is, is for the logs only."""

    code = "internal_error"
    status = 500
    title = "This is our fault: tell us the request_id and we will find it in the logs."


class Unavailable(MuddaError):
    """Something mudda stands on is away; carries ``retry_after`` in seconds."""

    code = "unavailable"
    status = 503
    title = "A part of the service is away for the moment."
    retryable = True
    retry_after = 5


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    title = "The database cannot be reached, or takes too long; nothing was changed."


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

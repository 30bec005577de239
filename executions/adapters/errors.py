"""The one error that adapters raise."""

from mudda.errors import MuddaError


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

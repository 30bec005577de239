"""Transactions that are all or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction

_is_whole: ContextVar[bool] = ContextVar("is_whole", default=False)


def is_whole() -> bool:
    """Whether a transaction is open that is done as a whole: what it has locked stays locked until it commits."""
    return _is_whole.get()


@contextmanager
def whole() -> Iterator[None]:
    """``transaction.atomic`` whose inner ones join it: nobody in between goes on after an error.

    Inner ones need no savepoint then, and each savepoint is two round trips. Whoever wants to go on after the error of
    a part puts ``transaction.atomic`` around that part.
    """
    if _is_whole.get():
        with transaction.atomic(savepoint=False):
            yield
        return
    with transaction.atomic():
        token = _is_whole.set(True)
        try:
            yield
        finally:
            _is_whole.reset(token)

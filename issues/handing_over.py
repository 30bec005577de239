"""The order of locks where an issue may go to another department: what follows it first, and then the issue.

A step locks its run and then the issue that it writes to. Whoever hands the issue over changes its runs too, by a
trigger of the database: with the issue locked first, the two would wait for each other.
"""

from collections.abc import Callable

LockFollowers = Callable[[int], None]

_followers: list[LockFollowers] = []


def followed_by(lock: LockFollowers) -> None:
    """Register a room whose rows go with an issue to another department: its way to lock those of one, until commit."""
    _followers.append(lock)


def lock_followers(issue: int) -> None:
    """Lock what goes with an issue, before the issue itself is locked. ``issue`` is its key."""
    for lock in _followers:
        lock(issue)

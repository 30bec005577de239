"""Who of the staff has read who reported: each time it is shown to a person is an event of the reporter's stream.

Not of the issue's, whose version would be another for everybody who has it open. What steps of a run do with an address
is in the run's own events.
"""

from django.contrib.auth.models import User
from django.db import transaction

from issues.models import Issue, Reporter
from mudda import events

VIEW_REPORTER = "issues.view_reporter"


def read_reporter(issue: Issue, *, by: User) -> Reporter | None:
    """Who reported ``issue``, written down as read by ``by``; None where nobody is known, nothing is known of them, or
    ``by`` may not read it."""
    reporter = issue.reporter
    if reporter is None or not reporter.private or not by.has_perm(VIEW_REPORTER):
        return None
    with transaction.atomic():
        events.append(reporter, "reporter.read", {"issue": issue.reference}, actor=by)
    return reporter

"""SECRET_KEY: whether what was sealed by it can still be read."""

from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError

from mudda.doctor.registry import Finding, counted, error, fine, left_out, register
from mudda.sealing import CannotUnseal
from mudda.webhooks.models import WebhookSubscription
from mudda.webhooks.sending import secrets_of

LOST = error(
    "key_lost",
    "Put the SECRET_KEY that it was sealed by into SECRET_KEY_FALLBACKS of every process. If it is gone: rotate "
    "the secrets of these webhooks. docs/runbooks/key-lost.md.",
)


def look() -> Iterator[Finding]:
    """Webhooks' secrets are what is sealed for long; they are read, and not told."""
    try:
        subscriptions = list(WebhookSubscription.objects.order_by("pk"))
    except (DatabaseError, InterfaceError):
        yield left_out("The database cannot be asked: see the check database.")
        return
    lost = [str(one.pk) for one in subscriptions if not _is_read(one)]
    if lost:
        says = (
            f"The secrets of {len(lost)} of {counted(len(subscriptions), 'webhook')} cannot be read: "
            "they were sealed by another key."
        )
        yield LOST.found(says, webhooks=lost)
    else:
        yield fine(
            f"The secrets of {counted(len(subscriptions), 'webhook')} can be read.",
            webhooks=len(subscriptions),
        )


def _is_read(subscription: WebhookSubscription) -> bool:
    try:
        secrets_of(subscription)
    except CannotUnseal:
        return False
    return True


register("keys", look, words="SECRET_KEY: what was sealed by it can be read")

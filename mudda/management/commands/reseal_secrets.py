"""``manage.py reseal_secrets``: seal under the SECRET_KEY of now what was sealed under one of SECRET_KEY_FALLBACKS."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mudda.models import WebhookSubscription
from mudda.sealing import CannotUnseal, reseal
from mudda.webhooks.signing import PURPOSE

FIELDS = ("secret", "previous_secret")


class Command(BaseCommand):
    help = (
        "Seal the secrets of webhooks under the SECRET_KEY of now. Afterwards nothing that is kept for longer than "
        "two weeks needs SECRET_KEY_FALLBACKS. Safe to run again, and while everything runs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found: Counter[str] = Counter()
        for row in WebhookSubscription.objects.only("pk", *FIELDS).order_by("pk").iterator(chunk_size=500):
            for field in FIELDS:
                if sealed := getattr(row, field):
                    found[self._reseal(row, field, sealed)] += 1
        self.stdout.write(f"sealed anew: {found['anew']}, under this key already: {found['already']}")
        if found["lost"]:
            raise CommandError(
                f"{found['lost']} cannot be read (see above): put the key that sealed them back into "
                "SECRET_KEY_FALLBACKS, or give these webhooks other secrets."
            )

    def _reseal(self, row: WebhookSubscription, field: str, sealed: str) -> str:
        try:
            anew = reseal(sealed, purpose=PURPOSE)
        except CannotUnseal:
            self.stderr.write(f"webhook {row.pk}: its {field} cannot be read")
            return "lost"
        if anew == sealed:
            return "already"
        # Only where nobody has rotated it meanwhile: what they made is sealed under this key.
        WebhookSubscription.objects.filter(pk=row.pk, **{field: sealed}).update(**{field: anew})
        return "anew"

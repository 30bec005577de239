"""``manage.py load_sample_policies``: the policies that ship, where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand

from workflows.policies.shipped import sync_sample_policies


class Command(BaseCommand):
    help = "Add and publish the shipped policies that are missing. Nothing that exists is changed."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"added {sync_sample_policies()} policies")

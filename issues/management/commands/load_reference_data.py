"""``manage.py load_reference_data``: the departments and categories that ship, where they are missing."""

from importlib import resources
from typing import Any

import yaml
from django.core.management.base import BaseCommand
from django.db import transaction

from issues.services import sync_reference_data


class Command(BaseCommand):
    help = "Add the shipped departments and categories that are missing. Nothing that exists is changed."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            departments, categories = sync_reference_data(_rows("departments"), _rows("categories"))
        self.stdout.write(f"added {departments} departments and {categories} categories")


def _rows(name: str) -> list[dict[str, Any]]:
    text = resources.files("issues").joinpath("data", f"{name}.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)
    return rows

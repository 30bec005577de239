"""What the API of people's tasks takes, besides a decision."""

from rest_framework import serializers

from mudda.drf import Input


class HoldInput(Input):
    reason = serializers.CharField(max_length=2_000, help_text="Why; kept with the task.")


class ReleaseInput(Input):
    reason = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class ReassignInput(HoldInput):
    """Give either ``user`` or ``group``."""

    rules = {"minProperties": 2, "maxProperties": 2}

    user = serializers.CharField(
        max_length=150, required=False, default="", help_text="A username: somebody who may decide the task."
    )
    group = serializers.CharField(max_length=40, required=False, default="", help_text="A group of staff.")

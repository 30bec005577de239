"""What a model is that has a history: see ``mudda.events``."""

from django.db import models


class EventStream(models.Model):
    """A row that owns a stream of events; its lock orders them (see ``mudda.events.append``)."""

    event_seq = models.PositiveBigIntegerField(default=0, editable=False)
    sandbox = models.ForeignKey(
        "mudda.Sandbox",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # only what is not real is looked for by it: each room has an index of that alone
        help_text="The sandbox that it belongs to; empty: it is real.",
    )

    class Meta:
        abstract = True

    @property
    def is_sandbox(self) -> bool:
        """Whether it isn't real: everybody who shows it says so."""
        return self.sandbox_id is not None

    @property
    def stream(self) -> str:
        """The stream's name, such as ``plan:<id>``."""
        raise TypeError(f"{type(self).__name__} has to name its stream")

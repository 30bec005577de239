"""What a model is that has a history: see ``mudda.events``."""

from django.db import models


class EventStream(models.Model):
    """A row that owns a stream of events; its lock orders them (see ``mudda.events.append``)."""

    event_seq = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    @property
    def stream(self) -> str:
        """The stream's name, such as ``plan:<id>``."""
        raise TypeError(f"{type(self).__name__} has to name its stream")

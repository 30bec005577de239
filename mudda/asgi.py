"""The ASGI entry point: streams of events before Django, a ceiling on bodies, Django."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mudda.settings")
django_application = get_asgi_application()

from mudda.bodies import BodyCeiling  # noqa: E402 (reads the settings)
from mudda.streaming import EventStreams  # noqa: E402 (reads the models)

application = EventStreams(BodyCeiling(django_application))

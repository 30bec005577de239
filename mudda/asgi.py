"""The ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mudda.settings")
django_application = get_asgi_application()

from mudda.bodies import BodyCeiling  # noqa: E402 (reads the settings)

application = BodyCeiling(django_application)

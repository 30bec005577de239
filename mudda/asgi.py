"""The ASGI entry point: streams of events before Django, a ceiling on bodies, Django."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mudda.settings")
os.environ.setdefault("DATABASE_STATEMENT_TIMEOUT", "30")  # nobody waits longer for an answer
django.setup(set_prefix=False)

from mudda.bodies import BodyCeiling  # noqa: E402 (reads the settings)
from mudda.handler import Handler  # noqa: E402 (reads the settings)
from mudda.monitoring import process  # noqa: E402 (reads the settings)
from mudda.streaming import EventStreams  # noqa: E402 (reads the models)

process.start("mudda-api")
application = EventStreams(BodyCeiling(Handler()))

# What is loaded by now stays: a full collection that looks through all of it again would stop every request meanwhile.
gc.collect()
gc.freeze()

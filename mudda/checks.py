"""Misconfiguration fails ``manage.py check``, with an id and a hint."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from mudda.addresses import parse_network


@register()
def temporal_tls_is_complete(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A client certificate needs its key, and both have to be readable."""
    given = {name: getattr(settings, name) for name in ("TEMPORAL_TLS_CERT", "TEMPORAL_TLS_KEY")}
    errors = []
    if any(given.values()) and not all(given.values()):
        hint = "Set both, or neither for a server without TLS."
        errors.append(
            Error("TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY go together.", hint=hint, id="mudda.E001")
        )
    for name, path in given.items():
        if path and not Path(path).is_file():
            errors.append(Error(f"{name} names a file that isn't there: {path}", id="mudda.E002"))
    return errors


@register()
def worker_version_is_complete(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A build id means nothing without the deployment that it is of."""
    if bool(settings.TEMPORAL_DEPLOYMENT_NAME) == bool(settings.TEMPORAL_BUILD_ID):
        return []
    hint = "Set both, or neither to work without versions."
    return [Error("TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_BUILD_ID go together.", hint=hint, id="mudda.E004")]


@register()
def database_is_postgresql(app_configs: Any, **kwargs: Any) -> list[Error]:
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        return []
    hint = "Set DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/NAME"
    return [Error("mudda needs PostgreSQL: schemas, partial indexes, NOTIFY.", hint=hint, id="mudda.E003")]


@register()
def proxies_are_networks(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A misspelt proxy would be believed by nobody, and every call would seem to come from it."""
    errors = []
    for text in settings.TRUSTED_PROXIES:
        try:
            parse_network(text)
        except ValueError as error:
            errors.append(Error(f"TRUSTED_PROXIES has no network in CIDR: {error}", id="mudda.E005"))
    return errors

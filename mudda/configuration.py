"""What the settings must agree on: all that is missing or contradicts itself is named at once, and nothing starts.

The settings themselves ask at their end, so that this holds for the web server, the worker and every command alike.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

from mudda.monitoring.wanted import is_wanted

Settings = Mapping[str, Any]
Given = Mapping[str, str]

SECRET_LENGTH: Final = 50
"""Characters that a SECRET_KEY has at least, as Django's own ``check --deploy`` wants."""

LONGEST_WAIT: Final = 60.0
"""Seconds that a request waits for a draft at most: the API promises it, and proxies end what takes longer."""

HTTP_PROTOBUF: Final = "http/protobuf"

REQUIRED: Final = {
    "DATABASE_URL": "postgresql+asyncpg://USER:PASSWORD@HOST:5432/mudda_ai",
    "ALLOWED_HOSTS": "the names under which the site is called, such as mudda.example.org",
    "PUBLIC_URL": "what letters link to, such as https://mudda.example.org",
}
"""What has no sensible default where TLS is on, as it is outside development."""


def contradictions(settings: Settings, given: Given) -> list[str]:
    """Everything that cannot work, each with an id and what to do.

    Args:
        settings: Django's settings by name.
        given: the environment that they were read from.
    """
    return [problem for rule in RULES for problem in rule(settings, given)]


def refuse(problems: list[str]) -> None:
    """Raises:
    ImproperlyConfigured: there are problems; names them all.
    """
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ImproperlyConfigured(
            f"mudda cannot start with these settings:\n{lines}\n"
            "Set them in the environment or in .env; .env.example describes each. "
            "For development `make up` sets what is needed."
        )


def _temporal_tls(settings: Settings, given: Given) -> Iterator[str]:
    """A client certificate needs its key, and files have to be there."""
    tls = settings["TEMPORAL_CLIENT"].tls
    if tls is None:
        return
    if bool(tls.client_cert) != bool(tls.client_private_key):
        yield "TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY go together: set both or neither. (mudda.E001)"
    for source in (tls.client_cert, tls.client_private_key, tls.server_root_ca_cert):
        if isinstance(source, Path) and not source.is_file():
            yield f"A TEMPORAL_TLS_... variable names a file that isn't there: {source} (mudda.E002)"
    if tls.disabled and (tls.client_cert or settings["TEMPORAL_CLIENT"].api_key):
        yield (
            "TEMPORAL_TLS=false contradicts a certificate or TEMPORAL_API_KEY, "
            "which would go over the network in the clear. Leave one out. (mudda.E007)"
        )


def _encryption(settings: Settings, given: Given) -> Iterator[str]:
    """Temporal's web interface is shown what is encrypted, so it has to be a page that nobody else can pose as."""
    address = urlsplit(settings["TEMPORAL_UI_URL"])
    if not settings["TEMPORAL_PAYLOAD_KEYS"] or not settings["TEMPORAL_UI_URL"]:
        return
    if address.scheme not in {"http", "https"} or not address.netloc:
        yield (
            "TEMPORAL_UI_URL is the address of Temporal's web interface, such as https://temporal.example.org: "
            "its page may have payloads decrypted. (mudda.E023)"
        )
    elif settings["HTTPS_ONLY"] and address.scheme != "https":
        yield (
            "TEMPORAL_UI_URL has to begin with https:// while HTTPS_ONLY is on and TEMPORAL_PAYLOAD_KEYS are set: "
            "its page may have payloads decrypted. (mudda.E023)"
        )


def _pool(settings: Settings, given: Given) -> Iterator[str]:
    pool = settings["DATABASES"]["default"]["OPTIONS"]["pool"]
    if not 0 <= pool["min_size"] <= pool["max_size"] or pool["max_size"] < 1:
        yield "DATABASE_POOL_MIN is more than DATABASE_POOL_MAX, or one is negative. (mudda.E008)"


def _iam(settings: Settings, given: Given) -> Iterator[str]:
    """A token is sent as it is, to whoever answers: only over TLS to a server that shows who it is."""
    if not settings["DATABASE_IAM_REGION"]:
        return
    database = settings["DATABASES"]["default"]
    if database["OPTIONS"].get("sslmode") != "verify-full":
        yield "DATABASE_IAM_REGION needs sslmode=verify-full and sslrootcert in DATABASE_URL. (mudda.E040)"
    if database.get("PASSWORD") or settings["DATABASE_LISTEN_URL"]:
        yield (
            "DATABASE_IAM_REGION makes the password of each connection to the server itself: leave the one in "
            "DATABASE_URL out, and DATABASE_LISTEN_URL. (mudda.E041)"
        )


def _versions(settings: Settings, given: Given) -> Iterator[str]:
    """A build id means nothing without the deployment that it is of."""
    if bool(settings["TEMPORAL_DEPLOYMENT_NAME"]) != bool(settings["TEMPORAL_BUILD_ID"]):
        yield (
            "TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_BUILD_ID go together: "
            "set both, or neither to work without versions. (mudda.E004)"
        )


def _backup_key(settings: Settings, given: Given) -> Iterator[str]:
    """Whoever guesses it reads every back-up."""
    keys = [settings["BACKUP_KEY"], *settings["BACKUP_KEY_FALLBACKS"]]
    if not settings["DEBUG"] and any(key and _is_guessable(key) for key in keys):
        yield (
            f"BACKUP_KEY, or one of BACKUP_KEY_FALLBACKS, can be guessed: each has at least {SECRET_LENGTH} "
            'characters, made at random by `python -c "import secrets; print(secrets.token_urlsafe(50))"`. (mudda.E030)'
        )


def _retention(settings: Settings, given: Given) -> Iterator[str]:
    for name, days in settings["RETENTION_DAYS"].items():
        if days < 0:
            yield f"RETENTION_{name.upper()} is a number of days, or 0 to keep it. (mudda.E031)"


def _proxies(settings: Settings, given: Given) -> Iterator[str]:
    """A misspelt proxy would be believed by nobody, and every call would seem to come from it."""
    for text in settings["TRUSTED_PROXIES"]:
        try:
            ip_network(text)
        except ValueError as error:
            yield f"TRUSTED_PROXIES has no network in CIDR: {error} (mudda.E005)"


def _secret_key(settings: Settings, given: Given) -> Iterator[str]:
    secret = settings["SECRET_KEY"]
    if not secret:
        yield (
            "SECRET_KEY is not set. Run `make up` (it makes one and every manage.py command finds it), "
            f"or set it to at least {SECRET_LENGTH} random characters. (mudda.E006)"
        )
    elif not settings["DEBUG"] and _is_guessable(secret):
        yield (
            f"SECRET_KEY can be guessed: outside DEBUG it has at least {SECRET_LENGTH} characters, made at random by "
            '`python -c "import secrets; print(secrets.token_urlsafe(50))"`. (mudda.E006)'
        )


def _is_guessable(secret: str) -> bool:
    return len(secret) < SECRET_LENGTH or len(set(secret)) < 5 or secret.startswith("django-insecure-")


def _production(settings: Settings, given: Given) -> Iterator[str]:
    """Where TLS is on, as it is outside development, nothing is served under a name or from a database by default."""
    if not settings["HTTPS_ONLY"]:
        return
    if settings["DEBUG"]:
        yield "DEBUG=true is for development, HTTPS_ONLY=true for the opposite: leave one out. (mudda.E009)"
    for name, example in REQUIRED.items():
        if not given.get(name):
            yield f"{name} is not set: {example}. (mudda.E010)"
    if not settings["TEMPORAL_CLIENT"].address:
        yield "TEMPORAL_HOST is not set: the server's host:port, such as temporal-frontend:7233. (mudda.E010)"
    if given.get("PUBLIC_URL") and urlsplit(settings["PUBLIC_URL"]).scheme != "https":
        yield "PUBLIC_URL has to begin with https:// while HTTPS_ONLY is on. (mudda.E011)"
    if "*" in settings["ALLOWED_HOSTS"]:
        yield "ALLOWED_HOSTS=* lets anybody choose the names in our links: name the site's own. (mudda.E012)"


def _values(settings: Settings, given: Given) -> Iterator[str]:
    """Values of which there are only a few, or which are pairs."""
    if settings["OPENAI_API"] not in {"auto", "responses", "chat"}:
        yield "OPENAI_API is auto, responses or chat. (mudda.E013)"
    if not 0 <= settings["GENERATE_WAIT"] <= LONGEST_WAIT:
        yield (
            f"GENERATE_WAIT is from 0 to {LONGEST_WAIT:.0f} seconds: a request waits no longer for a draft, "
            "which goes on in the background. OPENAI_MAX_SECONDS says how long one may take. (mudda.E018)"
        )
    if bool(given.get("AWS_ACCESS_KEY_ID")) != bool(given.get("AWS_SECRET_ACCESS_KEY")):
        yield "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: set both or neither. (mudda.E014)"
    for name, least in (("API_PORT", 1), ("WORKER_HEALTH_PORT", 0), ("METRICS_PORT", 0)):
        if not least <= settings[name] < 65536:
            yield f"{name} is a port: a number from {least} to 65535. (mudda.E015)"
    if settings["LOGGING"]["root"]["level"] not in logging.getLevelNamesMapping():
        yield "LOG_LEVEL is DEBUG, INFO, WARNING, ERROR or CRITICAL. (mudda.E016)"
    if settings["LOG_FORMAT"] not in {"json", "line"}:
        yield "LOG_FORMAT is json or line. (mudda.E020)"
    if is_wanted(given) and not _speaks_http(given):
        yield (
            "Traces are told over http/protobuf: leave OTEL_EXPORTER_OTLP_PROTOCOL out, or say that. (mudda.E021)"
        )
    try:
        ZoneInfo(settings["TIME_ZONE"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "TIME_ZONE is no name of a time zone, such as America/New_York. (mudda.E017)"


def _speaks_http(given: Given) -> bool:
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    return next((given[name] for name in names if given.get(name)), HTTP_PROTOBUF) == HTTP_PROTOBUF


RULES: Final[tuple[Callable[[Settings, Given], Iterator[str]], ...]] = (
    _secret_key,
    _production,
    _pool,
    _iam,
    _temporal_tls,
    _encryption,
    _versions,
    _proxies,
    _values,
    _backup_key,
    _retention,
)

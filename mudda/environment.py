"""Where settings come from: the process environment, then ``.env``, then the running stack's own file."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured
from temporalio.envconfig import ClientConfigProfile

BASE_DIR = Path(__file__).resolve().parent.parent

T = TypeVar("T")
R = TypeVar("R")

DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")


SECRETS = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "DATABASE_URL",
    "DATABASE_LISTEN_URL",
    "TEMPORAL_API_KEY",
    "TEMPORAL_PAYLOAD_KEYS",
    "OPENAI_API_KEY",
    "EMAIL_URL",
    "SMS_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "BACKUP_KEY",
    "BACKUP_KEY_FALLBACKS",
)
"""Each may be in a file instead, which the same name with ``_FILE`` names, as Docker and Kubernetes mount them."""

GUIDE_NAMES = {
    "TEMPORAL_HOST": "TEMPORAL_ADDRESS",
    "TEMPORAL_TLS_CERT": "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "TEMPORAL_TLS_KEY": "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "TEMPORAL_TLS_SERVER_CA": "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
}
"""What the deployment guide calls some of Temporal's own variables."""


TEMPORALS_OWN = (
    *GUIDE_NAMES.values(),
    "TEMPORAL_NAMESPACE",
    "TEMPORAL_API_KEY",
    "TEMPORAL_TLS",
    "TEMPORAL_TLS_CLIENT_CERT_DATA",
    "TEMPORAL_TLS_CLIENT_KEY_DATA",
    "TEMPORAL_TLS_SERVER_CA_CERT_DATA",
    "TEMPORAL_TLS_SERVER_NAME",
    "TEMPORAL_PROFILE",
    "TEMPORAL_CONFIG_FILE",
)
"""Variables of Temporal's own that are understood, as every tool of Temporal understands them."""


_given: dict[str, dict[str, str]] = {}
_files: dict[str, Path] = {}


class NamedProblem(ValueError):
    """What is wrong with a setting, in words for whoever has to put it right; holds no secret."""


class Environment(environ.Env):  # type: ignore[misc]
    """Reads settings; what cannot be read is noted in ``problems``, so that all of it is told at once."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **named: Any) -> Any:
        try:
            return super().get_value(var, cast=cast, default=default, **named)
        except (ValueError, ImproperlyConfigured):  # the value itself may be a secret: it isn't repeated
            kind = getattr(cast, "__name__", "value")
            self.problems.append(f"{var} cannot be read: it has to be of the kind {kind}.")
            return default

    def parsed(self, name: str, parse: Callable[[T], R], given: T, *, otherwise: R) -> R:
        """``parse(given)``, or ``otherwise`` with a note that ``name`` cannot be read."""
        try:
            return parse(given)
        except NamedProblem as error:
            self.problems.append(str(error))
        except (ValueError, KeyError, ImproperlyConfigured):
            self.problems.append(f"{name} cannot be read: see .env.example for its form.")
        return otherwise


def read_environment() -> Environment:
    """Fill ``os.environ`` with what ``.env`` and a running ``make up`` say, and return a reader for it.

    What the process was given always wins; ``.env`` comes next; ``$MUDDA_HOME/stack.env`` is written by a
    running stack, so that commands in another terminal find it. ``MUDDA_ENV_FILE=`` (empty) reads neither:
    the demo and the tests depend on nothing but what they are given.
    """
    env = Environment()
    _given.setdefault("environment", dict(os.environ))
    env.problems += _read_secret_files(known=frozenset())
    env_file = os.environ.get("MUDDA_ENV_FILE", str(BASE_DIR / ".env"))
    if env_file:
        for source in (Path(env_file), mudda_home() / "stack.env"):
            if source.is_file():
                known = frozenset(name for name in SECRETS if os.environ.get(name))
                env.read_env(str(source))
                env.problems += _read_secret_files(known=known)
    return env


def as_given() -> dict[str, str]:
    """The environment that this process was started with: without what files have said since, secrets among it."""
    return dict(_given["environment"])


def secret_file(name: str) -> Path | None:
    """The file that the secret ``name`` was read from, or None where it wasn't: for what is replaced as we run."""
    return _files.get(name)


def _read_secret_files(*, known: frozenset[str]) -> list[str]:
    """Put the contents of the files that ``<NAME>_FILE`` names into ``os.environ``; return what is wrong with them.

    Args:
        known: secrets given by a source that wins over the one just read.
    """
    problems = []
    for name in SECRETS:
        path = os.environ.get(f"{name}_FILE")
        if not path:
            continue
        if os.environ.get(name) and name not in known:
            problems.append(f"{name} and {name}_FILE are both set. Keep one of them.")
            continue
        try:
            text = Path(path).read_text().strip()
            if os.environ.setdefault(name, text) == text:
                _files[name] = Path(path)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}_FILE={path} cannot be read: {type(error).__name__}.")
        else:
            del os.environ[
                f"{name}_FILE"
            ]  # what is in force now is NAME, also for the processes begun from here
    return problems


def temporal_profile(given: Mapping[str, str]) -> ClientConfigProfile:
    """How to reach Temporal: its own variables and profile file, and the guide's names for the same.

    The file is read only where ``TEMPORAL_CONFIG_FILE`` or ``TEMPORAL_PROFILE`` asks for it: whoever has one for
    the ``temporal`` command in the home folder does not mean this program by it.

    Raises:
        NamedProblem: the file or the profile in it cannot be read, or a name and its synonym disagree.
    """
    variables = {name: given[name] for name in (*GUIDE_NAMES, *TEMPORALS_OWN) if given.get(name)}
    for ours, theirs in GUIDE_NAMES.items():
        value = variables.get(ours)
        if value and variables.setdefault(theirs, value) != value:
            raise NamedProblem(f"{ours} and {theirs} say different things. Keep one of them.")
    file = variables.get("TEMPORAL_CONFIG_FILE")
    if file and not Path(file).is_file():  # the SDK would go on without it
        raise NamedProblem(f"TEMPORAL_CONFIG_FILE={file} isn't there.")
    asked = "TEMPORAL_CONFIG_FILE" in variables or "TEMPORAL_PROFILE" in variables
    try:
        return ClientConfigProfile.load(
            disable_file=not asked,
            config_file_strict=True,
            override_env_vars={"HOME": given.get("HOME", ""), **variables},
        )
    except RuntimeError as error:  # the SDK's word for whatever is wrong with the file
        raise NamedProblem(f"Temporal's configuration cannot be read: {error}") from error


def mudda_home() -> Path:
    """The folder for everything a development stack keeps (``MUDDA_HOME``, else ``.mudda`` in the project)."""
    return Path(os.environ.get("MUDDA_HOME") or BASE_DIR / ".mudda").resolve()


def database_of(url: str) -> dict[str, Any]:
    """Django's description of the database that ``url`` names.

    Raises:
        NamedProblem: it is no PostgreSQL database.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise NamedProblem(
            "mudda needs PostgreSQL (schemas, partial indexes, NOTIFY): "
            "set DATABASE_URL=postgresql+asyncpg://USER:PASSWORD@HOST:5432/NAME. (mudda.E003)"
        )
    return dict(environ.Env.db_url_config(url))


def without_driver(url: str) -> str:
    """``postgresql+asyncpg://...``, as the deployment guide writes it, without SQLAlchemy's driver name."""
    return DRIVER.sub(r"\1://", url)

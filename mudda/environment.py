"""Where settings come from: the process environment, then ``.env``, then the running stack's own file."""

import os
import re
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")


def read_environment() -> environ.Env:
    """Fill ``os.environ`` with what ``.env`` and a running ``make up`` say, and return a reader for it.

    What the process was given always wins; ``.env`` comes next; ``$MUDDA_HOME/stack.env`` is written by a
    running stack, so that commands in another terminal find it. ``MUDDA_ENV_FILE=`` (empty) reads neither:
    the demo and the tests depend on nothing but what they are given.
    """
    env = environ.Env()
    env_file = os.environ.get("MUDDA_ENV_FILE", str(BASE_DIR / ".env"))
    if env_file:
        for source in (Path(env_file), mudda_home() / "stack.env"):
            if source.is_file():
                env.read_env(str(source))
    return env


def mudda_home() -> Path:
    """The folder for everything a development stack keeps (``MUDDA_HOME``, else ``.mudda`` in the project)."""
    return Path(os.environ.get("MUDDA_HOME") or BASE_DIR / ".mudda").resolve()


def without_driver(url: str) -> str:
    """``postgresql+asyncpg://...``, as the deployment guide writes it, without SQLAlchemy's driver name."""
    return DRIVER.sub(r"\1://", url)

"""What surrounds the stack: environment variables, ports, and the folders it keeps its things in."""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import environ

from mudda.devstack.errors import StackError

MARK: Final = "MUDDA_STACK"
"""The variable that every process of a stack carries; its value is the stack's folder."""

#: All that the demo and the tests take over from whoever starts them. Everything else, known or not, is left
#: behind, so that nobody's database is touched and nobody's money is spent.
HERMETIC = frozenset(
    {
        "COLUMNS",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "USER",
    }
)

#: Variables that would bend the embedded parts away from where we started them.
BENDING = ("PG", "TEMPORAL_")


def hermetic(environment: Mapping[str, str], *, keep_prefixes: Iterable[str] = ()) -> dict[str, str]:
    """The few variables of ``environment`` that a hermetic process may see."""
    prefixes = tuple(keep_prefixes)
    return {
        name: value for name, value in environment.items() if name in HERMETIC or name.startswith(prefixes)
    }


def without(environment: Mapping[str, str], prefixes: tuple[str, ...] = BENDING) -> dict[str, str]:
    """``environment`` without the variables that begin with one of ``prefixes``."""
    return {name: value for name, value in environment.items() if not name.startswith(prefixes)}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables that a ``.env`` file sets, read as the settings read it, without touching the process."""
    if not path.is_file():
        return {}

    class Reader(environ.Env):
        ENVIRON: dict[str, str] = {}  # noqa: RUF012

    Reader.read_env(str(path))
    return dict(Reader.ENVIRON)


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """Write ``variables`` for :func:`read_env_file`, readable by the owner only, and never half of it.

    Raises:
        StackError: a value cannot be written so that it is read back the same.
    """
    text = "# Written by the running stack, removed when it stops.\n"
    text += "".join(f"{name}='{value}'\n" for name, value in variables.items())
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    if read_env_file(fresh) != dict(variables):
        fresh.unlink()
        raise StackError(
            f"a setting of the stack cannot be written to {path}: it has a quote or a line break"
        )
    fresh.replace(path)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on ``port`` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, host: str = "127.0.0.1") -> int:
    """``preferred`` if nobody listens there, else any free port of ``host``."""
    if preferred is not None and is_free(preferred, host):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_from(environment: Mapping[str, str], name: str) -> int | None:
    """The port that the variable ``name`` asks for, or None.

    Raises:
        StackError: it is not a port, or somebody listens there already.
    """
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"{name}={text} is not a port: give a number from 1 to 65535")
    return int(text)


def require_free(port: int, name: str, host: str = "127.0.0.1") -> int:
    """``port``, if a server could listen there.

    Raises:
        StackError: somebody listens there already; names the variable that chooses another.
    """
    if not is_free(port, host):
        raise StackError(
            f"port {port} on {host} is taken, or {host} is not an address of this machine. "
            f"Choose another one, for example: {name}={free_port()} make up"
        )
    return port

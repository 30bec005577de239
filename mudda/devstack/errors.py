"""What can go wrong with the stack itself."""

from pathlib import Path


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do about it."""


def tail(log: Path, lines: int = 30) -> str:
    """The last ``lines`` lines of a log, indented for quoting; says so when there is none."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return f"    (no log at {log})"
    last = text.splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in last) or f"    ({log} is empty)"

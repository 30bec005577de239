#!/usr/bin/env python
"""Django's command-line entry point."""

import atexit
import os
import sys
from typing import NoReturn

from django.core.management import execute_from_command_line


def main() -> NoReturn:
    """Carry out the command and end with its status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mudda.settings")
    status = 0
    try:
        execute_from_command_line(sys.argv)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        status = end.code
    leave(status)


def leave(status: int) -> NoReturn:
    """End without taking the interpreter down piece by piece.

    A thread of the Temporal SDK may still be letting go of the answer that the command has just used. If the
    interpreter is taken down under it, Python 3.11 and 3.12 abort the process ("PyGILState_Release: thread state must
    be current when releasing"), and a command that did its work seems to have failed:
    https://github.com/temporalio/sdk-python/issues/300.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()

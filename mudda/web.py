"""How the web server is started: one command line, for production, the development stack and the tests."""

import sys

GRACE_SECONDS = 25
"""How long requests in flight have to end, once it is asked to stop; streams of events end at once."""


def web_command(host: str, port: int) -> list[str]:
    """The command line of the web server."""
    quiet = ["--no-access-log", "--log-level", "warning"]
    # Which proxies are believed is TRUSTED_PROXIES' and BEHIND_TLS_PROXY's to say, in one place: mudda.addresses.
    plain = ["--no-proxy-headers"]
    drain = ["--timeout-graceful-shutdown", str(GRACE_SECONDS)]
    where = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "mudda.asgi:application", *where, *quiet, *plain, *drain]

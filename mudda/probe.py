"""``python -m mudda.probe [PORT [PATH]]``: ask a server on this machine whether it is well; exit code 0 if so.

For a container's health check, where there is no curl. Without a port it asks the web server.
"""

import http.client
import os
import sys


def is_well(port: int, path: str) -> bool:
    """Whether ``path`` of the server on ``port`` answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer on port {port}: {error}", file=sys.stderr)
        return False


def main(arguments: list[str]) -> int:
    port = arguments[0] if arguments else os.environ.get("API_PORT", "8000")
    path = arguments[1] if len(arguments) > 1 else "/healthz"
    return 0 if is_well(int(port), path) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

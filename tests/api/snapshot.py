"""The OpenAPI document as clients know it: ``python -m tests.api.snapshot`` keeps what it is now.

A change that breaks clients is refused, in words; ``--breaking`` keeps it all the same. What a change means for the
document's version is told in docs/api.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.breaking import breaking_changes

FILE = Path(__file__).parent / "openapi.json"
COMMAND = "make snapshot"


def current() -> dict[str, Any]:
    """The document that ``/schema`` answers, as JSON has it. Needs Django to be set up."""
    from drf_spectacular.generators import SchemaGenerator

    made = SchemaGenerator().get_schema(request=None, public=True)
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found


def kept() -> dict[str, Any]:
    """The document that was kept last."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def committed() -> dict[str, Any] | None:
    """The same as of the last commit, whatever a merge has made of the file; None before the first."""
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{FILE.name}"], cwd=FILE.parent, capture_output=True, text=True, check=False
    )
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--breaking", action="store_true", help="keep it although it breaks clients")
    asked = parser.parse_args(arguments)
    import django

    django.setup()
    old, new = committed(), current()
    breaks = breaking_changes(old, new) if old else []
    for words in breaks:
        print(f"breaks: {words}")
    if breaks and not asked.breaking:
        print(f"Nothing is kept. If clients have to change: {COMMAND} BREAKING=1", file=sys.stderr)
        return 1
    FILE.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The playbooks alone: ten thousand statements, each different, and what choosing among them takes.

``python -m benchmarks.choosing 10000`` writes them as ``manage.py evaluate_planner`` reads them.
"""

import json
import random
import subprocess  # noqa: S404
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.figures import table
from mudda.environment import BASE_DIR

OURS = BASE_DIR / "tests" / "planning" / "statements.jsonl"
"""Statements of our own, which the tests judge the playbooks by."""

STATEMENTS = 10_000
STREETS = (
    "Elm",
    "Ash",
    "Oak",
    "Mill",
    "Church",
    "Station",
    "Castle",
    "River",
    "Lake",
    "School",
    "Market",
    "Queen",
)
KINDS = ("St", "Ave", "Road", "Lane", "Blvd", "Street", "Avenue", "Drive", "Square", "Place")
OPENINGS = ("", "Hi, ", "Please help: ", "I want to report this. ", "Again! ", "To whom it may concern. ")
ENDINGS = (
    "",
    " Thanks.",
    " It has been like this for weeks.",
    " Nobody came.",
    " My son nearly fell.",
    " URGENT",
)


def measure(*, many: int) -> str:
    """Seconds and the peak of memory of a process that judges ``many`` statements, its start included."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in varied(many))
        file.flush()
        command = [sys.executable, str(BASE_DIR / "manage.py"), "evaluate_planner", file.name, "--json"]
        asked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BASE_DIR)  # noqa: S603
    found = json.loads(asked.stdout)
    return table(
        ["statements", "seconds", "statements/s", "peak memory"],
        [
            [
                f"{found['total']:,}",
                f"{found['seconds']:.1f}",
                f"{found['total'] / found['seconds']:,.0f}",
                f"{found['peak_memory_mb']:.0f} MB",
            ]
        ],
    )


def varied(many: int) -> Iterator[str]:
    """Lines of JSON, each time the same ones: our statements with a place, words around them and typing errors."""
    chance = random.Random(4)  # noqa: S311
    known = [json.loads(line) for line in OURS.read_text(encoding="utf-8").splitlines()]
    for number in range(many):
        one = known[number % len(known)]
        text = f"{_mistyped(one['text'], chance)} {_place(chance)}."
        words = f"{chance.choice(OPENINGS)}{text}{chance.choice(ENDINGS)}"
        yield json.dumps({"text": words, "category": one["category"]}, ensure_ascii=False)


def _place(chance: random.Random) -> str:
    return f"at {chance.randint(1, 2_000)} {chance.choice(STREETS)} {chance.choice(KINDS)}"


def _mistyped(text: str, chance: random.Random) -> str:
    """One letter of every third statement is left out: matching such words takes longest."""
    if chance.random() > 1 / 3:
        return text
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


if __name__ == "__main__":
    sys.stdout.writelines(line + "\n" for line in varied(int(sys.argv[1]) if sys.argv[1:] else STATEMENTS))

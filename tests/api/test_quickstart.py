"""docs/quickstart.md does what it says, to the letter, against a real web server and worker."""

import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mudda.webhooks.signing import make_secret
from tests import factories

PAGE = Path(__file__).resolve().parents[2] / "docs/quickstart.md"
SECONDS = 240


def section(heading: str, language: str) -> list[str]:
    """The code blocks in this language below a heading, as a reader would copy them."""
    part = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    assert found, (heading, language)
    return found


@pytest.fixture
def reader(live_web, live_worker, tmp_path):
    """Run a command as somebody does who has done what the page's first section says; what it prints."""
    (exports,) = section("A city", "bash")
    assert re.findall(r"\b([A-Z]+)=", exports) == ["API", "KEY"]
    factories.load_city()
    environment = {**os.environ, "API": live_web.url, "KEY": factories.make_key()}
    environment.pop("DJANGO_SETTINGS_MODULE")

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_commands_take_a_leak_from_words_to_done(reader):
    said = reader("bash", "-euc", "".join(section("With curl", "bash")))
    assert '"DRAFT"' in said and '"APPROVED"' in said and '"decided"' in said
    assert "event: execution.completed" in said
    assert '"completed"' in said.rpartition("event: execution.completed")[2]
    assert '"our_number": "2026-0815"' in said


def test_the_program_takes_a_leak_from_words_to_done(reader, tmp_path):
    (program,) = section("With Python", "python")
    (tmp_path / "leak.py").write_text(program)
    said = reader(sys.executable, "leak.py").splitlines()
    assert said[-1] == "completed 2026-0815"
    assert [line.split()[1] for line in said if line.endswith("execution.completed")]


def test_the_receiver_takes_what_is_signed_and_nothing_else():
    (code,) = section("Be told instead of asking", "python")
    found: dict = {}
    exec(code, found)  # noqa: S102 - what the page says
    secret, body = make_secret(), b'{"type":"execution.completed"}'
    number, now = f"msg_{uuid.uuid4()}", datetime.now(UTC)
    headers = {
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(number, now, body.decode()),
    }
    assert found["receive"](secret, headers, body) == {"type": "execution.completed"}
    with pytest.raises(WebhookVerificationError):
        found["receive"](secret, headers, body + b" ")

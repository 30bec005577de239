"""``manage.py doctor``: each fault that it names is brought about on a real site, and found; what is well is not
complained of."""

import json
import os
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mudda.doctor import running  # noqa: F401 - its faults
from mudda.doctor.registry import checks, faults
from tests.doctor.lonely import Lonely
from tests.doctor.provoking import PROVOCATIONS, Scene, the_mail_server_never_says_a_word

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/doctor.md"
RUNBOOKS = ROOT / "docs/runbooks"
ALL = {
    "database",
    "temporal",
    "worker",
    "messages",
    "runs",
    "email",
    "storage",
    "planner",
    "clock",
    "disk",
    "keys",
}
WELL = {"fine", "left_out"}
MORE = {the_mail_server_never_says_a_word: ("--timeout", "2")}
"""What the command line needs besides."""


@pytest.fixture(scope="module")
def lonely(one_city, tmp_path_factory):
    lonely = Lonely(tmp_path_factory.mktemp("lonely"), one_city.site.home)
    lonely.start()
    yield lonely
    lonely.stop()


@pytest.fixture
def scene(city, tmp_path, lonely, aimock):
    return Scene(city, tmp_path, f"http://127.0.0.1:{aimock}/v1", lonely)


def codes(findings):
    return {finding["code"] for finding in findings if finding["code"]}


# --- a site that is well ----------------------------------------------------------------------------


def test_a_site_that_is_well_is_not_complained_of(city, doctor):
    city.site.wait()
    found, code = doctor.findings()
    assert set(found) == ALL
    wrong = {name: [one for one in told if one["code"]] for name, told in found.items()}
    assert not any(wrong.values()), wrong
    assert code == 0
    for name in ALL - {"planner"}:  # which has no key here
        assert any(one["level"] == "fine" for one in found[name]), name


def test_it_leaves_nothing_behind_and_sends_nothing(city, doctor):
    kept = sorted((city.site.home / "media").rglob("*"))
    messages = city.rows("SELECT count(*) FROM mudda_outboxmessage")
    doctor.findings()
    assert sorted((city.site.home / "media").rglob("*")) == kept
    assert city.rows("SELECT count(*) FROM mudda_outboxmessage") == messages
    assert city.office.offered == 0


# --- each fault -------------------------------------------------------------------------------------


def test_every_fault_is_provoked():
    assert set[str]().union(*(codes for codes, _, _ in PROVOCATIONS)) == set(faults())


def test_every_check_says_what_it_looks_at():
    assert set(checks()) == ALL


@pytest.mark.parametrize(
    ("expected", "check", "provoke"), PROVOCATIONS, ids=[provoke.__name__ for _, _, provoke in PROVOCATIONS]
)
def test_a_fault_is_found_when_it_is_there(scene, doctor, expected, check, provoke):
    with provoke(scene) as variables:
        found, exit_code = doctor.findings("--only", check, *MORE.get(provoke, ()), **variables)
        for page in [page for page, asked in ASKED.items() if asked == provoke.__name__]:
            shows_what_is_seen(RUNBOOKS / page, doctor, variables)
    assert expected <= codes(found[check]), found
    for one in found[check]:
        fault = faults().get(one["code"])
        assert (one["level"], one["do"]) == (fault.level, fault.do) if fault else one["level"] in WELL
    assert exit_code == any(one["level"] == "error" for one in found[check])


# --- the runbooks -----------------------------------------------------------------------------------

RECORD = "PYTEST_RECORD_RUNBOOKS"
BLOCK = re.compile(r"```text\n\$ manage doctor (.*)\n((?:.*\n)*?)```")
ASKED = {
    "workers-gone.md": "no_worker_was_ever_there",
    "runs-not-starting.md": "workers_poll_another_queue",
    "database-away.md": "nobody_listens_on_the_port",
    "planner-failing.md": "the_key_is_refused",
    "certificate-expires.md": "the_client_certificate_is_good_for_five_days",
    "queue-growing.md": "no_worker_has_a_free_slot",
    "run-stuck.md": "a_letter_is_put_off_again_and_again",
    "key-lost.md": "the_secret_key_is_another",
}
"""The runbooks that the doctor is asked in, and what has happened then."""


def shows_what_is_seen(page, doctor, variables):
    """The page shows what the doctor says now, numbers apart; it is brought up to date where that is asked for."""
    [(words, shown)] = BLOCK.findall(page.read_text())
    told = doctor.run(*words.split(), **variables).stdout
    if os.environ.get(RECORD):
        seen = f"```text\n$ manage doctor {words}\n{told.rstrip()}\n```"
        page.write_text(BLOCK.sub(lambda _: seen, page.read_text()))
        [(_, shown)] = BLOCK.findall(page.read_text())
    assert shown.strip(), f"{page.name} does not say what the doctor says"
    assert without_numbers(told) == without_numbers(shown)


def without_numbers(text):
    """What is the same each time."""
    without_ids = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "#", text)
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.,:-]*", "#", without_ids)).strip()


def test_every_runbook_that_asks_the_doctor_is_looked_at():
    asking = {page.name for page in RUNBOOKS.glob("*.md") if BLOCK.search(page.read_text())}
    assert asking == set(ASKED)


# --- side by side -----------------------------------------------------------------------------------


def test_what_is_away_does_not_keep_the_others_from_telling(city, doctor):
    city.site.postgres.stop()
    city.site.temporal.stop()
    found, code = doctor.findings()
    assert code == 1
    assert codes(found["database"]) == {"database_unreachable"}
    assert codes(found["temporal"]) == {"temporal_unreachable"}
    assert {name for name, told in found.items() if codes(told)} == {"database", "temporal"}
    for name in ("worker", "messages", "runs", "clock", "keys"):
        assert {one["level"] for one in found[name]} == {"left_out"}, found[name]
    for name in ("email", "storage", "disk"):
        assert {one["level"] for one in found[name]} == {"fine"}, found[name]


def test_what_hangs_does_not_keep_the_others_from_telling(scene, doctor):
    with the_mail_server_never_says_a_word(scene) as variables:
        found, code = doctor.findings("--only", "email", "--only", "disk", "--timeout", "2", **variables)
    assert (codes(found["email"]), codes(found["disk"]), code) == ({"timed_out"}, set(), 1)


# --- the command ------------------------------------------------------------------------------------


def test_people_are_told_a_line_for_each_thing_and_what_to_do(doctor):
    ended = doctor.run("--only", "disk", DOCTOR_FREE_MB="1000000000")
    said, summary = ended.stdout.rstrip().split("\n\n")
    first, _, rest = said.partition("(disk_low)\n")
    assert first.startswith("ERROR   disk ")
    assert " ".join(rest.split()) == faults()["disk_low"].do
    assert summary == "1 error"
    assert ended.returncode == 1


def test_only_and_skip_choose(doctor):
    assert set(doctor.findings("--only", "disk", "--only", "storage")[0]) == {"disk", "storage"}
    skipped = [word for name in ALL - {"disk"} for word in ("--skip", name)]
    assert set(doctor.findings(*skipped)[0]) == {"disk"}


@pytest.mark.parametrize(
    "words",
    [("--only", "pigeons"), ("--skip", "pigeons"), ("--only", "disk", "--skip", "disk"), ("--timeout", "0")],
)
def test_a_wrong_command_line_is_refused_with_a_code_of_its_own(words):
    with pytest.raises(CommandError) as refused:
        call_command("doctor", *words)
    assert refused.value.returncode == 2


def test_warnings_count_for_whoever_says_so(doctor):
    words = ("--only", "database", "--json")
    few = {"DATABASE_POOL_MAX": "500"}
    assert doctor.run(*words, **few).returncode == 0
    assert doctor.run(*words, "--fail-level", "warning", **few).returncode == 1


def test_no_secret_is_told(doctor):
    secret = "hushhush-hushhush"
    variables = {
        "DATABASE_URL": f"postgresql://clerk:{secret}@127.0.0.1:9/mudda",
        "EMAIL_URL": f"smtp://clerk:{secret}@127.0.0.1:9",
        "OPENAI_API_KEY": secret,
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }
    for words in ((), ("--json",)):
        ended = doctor.run("--skip", "clock", *words, **variables)
        assert "database_unreachable" in ended.stdout
        assert secret not in ended.stdout + ended.stderr


def test_what_machines_are_told_is_json(doctor):
    told = json.loads(doctor.run("--json", "--only", "disk").stdout)
    assert set(told) == {"ok", "worst", "at", "checks"}
    assert set(told["checks"][0]) == {"name", "level", "seconds", "findings"}
    assert set(told["checks"][0]["findings"][0]) == {"level", "code", "says", "do", "facts"}


# --- the documents ----------------------------------------------------------------------------------


def test_the_page_lists_every_check_and_every_fault_with_what_to_do():
    text = PAGE.read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (?:error|warning) \| (.*) \|$", text, re.MULTILINE))
    assert listed == {fault.code: fault.do for fault in faults().values()}
    told = dict(re.findall(r"^\| `(\w+)` \| (?!error|warning)(.*) \|$", text, re.MULTILINE))
    assert told == {check.name: check.words for check in checks().values()}


def test_every_runbook_that_a_fault_names_is_there():
    for fault in faults().values():
        for name in re.findall(r"[\w-]+\.md", fault.do):
            assert (RUNBOOKS / name).exists() or (ROOT / "docs" / name).exists(), f"{fault.code}: {name}"

"""The restore drill: a site works, is backed up, loses its database and its files, and is restored, while Temporal has
gone on. Every approved plan, run and file is there; nothing is started or sent before both have been compared."""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.city import City, letter, note
from tests.faults.mail import PostOffice
from tests.links.pictures import picture
from tests.time.runs import confirm

KEPT = {
    "approvals": "SELECT id, digest, catalogue_digest, approver_id, approved_at FROM plan_approvals",
    "revisions": "SELECT id, plan_id, number, digest, canonical_text FROM plan_revisions",
    "plans": "SELECT id, status, current_id FROM workflow_plans",
    "runs": "SELECT id, plan_id, approval_id, status, execution_data, compiled FROM workflow_executions",
    "steps": "SELECT id, execution_id, step_id, status, output FROM step_runs",
    "effects": "SELECT key, status, receipt FROM effects",
    "events": "SELECT stream, seq, type, at, data FROM mudda_event",
    "files": "SELECT name, size, sha256 FROM issues_attachment UNION ALL SELECT name, size, sha256 FROM documents",
}


@pytest.fixture
def office():
    office = PostOffice()
    office.start()
    yield office
    office.stop()


@pytest.fixture
def city(office):
    # The name is one that a later session sweeps away if this one is killed.
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-drill-"))
    city = City(home, office, BACKUP_KEY=secrets.token_urlsafe(50), BACKUP_TO=str(home / "kept"))
    try:
        city.start()
        yield city
    finally:
        city.stop()
        shutil.rmtree(home, ignore_errors=True)


def report(step_id="report"):
    return {
        "step_id": step_id,
        "activity_id": "generate_report",
        "title": "Write the report",
        "inputs": {"title": "What was done", "sections": ["All of it."]},
    }


def kept(city):
    """What has to be there after a restore, in a form to compare."""
    return {name: sorted(map(str, city.rows(query))) for name, query in KEPT.items()}


def letters(city):
    """What went to citizens; people are told of their tasks besides."""
    return [mail.subject for mail in city.office.mails if "Letter" in mail.subject]


def attach(city, issue):
    headers = {"Authorization": f"Api-Key {city.keys['integration']}"}
    answer = city.http.post(
        f"/issues/{issue}/attachments", files={"file": ("leak.jpg", picture())}, headers=headers
    )
    assert answer.status_code == 201, answer.text


def destroy(city):
    """The database's machine and the files are gone. Temporal and the back-ups are elsewhere."""
    city.site.web.stop()
    city.site.postgres.stop()
    shutil.rmtree(city.site.home / "postgres")
    shutil.rmtree(city.site.home / "media")
    city.site.postgres.start()


def test_after_a_disaster_everything_is_there_and_nothing_happens_unasked(city):
    done = [city.launch(note(), letter()) for _ in range(3)] + [city.launch(note(), report())]
    for run in done:
        city.ends(run)
    attach(city, city.execution(done[0])["issue_id"])
    unused = city.approved(note())
    waiting = city.launch(confirm())
    task = city.task(waiting)
    before = kept(city)
    assert (len(before["approvals"]), len(before["runs"]), len(before["files"])) == (6, 5, 2)
    made = city.site.manage("backup").split()[-1]

    asking = city.launch(confirm())  # its row is lost, and it waits for somebody
    city.task(asking)
    city.site.worker.stop()
    orphan = city.launch(letter())  # its row is lost, and its first step is still to come
    assert city.temporal_runs_now(orphan) == ["RUNNING"]
    city.office.forget()
    destroy(city)

    said = city.site.manage("restore", "latest")
    assert made in said and "2 files written" in said
    assert kept(city) == before
    for row in city.rows(KEPT["files"]):
        content = (city.site.home / "media" / row["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]

    city.site.web.start()
    city.site.web.wait("/readyz")
    city.site.worker.start()
    city.site.worker.wait_until_said("dispatcher: off since a restore")
    assert city.temporal_runs(orphan) == ["FAILED"]
    assert "orphaned_execution" in str(city.history(orphan).to_json())
    city.decide(task, "done", by="dispatcher", answer={"confirmed": True, "notes": ""})
    assert city.execution(waiting)["status"] == "running"
    undelivered = "SELECT kind FROM mudda_outboxmessage WHERE delivered_at IS NULL AND gave_up_at IS NULL"
    assert [row["kind"] for row in city.rows(undelivered)] == ["task_decided"]

    looked = json.loads(city.site.manage("reconcile", "--dry-run", "--json"))
    assert (looked["going_on"], looked["orphans"], looked["released"]) == ([waiting], [asking], 0)
    found = json.loads(city.site.manage("reconcile", "--end-orphans", "--json"))
    assert (found["orphans_ended"], found["ended"], found["released"]) == ([asking], {}, 1)

    city.ends(waiting)
    assert city.temporal_runs(asking) == ["TERMINATED"]
    city.ends(city.execute(unused))  # what was approved can be carried out
    assert city.office.mails == []  # no letter went a second time, nor did the orphan's
